"""``defocus-bench evaluate``."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.benchmark.commands._options import from_option, keep_outputs_option, study_options
from defocus.command_line.commands import SectionedCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.baselines.recipe import BudgetName

SECTIONS = {
    "Study": ("--dataset", "--budget", "--settings", "--seeds", "--from", "--out"),
    "Evaluation": ("--weights", "--keep-outputs"),
}


@help_heading("Run")
@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@study_options()
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of seeds N; seeds 0 to N - 1 are evaluated and averaged.",
)
@click.option(
    "--weights",
    metavar="LABEL_OR_FILE",
    help="With one NAME: evaluate these weights instead of your own training. A label of 'weights "
    "list', or a file, which is checked and added.",
)
@from_option
@keep_outputs_option
def command(
    names: tuple[str, ...],
    out: Path,
    dataset: str,
    budget: "BudgetName",
    seeds: int,
    settings: Path | None,
    weights: str | None,
    start: str | None,
    *,
    keep_outputs: bool,
) -> int:
    """Evaluate trained systems again.

    The leaderboard and the reports are written anew; nothing is trained.

    Networks restore every picture again and all metrics are computed again; 'run' computes only
    what is missing. A trainable system needs a finished training in --out with the same dataset,
    budget and settings. To score pictures that another program restored, use 'score'.
    """
    if weights is not None and start is not None:
        raise click.UsageError("--weights and --from exclude each other: nothing is trained")
    if (weights or start) is not None and len(names) != 1:
        raise click.UsageError("weights belong to one system: give one NAME")
    from defocus.benchmark.leaderboard.terminal import show_outcome
    from defocus.benchmark.study.expansion import study_of
    from defocus.benchmark.study.run import evaluate_study

    study = study_of(
        out,
        dataset,
        budget,
        names=names,
        seeds=seeds,
        settings=settings,
        weights=weights,
        start=start,
    )
    study = replace(study, keep_outputs=keep_outputs)
    return show_outcome(evaluate_study(study), [study])
