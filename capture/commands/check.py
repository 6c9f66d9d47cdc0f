"""The sub-command ``check``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.capture.commands._options import session_argument
from defocus.command_line.json_output import json_output
from defocus.command_line.options import jobs_option, json_option
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.capture.sessions.damage import SessionCheck


@help_heading("Check")
@click.command(name="check")
@session_argument
@json_option()
@click.option("--fix-index", is_flag=True, help="Rebuild session.json and checksums.sha256 first.")
@click.option(
    "--repair",
    is_flag=True,
    help="Rebuild a damaged journal first, and say line by line what was done.",
)
@click.option(
    "--files-only",
    is_flag=True,
    help="Compare checksums only; do not measure and do not write report.html.",
)
@jobs_option("Number of processes.")
def command(
    session: Path, as_json: bool, fix_index: bool, repair: bool, files_only: bool, jobs: int
) -> int:
    """Check all files and pairs of SESSION again.

    Every file is compared with its checksum, every pair is judged again, and the verdicts are
    listed.

    EXIF is compared with the requested settings, and everything is measured again with the limits
    of the shoot. Decisions made by a person stay. The contact sheet is written to
    SESSION/report.html. A check that was interrupted goes on with the pairs it had not judged.

    A damaged journal is rebuilt with --repair from its copies, session.json, pair.json and the
    checksums; the damaged one is kept.

    The exit code is 1 if a pair is rejected or incomplete, or if a file is missing or changed.
    """
    from defocus.capture.sessions.folder import open_session_folder, repair_session
    from defocus.progress import say

    if repair:
        for line in repair_session(session) or ["the journal is whole"]:
            say(line)
    if fix_index or repair:
        with open_session_folder(session, create=False) as folder:
            folder.write_index()
    if as_json:
        with json_output() as out:
            report, _ = _checked(session, files_only=files_only, jobs=jobs)
            out.write(report.to_json())
    else:
        report, sheet = _checked(session, files_only=files_only, jobs=jobs)
        for line in report.lines():
            click.echo(line)
        if sheet is not None:
            say(f"{sheet} shows the pairs")
    return 0 if report.ok else 1


def _checked(session: Path, *, files_only: bool, jobs: int) -> "tuple[SessionCheck, Path | None]":
    """The check, and its contact sheet if one could be written."""
    from defocus.capture.sessions.damage import check_session

    report = check_session(session)
    if files_only:
        return report, None
    from defocus.capture.sessions.contact_sheet import write_contact_sheet
    from defocus.capture.taking.second_verdicts import judged_again
    from defocus.errors import StorageError
    from defocus.progress import say

    report, sheet = judged_again(session, report, jobs), session / "report.html"
    try:
        write_contact_sheet(session, sheet, jobs)
    except StorageError as error:  # a check of a session on a read-only disk is still a check
        say(f"no contact sheet: {error}")
        return report, None
    return report, sheet
