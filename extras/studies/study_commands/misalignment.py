"""``defocus-bench studies misalignment``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.benchmark.commands._options import MEASURED_STUDY_SECTIONS, measured_study_options
from defocus.command_line.commands import FiniteRange, SectionedCommand

if TYPE_CHECKING:
    from defocus.baselines.recipe import BudgetName

SECTIONS = {"Misalignment": ("--only", "--shift", "--zoom"), **MEASURED_STUDY_SECTIONS}


@click.command(name="misalignment", cls=SectionedCommand, sections=SECTIONS)
@measured_study_options("defocus-misalignment")
@click.option(
    "--shift",
    "shifts",
    type=FiniteRange(min=0),
    multiple=True,
    default=(0.0, 0.5, 1.0, 2.0, 4.0),
    show_default=True,
    help="Injected shift, px; repeatable.",
)
@click.option(
    "--zoom",
    "zooms",
    type=FiniteRange(min=0, max=0.2),
    multiple=True,
    default=(0.005, 0.01, 0.02),
    show_default=True,
    help="Injected zoom, as difference from 1; repeatable.",
)
@click.option(
    "--only",
    multiple=True,
    default=("unet", "jdrl-unet"),
    show_default=True,
    metavar="PATTERN",
    help="Systems to train; repeatable.",
)
def command(
    out: Path,
    dataset: str,
    budget: "BudgetName",
    settings: Path | None,
    shifts: tuple[float, ...],
    zooms: tuple[float, ...],
    only: tuple[str, ...],
    seeds: int,
    *,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Measure the effect of known misalignment.

    Systems are trained on rendered pairs with known shifts and zooms, and scored against the ground
    truth.

    Run the same command again to continue after an interruption.
    """
    from defocus.baselines.registry import all_baselines
    from defocus.benchmark.cost.study_plan import show_plan
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.benchmark.study.plan import Override, select
    from defocus.command_line.json_output import json_output
    from defocus.extras.studies.misalignment import (
        conditions,
        misalignment_document,
        misalignment_plan,
        misalignment_study,
        misalignment_table,
    )
    from defocus.settings import load_settings

    override = load_settings(Override, settings) if settings else None
    systems = select(all_baselines(), only)
    asked = (out, dataset, systems, budget, seeds, override, conditions(shifts, zooms))
    if dry_run:
        return show_plan(misalignment_plan(*asked))
    with json_output() as output:
        found, outcome = misalignment_study(*asked)
        code = outcome.say_left_out()
        if as_json:
            left_out = [one.to_json() for one in outcome.left_out]
            output.write({**misalignment_document(dataset, found), "left_out": left_out})
    if not as_json:
        print_tables([misalignment_table(found)])
    return code
