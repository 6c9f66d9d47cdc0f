"""``defocus-bench labs``."""

import click

from defocus.command_line.verbs import VerbGroup, help_heading
from defocus.extras.labs.lab_commands import board, check, seal, submit, unseal, verify


@help_heading("Share")
@click.group(name="labs", cls=VerbGroup)
def command() -> None:
    """Sign, verify and gather results of labs."""


for _module in (submit, verify, check, board, seal, unseal):
    command.add_command(_module.command)
