"""``defocus-bench train``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.benchmark.commands._options import (
    again_option,
    from_option,
    study_options,
    workers_option,
)
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.baselines.recipe import BudgetName


@help_heading("Run")
@click.command()
@click.argument("name")
@click.option(
    "--objective",
    metavar="NAME",
    help="Train the network with this objective, such as 'jdrl'; the result is named NAME-SYSTEM.",
)
@from_option
@study_options()
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of initial weights, crops and dropout.",
)
@workers_option
@again_option
def command(
    name: str,
    objective: str | None,
    start: str | None,
    out: Path,
    dataset: str,
    budget: "BudgetName",
    seed: int,
    settings: Path | None,
    workers: int | None,
    *,
    again: bool,
) -> int:
    """Train the system NAME without evaluating it.

    Run the same command again to continue from the last checkpoint. 'evaluate' and 'run' with the
    same --out use the trained weights; after --from, 'evaluate' with the same --from does.
    """
    from defocus.benchmark.study.expansion import study_of
    from defocus.benchmark.study.run import train_study

    if objective is not None:
        from defocus.baselines.registry import baseline, with_objective

        name = with_objective(baseline(name), objective).card.name
    study = study_of(
        out, dataset, budget, names=(name,), seeds=seed + 1, settings=settings, start=start,
        workers=workers,
    )  # fmt: skip
    return train_study(study.only_seed(seed), again=again)
