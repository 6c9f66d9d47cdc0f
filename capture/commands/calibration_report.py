"""The sub-command ``calibration-report``."""

from pathlib import Path

import click

from defocus.command_line.verbs import help_heading

__all__ = ["command"]


@help_heading("Prepare")
@click.command(name="calibration-report")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE...",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="PDF or HTML file to write.",
)
def command(files: tuple[Path, ...], out: Path) -> None:
    """Show calibration files with their curves.

    Each FILE was written by 'calibrate'.
    """
    from defocus.capture.calibration.report import write_calibration_report
    from defocus.progress import say

    write_calibration_report(files, out)
    say(f"{out}: written")
