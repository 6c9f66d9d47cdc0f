"""``defocus-bench evaluate``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from defocus.baselines.recipe import BudgetName


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("defocus-results"),
    show_default=True,
    help="Folder of the study that holds the trained runs.",
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
    help="Under which the systems were trained.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Seeds 0 to N - 1 are evaluated and averaged.",
)
@click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="TOML file with a table [schedule]: steps, crop_px, batch, learning_rate.",
)
def command(
    names: tuple[str, ...],
    out: Path,
    dataset: str,
    budget: "BudgetName",
    seeds: int,
    settings: Path | None,
) -> int:
    """Evaluate trained systems again, without training; write leaderboard and reports.

    Of use after a metric's weights have been fetched. Systems that train need a finished
    training in --out, of the same dataset, budget and settings.
    """
    from defocus.benchmark.request import study_of
    from defocus.benchmark.run import evaluate_study
    from defocus.benchmark.terminal import show_outcome

    study = study_of(out, dataset, budget, names=names, seeds=seeds, settings=settings)
    return show_outcome(evaluate_study(study), out)
