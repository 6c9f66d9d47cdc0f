"""``defocus-capture chart targets``."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:  # it imports pydantic
    from defocus.extras.charts.chart_commands._settings import TargetsSettings


@click.command(name="targets", cls=SettingsCommand)
def command(settings: "TargetsSettings") -> None:
    """Write a sheet of targets to print, on A4.

    A star to focus on, and textures by which pictures are registered where a scene has none."""
    from defocus.extras.charts.sheet.svg import write_sheet
    from defocus.extras.charts.sheet.targets import make_targets
    from defocus.progress import say

    write_sheet(settings.out, make_targets())
    say(f"{settings.out}: print it at 100 % on matt A4 paper, and check the ruler")
