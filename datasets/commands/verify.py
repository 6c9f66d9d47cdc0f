"""defocus-data verify."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import documents_of, json_output
from defocus.command_line.options import FOLDER
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.progress import counted, printable, say, tally

if TYPE_CHECKING:  # heavy at run time; see the functions
    from defocus.datasets.commands._settings import VerifySettings
    from defocus.datasets.differences import Verification


@help_heading("Keep")
@click.command(cls=SettingsCommand)
@click.argument("folder", metavar="DIR", type=FOLDER)
def command(folder: Path, settings: "VerifySettings") -> int:
    """Verify every file of the release DIR.

    A file can be changed, missing, extra, renamed (its bytes are elsewhere) or swapped (it holds
    the bytes of another file, such as the sharp picture in place of the blurry one). The exit code
    is 1 if any file is wrong.
    """
    if settings.repair is not None and settings.against is not None:
        raise click.UsageError("--repair cannot be combined with --against")
    if not settings.as_json:
        verification = _verified(folder, settings)
        _say(folder, verification)
        return int(not verification.ok)
    with json_output() as output:
        verification = _verified(folder, settings)
        output.write(
            {
                "ok": verification.ok,
                "wrong": documents_of(verification.wrong),
            }
        )
    return int(not verification.ok)


def _verified(folder: Path, settings: "VerifySettings") -> "Verification":
    from defocus.datasets.differences import repair_folder, verify_folder

    if settings.against is not None:
        from defocus.datasets.fetching import place_of, verify_against

        return verify_against(folder, place_of(settings.against), settings.where)
    if settings.repair is None:
        return verify_folder(folder, settings.where)
    outcome = repair_folder(folder, settings.repair, settings.where)
    for finding in outcome.before:
        say(f"was {finding.kind}: {finding.file}")
    if outcome.aside is not None:
        say(f"extra files were moved to {outcome.aside}")
    return outcome.after


def _say(folder: Path, verification: "Verification") -> None:
    for finding in verification.wrong:
        place = f" (its bytes are in {finding.now})" if finding.now else ""
        click.echo(f"{finding.kind:<8} {_line(finding.file)}{_line(place)}")
    click.echo(f"{folder}: {_outcome(verification)}")


def _outcome(verification: "Verification") -> str:
    if verification.ok:
        return f"{counted(len(verification.hashes), 'file')}, nothing wrong"
    if verification.truth is None:
        return "its manifests are damaged; what else is wrong cannot be said, repair it from a copy"
    kinds = Counter(finding.kind for finding in verification.wrong)
    text = tally(dict(sorted(kinds.items())))
    if set(kinds) == {"missing"}:
        whole = len(verification.truth.hashes.keys() & verification.hashes.keys())
        return f"{text}, {counted(whole, 'file')} right; 'defocus-data fetch' gets what is missing"
    return f"{counted(len(verification.wrong), 'file')} wrong: {text}"


def _line(name: str) -> str:
    """A name on one line, with control characters escaped."""
    from defocus.datasets.differences import readable

    return printable(readable(name))
