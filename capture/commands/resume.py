"""The sub-command ``resume``."""

from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._options import hook_option, session_argument

__all__ = ["command"]


@click.command(name="resume")
@session_argument
@click.option(
    "--camera",
    "uris",
    multiple=True,
    metavar="URI",
    help="Address of the camera, where it is another now.",
)
@hook_option
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--json-lines", is_flag=True, help="Print every journal line on stdout.")
def command(
    session: Path,
    uris: tuple[str, ...],
    hook: Any,  # noqa: ANN401 - a hook, whose module is not imported here
    yes: bool,
    json_lines: bool,
) -> int:
    """Go on with a session that was cut short, at its first incomplete pair.

    Files of complete pairs that are missing or have changed are fetched from the camera's card,
    where they are still there; exit code 1 names those that are not. A pair that was cut short is
    shot again as a whole; what there is of it is kept in SESSION/interrupted. A shoot that was
    given --yes needs no second one, unless the camera is another now.
    """
    from defocus.capture.taking.resuming import resume_session

    return resume_session(session, uris=uris, yes=yes, json_lines=json_lines, hook=hook)
