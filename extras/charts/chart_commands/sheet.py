"""``defocus-capture chart print``."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.settings_command import SettingsCommand

if TYPE_CHECKING:  # it imports pydantic
    from defocus.extras.charts.chart_commands._settings import PrintSettings


@click.command(name="print", cls=SettingsCommand)
def command(settings: "PrintSettings") -> None:
    """Write a test chart to print.

    The chart has slanted edges of high and low contrast, stars, dead leaves, text of several sizes,
    grey and colour patches, lines, a grid, a ruler, and a frame of dots that can be found when
    strongly blurred. The file holds vectors only. Print it at 100 % on matt paper, check the ruler,
    and light it evenly.

    'chart read' measures pictures of it.
    """
    from defocus.extras.charts.sheet.layout import make_sheet, paper_name
    from defocus.extras.charts.sheet.svg import write_sheet
    from defocus.progress import say

    sheet = make_sheet(settings.layout, settings.paper, settings.dpi)
    write_sheet(settings.out, sheet)
    made = f"{paper_name(settings.paper)}, layout {settings.layout}"
    say(f"{settings.out}: {made}; print it at 100 %, without 'fit to page'")
