"""``defocus-bench chart measure``."""

import click

from defocus.command_line.verbs import VerbGroup, help_heading
from defocus.extras.charts.chart_commands import measure, my_lens


@help_heading("Restore")
@click.group(name="chart", cls=VerbGroup)
def command() -> None:
    """Measure systems on the test chart."""


for _module in (measure, my_lens):
    command.add_command(_module.command)
