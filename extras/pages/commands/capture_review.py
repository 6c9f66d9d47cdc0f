"""The sub-command ``review``."""

from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._options import port_option, session_argument, share_option
from defocus.command_line.verbs import help_heading

__all__ = ["command"]


@help_heading("Check")
@click.command(name="review")
@session_argument
@port_option
@share_option
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write pairs, verdicts and numbers to one HTML file; start no server.",
)
def command(session: Path, port: int, share: Any, html: Path | None) -> None:  # noqa: ANN401 - a literal of a module not imported here
    """Accept or reject pairs in the browser.

    Verdicts are added to the journal of SESSION with their reason; no picture is changed or
    deleted. The command prints the address, which holds a token and can be reached from this
    computer only.
    """
    if html is not None:
        from defocus.capture.reporting.contact_sheet import write_contact_sheet

        write_contact_sheet(session, html)
        return
    from defocus.extras.pages.live.serve import serve_session

    serve_session(session, port=port, share=share)
