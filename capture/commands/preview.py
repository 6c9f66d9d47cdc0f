"""The sub-command ``preview``."""

from pathlib import Path

import click

from defocus.capture.commands._options import camera_option, port_option
from defocus.command_line.json_output import json_output
from defocus.command_line.verbs import help_heading

__all__ = ["command"]


@help_heading("Prepare")
@click.command(name="preview")
@camera_option
@click.option(
    "--frames",
    type=click.IntRange(1, 100_000),
    default=1,
    show_default=True,
    help="Number of pictures to measure.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="JPEG file for the last picture.",
)
@click.option(
    "--web", is_flag=True, help="Show the live view in the browser, on --port, until Ctrl-C."
)
@port_option
@click.option("--json-lines", is_flag=True, help="Print a JSON object for each picture.")
def command(
    uri: str, frames: int, out: Path | None, web: bool, port: int, json_lines: bool
) -> None:
    """Show sharpness and exposure of the live view.

    No shot is taken. The histogram shows linear light. --web shows the live view in the browser,
    with focus peaking.
    """
    if web:
        from defocus.capture.live.view_only import serve_preview

        serve_preview(uri, port=port)
        return
    from defocus.capture.live.frames import previews
    from defocus.files import write_bytes

    if json_lines:
        with json_output() as printed:
            for view in previews(uri, frames):
                printed.write(view.numbers())
    else:
        for view in previews(uri, frames):
            click.echo(view.line())
    if out is not None:
        write_bytes(out, view.jpeg)
