"""``defocus-bench studies generalise``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.benchmark.commands._options import MEASURED_STUDY_SECTIONS, measured_study_options
from defocus.command_line.commands import SectionedCommand

if TYPE_CHECKING:
    from defocus.baselines.recipe import BudgetName

SECTIONS = {"Systems and test datasets": ("--only", "--test"), **MEASURED_STUDY_SECTIONS}


@click.command(name="generalise", cls=SectionedCommand, sections=SECTIONS)
@measured_study_options("defocus-generalisation")
@click.option(
    "--test",
    "tests",
    multiple=True,
    required=True,
    metavar="DATASET",
    help="Also test on this dataset; repeatable. --dataset is the training dataset.",
)
@click.option(
    "--only", multiple=True, required=True, metavar="PATTERN", help="Systems to train; repeatable."
)
def command(
    out: Path,
    dataset: str,
    budget: "BudgetName",
    settings: Path | None,
    tests: tuple[str, ...],
    only: tuple[str, ...],
    seeds: int,
    *,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Train on one dataset and test on others.

    Run the same command again to continue after an interruption."""
    from defocus.baselines.registry import all_baselines
    from defocus.benchmark.cost.study_plan import show_plan
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.benchmark.study.plan import Override, select
    from defocus.command_line.json_output import json_output
    from defocus.extras.studies.generalisation import (
        generalisation_document,
        generalisation_plan,
        generalisation_study,
        generalisation_table,
    )
    from defocus.settings import load_settings

    override = load_settings(Override, settings) if settings else None
    systems = select(all_baselines(), only)
    asked = (out, dataset, tests, systems, budget, seeds, override)
    if dry_run:
        return show_plan(generalisation_plan(*asked))
    with json_output() as output:
        found, outcome = generalisation_study(*asked)
        code = outcome.say_left_out()
        if as_json:
            left_out = [one.to_json() for one in outcome.left_out]
            output.write({**generalisation_document(dataset, found), "left_out": left_out})
    if not as_json:
        print_tables([generalisation_table(found)])
    return code
