"""``defocus-bench train``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from defocus.baselines.recipe import BudgetName


@click.command()
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("defocus-results"),
    show_default=True,
    help="Folder of the study that the run belongs to.",
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
    help="How long to train.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of weights, crops and dropout.",
)
@click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="TOML file with a table [schedule]: steps, crop_px, batch, learning_rate.",
)
def command(
    name: str, out: Path, dataset: str, budget: "BudgetName", seed: int, settings: Path | None
) -> None:
    """Train the system NAME on a dataset, without evaluating it.

    Killed or interrupted and started again, it goes on at its last checkpoint; 'evaluate' and
    'run' with the same --out take the trained weights from there.
    """
    from defocus.benchmark.request import study_of
    from defocus.benchmark.run import train_study

    study = study_of(out, dataset, budget, names=(name,), seeds=seed + 1, settings=settings)
    train_study(study.only_seed(seed))
