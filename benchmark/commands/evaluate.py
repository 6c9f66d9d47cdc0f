"""``defocus-bench evaluate``."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from defocus.benchmark.commands._options import SETTINGS
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.benchmark.study.options import EvaluateOptions

HEADINGS = ("Study", "Evaluation")


@help_heading("Run")
@click.command(cls=SettingsCommand, models=SETTINGS, headings=HEADINGS, others="Study")
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
def command(names: tuple[str, ...], options: "EvaluateOptions") -> int:
    """Evaluate trained systems again.

    The leaderboard and the reports are written again; nothing is trained.

    Networks restore every picture again and all metrics are computed again; 'run' computes only
    what is missing. A trainable system needs a finished training in --out with the same dataset,
    budget and settings. To score pictures that another program restored, use 'score'.
    """
    weights, start = options.weights, options.source
    if weights is not None and start is not None:
        raise click.UsageError(
            "--weights and --from exclude each other: nothing is trained"
        )
    if (weights or start) is not None and len(names) != 1:
        raise click.UsageError("weights belong to one system: give one NAME")
    from defocus.benchmark.leaderboard.terminal import show_outcome
    from defocus.benchmark.study.expansion import study_of
    from defocus.benchmark.study.run import evaluate_study

    study = study_of(
        options,
        names,
        options.seeds,
        start,
        weights=weights,
        scales=options.scales,
    )
    study = replace(study, keep_outputs=options.keep_outputs)
    return show_outcome(evaluate_study(study, options.where), [study])
