"""``defocus-bench studies``."""

import click

from defocus.command_line.verbs import VerbGroup, help_heading
from defocus.extras.studies.study_commands import (
    ablate,
    cross,
    generalise,
    maps,
    misalignment,
    render_doses,
)


@help_heading("Study")
@click.group(name="studies", cls=VerbGroup)
def command() -> None:
    """Study ablation, misalignment and transfer."""


for _module in (ablate, misalignment, generalise, cross, render_doses, maps):
    command.add_command(_module.command)
