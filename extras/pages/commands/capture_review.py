"""The sub-command ``review``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.capture.commands._options import session_argument
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.extras.pages.page_settings import ReviewSettings

MODELS = "defocus.extras.pages.page_settings"


@help_heading("Check")
@click.command(name="review", cls=SettingsCommand, models=MODELS)
@session_argument
def command(session: Path, page: "ReviewSettings") -> None:
    """Accept or reject pairs in the browser.

    Verdicts are added to the journal of SESSION with their reason; no picture is changed or
    deleted. The command prints the address, which holds a token and can be reached from this
    computer only.
    """
    if page.html is not None:
        from defocus.capture.sessions.contact_sheet import write_contact_sheet
        from defocus.progress import say

        pictures = write_contact_sheet(session, page.html)
        beside = (
            f" and its pictures in {pictures}; keep both together" if pictures else ""
        )
        say(f"wrote {page.html}{beside}")
        return
    from defocus.extras.pages.live.serve import serve_session

    serve_session(session, port=page.port, share=page.share)
