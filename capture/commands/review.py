"""The sub-command ``review``."""

from pathlib import Path

import click

from defocus.capture.commands._options import port_option, session_argument

__all__ = ["command"]


@click.command(name="review")
@session_argument
@port_option
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the pairs, their verdicts and numbers as one HTML file, and serve nothing.",
)
def command(session: Path, port: int, html: Path | None) -> None:
    """Look through SESSION in the browser, and accept or reject its pairs.

    Verdicts are added to the journal with their reason; no file is changed or deleted. The address
    is printed; it holds a token, and only programs on this computer reach it.
    """
    if html is not None:
        from defocus.capture.live.contact_sheet import write_contact_sheet

        write_contact_sheet(session, html)
        return
    from defocus.capture.live.serve import serve_session

    serve_session(session, port=port)
