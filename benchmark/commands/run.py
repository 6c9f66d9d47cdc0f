"""``defocus-bench run``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.benchmark.commands._options import study_options

if TYPE_CHECKING:
    from defocus.baselines.recipe import BudgetName


@click.command()
@click.option("--all", "every", is_flag=True, help="Every registered system that is no variant.")
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Systems whose whole name matches this shell pattern, variants included; repeatable.",
)
@click.option("--variants", is_flag=True, help="With --all: variants of systems too.")
@study_options
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Train with this many seeds and average.",
)
def command(
    every: bool,
    only: tuple[str, ...],
    variants: bool,
    out: Path,
    dataset: str,
    budget: "BudgetName",
    seeds: int,
    settings: Path | None,
) -> int:
    """Train and evaluate systems on a dataset; write leaderboard and reports.

    Killed or interrupted and started again with the same --out, it goes on where it was.
    """
    if not (every or only):
        raise click.UsageError(
            "say --all for every system or --only PATTERN for some; 'defocus-bench list' shows them"
        )
    from defocus.benchmark.request import study_of
    from defocus.benchmark.run import run_study
    from defocus.benchmark.terminal import show_outcome

    study = study_of(
        out, dataset, budget, only=only, variants=variants, seeds=seeds, settings=settings
    )
    return show_outcome(run_study(study), study)
