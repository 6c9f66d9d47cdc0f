"""defocus-capture log."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.capture.commands._options import session_argument
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:  # it imports pydantic
    from defocus.extras.notebook.commands._settings import LogSettings


@help_heading("Check")
@click.command(name="log", cls=SettingsCommand)
@session_argument
def command(session: Path, settings: "LogSettings") -> int:
    """Write the log of a session's days.

    Each pair has a line with the time of its shots, scene, verdict, settings, camera, lens and
    notes, and each shot of the test chart a line with its results. Nothing in SESSION is changed.
    The exit code is 1 if the document of a pair cannot be read: its line has no settings.
    """
    from defocus.extras.notebook.log import write_log
    from defocus.progress import say

    unread = write_log(session, settings.out, settings.by)
    for pair in unread:
        say(f"pair {pair.id} has no settings in the log: {pair.reason}", error=True)
    say(f"{settings.out}: written")
    return int(bool(unread))
