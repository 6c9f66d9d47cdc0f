"""The sub-command ``check``."""

from pathlib import Path

import click

from defocus.capture.commands._options import session_argument
from defocus.commandline import json_output

__all__ = ["command"]


@click.command(name="check")
@session_argument
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option(
    "--fix-index", is_flag=True, help="First make session.json and checksums.sha256 anew."
)
def command(session: Path, as_json: bool, fix_index: bool) -> int:
    """Compare every file of SESSION with its checksum, and list the verdicts.

    Exit code 1 where a pair is rejected or incomplete, or a file is missing or has changed.
    """
    from defocus.capture.sessions.checking import check_session
    from defocus.capture.sessions.folder import open_session_folder

    if fix_index:
        with open_session_folder(session, create=False) as folder:
            folder.write_index()

    if as_json:
        with json_output() as out:
            report = check_session(session)
            out.write(report.to_json())
    else:
        report = check_session(session)
        for line in report.lines():
            click.echo(line)
    return 0 if report.ok else 1
