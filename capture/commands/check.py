"""The sub-command ``check``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.capture.commands._options import session_argument
from defocus.commandline import json_output

if TYPE_CHECKING:
    from defocus.capture.sessions.checking import SessionCheck

__all__ = ["command"]


@click.command(name="check")
@session_argument
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option(
    "--fix-index", is_flag=True, help="First make session.json and checksums.sha256 anew."
)
@click.option(
    "--files-only", is_flag=True, help="Compare checksums, measure nothing, write no report.html."
)
def command(session: Path, as_json: bool, fix_index: bool, files_only: bool) -> int:
    """Compare every file of SESSION with its checksum, judge all pairs again, list the verdicts.

    EXIF is compared with what was asked and everything is measured anew, with the limits of the
    shoot; what a person decided stays. The contact sheet is written to SESSION/report.html.

    Exit code 1 where a pair is rejected or incomplete, or a file is missing or has changed.
    """
    from defocus.capture.sessions.folder import open_session_folder

    if fix_index:
        with open_session_folder(session, create=False) as folder:
            folder.write_index()
    if as_json:
        with json_output() as out:
            report = _checked(session, files_only=files_only)
            out.write(report.to_json())
    else:
        report = _checked(session, files_only=files_only)
        for line in report.lines():
            click.echo(line)
    return 0 if report.ok else 1


def _checked(session: Path, *, files_only: bool) -> "SessionCheck":
    from defocus.capture.sessions.checking import check_session

    report = check_session(session)
    if files_only:
        return report
    from defocus.capture.live.contact_sheet import write_contact_sheet
    from defocus.capture.taking.judging_again import judged_again
    from defocus.errors import StorageError
    from defocus.progress import say

    report = judged_again(session, report)
    try:
        write_contact_sheet(session, session / "report.html")
    except StorageError as error:  # a check of a session on a read-only disk is still a check
        say(f"no contact sheet: {error}")
    return report
