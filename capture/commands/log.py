"""The sub-command ``log``."""

from pathlib import Path

import click

from defocus.capture.commands._options import session_argument

__all__ = ["command"]


@click.command(name="log")
@session_argument
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="PDF, HTML or CSV file to write; an existing one is replaced.",
)
def command(session: Path, out: Path) -> None:
    """Write the log of a session's days.

    Each pair has a line with its time, scene, verdict, settings and notes, and each shot of the
    test chart one with what it shows. Nothing in SESSION is changed.
    """
    from defocus.capture.live.views.log import write_log
    from defocus.progress import say

    write_log(session, out)
    say(f"{out}: written")
