"""``defocus-bench train``."""

from typing import TYPE_CHECKING

import click

from defocus.benchmark.commands._options import SETTINGS
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.benchmark.study.options import TrainOptions


@help_heading("Run")
@click.command(cls=SettingsCommand, models=SETTINGS)
@click.argument("name")
def command(name: str, options: "TrainOptions") -> int:
    """Train the system NAME without evaluating it.

    Run the same command again to continue from the last checkpoint. 'evaluate' and 'run' with the
    same --out use the trained weights; after --from, 'evaluate' with the same --from does.
    """
    from defocus.baselines.registry import plain_baseline, with_objective
    from defocus.benchmark.study.expansion import study_of
    from defocus.benchmark.study.run import train_study

    system = plain_baseline(name)
    if options.objective is not None:
        system = with_objective(system, options.objective)
    names = (system.card.name,)
    study = study_of(
        options,
        names,
        options.seed + 1,
        options.source,
        workers=options.workers,
    )
    return train_study(study.only_seed(options.seed), again=options.again)
