"""defocus-capture log."""

from pathlib import Path

import click

from defocus.capture.commands._options import session_argument
from defocus.command_line.options import FILE
from defocus.command_line.verbs import help_heading


@help_heading("Check")
@click.command(name="log")
@session_argument
@click.option(
    "--out",
    required=True,
    type=FILE,
    help="PDF, HTML or CSV file to write; an existing one is replaced.",
)
@click.option(
    "--by",
    default="",
    metavar="NAME",
    help="Who shot the session, where 'shoot --by' was not given.",
)
def command(session: Path, out: Path, by: str) -> int:
    """Write the log of a session's days.

    Each pair has a line with the time of its shots, scene, verdict, settings, camera, lens and
    notes, and each shot of the test chart a line with its results. Nothing in SESSION is changed.
    The exit code is 1 if the document of a pair cannot be read: its line has no settings.
    """
    from defocus.extras.notebook.log import write_log
    from defocus.progress import say

    unread = write_log(session, out, by)
    for pair in unread:
        say(f"pair {pair.id} has no settings in the log: {pair.reason}", error=True)
    say(f"{out}: written")
    return int(bool(unread))
