"""``defocus-capture chart targets``."""

from pathlib import Path

import click

from defocus.command_line.options import FILE


@click.command(name="targets")
@click.option(
    "--out",
    required=True,
    type=FILE,
    metavar="FILE",
    help="PDF or SVG file to write.",
)
def command(out: Path) -> None:
    """Write a sheet of targets to print, on A4.

    A star to focus on, and textures by which pictures are registered where a scene has none."""
    from defocus.extras.charts.sheet.svg import write_sheet
    from defocus.extras.charts.sheet.targets import make_targets
    from defocus.progress import say

    write_sheet(out, make_targets())
    say(f"{out}: print it at 100 % on matt A4 paper, and check the ruler")
