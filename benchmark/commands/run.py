"""``defocus-bench run``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

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
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("defocus-results"),
    show_default=True,
    help="Folder of the study; finished runs in it are not repeated.",
)
@click.option(
    "--dataset",
    default="sample",
    show_default=True,
    help="READER:PATH, 'sample' or 'sample:strong'.",
)
@click.option(
    "--budget",
    type=click.Choice(["demo", "quick", "paper"]),
    default="demo",
    show_default=True,
    help="How long to train; nothing is ranked under demo and quick.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Train with this many seeds and average.",
)
@click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="TOML file with a table [schedule]: steps, crop_px, batch, learning_rate.",
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
    return show_outcome(run_study(study), out)
