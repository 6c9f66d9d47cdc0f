"""``defocus-bench ablate``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.benchmark.commands._options import MEASURED_STUDY_SECTIONS, measured_study_options
from defocus.command_line.commands import SectionedCommand

if TYPE_CHECKING:
    from defocus.baselines.recipes.recipe import BudgetName

SECTIONS = {"Ablation": ("--narrow", "--equal-time"), **MEASURED_STUDY_SECTIONS}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("objective")
@measured_study_options("defocus-ablation")
@click.option(
    "--narrow",
    is_flag=True,
    help="Use networks of 16 channels and 2000 steps of 64 px: minutes per row on a CPU.",
)
@click.option(
    "--equal-time",
    is_flag=True,
    help="Also train the plain loss and its controls for as long as the objective takes.",
)
def command(
    objective: str,
    out: Path,
    dataset: str,
    budget: "BudgetName",
    settings: Path | None,
    seeds: int,
    *,
    narrow: bool,
    equal_time: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Measure what each part of a training adds.

    OBJECTIVE is one that declares an ablation, such as jdrl. The rows follow the table of its
    paper.

    Run the same command again to continue after an interruption.
    """
    from defocus.baselines.ablation import ablation_of
    from defocus.benchmark.cost.study_plan import show_plan
    from defocus.benchmark.experiments.ablation.gains import bin_names
    from defocus.benchmark.experiments.ablation.study import ablate, ablation_plan
    from defocus.benchmark.experiments.ablation.tables import blur_table, paper_table
    from defocus.benchmark.leaderboard.terminal import print_tables
    from defocus.command_line.commands import json_output
    from defocus.files import write_json
    from defocus.progress import say

    ablation = ablation_of(objective)
    if dry_run:
        if equal_time:
            say("the trainings of --equal-time are added later: their steps follow from the others")
        return show_plan(
            [ablation_plan(ablation, out, dataset, budget, seeds, settings, narrow=narrow)]
        )
    with json_output() as output:
        measured = ablate(
            ablation, out, dataset, budget, seeds, settings, narrow=narrow, equal_time=equal_time
        )
        document = {
            "dataset": dataset,
            "circle_of_confusion_px": list(bin_names()),
            "lines": [line.to_json() for line in measured],
        }
        write_json(out / "ablation.json", document)
        if as_json:
            output.write(document)
    if not as_json:
        print_tables([paper_table(ablation.name, measured), blur_table(measured, bin_names())])
    return 0
