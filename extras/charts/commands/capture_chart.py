"""``defocus-capture chart``."""

import click

from defocus.command_line.verbs import VerbGroup, help_heading
from defocus.extras.charts.chart_commands import lens, mtf, read, sheet, shoot, targets


@help_heading("Test chart")
@click.group(name="chart", cls=VerbGroup)
def command() -> None:
    """Print, shoot and read test charts."""


for _module in (sheet, shoot, read, lens, mtf, targets):
    command.add_command(_module.command)
