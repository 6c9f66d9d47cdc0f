"""The sub-command ``resume``."""

from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._options import hook_option, session_argument
from defocus.command_line.verbs import help_heading

__all__ = ["command"]


@help_heading("Shoot")
@click.command(name="resume")
@session_argument
@click.option(
    "--camera",
    "uris",
    multiple=True,
    metavar="URI",
    help="Address of the camera, if it has changed.",
)
@hook_option
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json-lines", is_flag=True, help="Print every journal line on stdout.")
def command(
    session: Path,
    uris: tuple[str, ...],
    hook: Any,  # noqa: ANN401 - a hook, whose module is not imported here
    yes: bool,
    json_lines: bool,
) -> int:
    """Continue an interrupted session.

    A pair that has all its shots is only judged. Shooting continues at the first of the others,
    which is shot again as a whole; its files are moved to SESSION/interrupted. Missing or changed
    files of complete pairs are fetched from the camera's card. If some are no longer there, they
    are listed and the exit code is 1. If the shoot was started with --yes, it is not needed again
    unless the camera has changed.
    """
    from defocus.capture.taking.resuming import resume_session

    return resume_session(session, uris=uris, yes=yes, json_lines=json_lines, hook=hook)
