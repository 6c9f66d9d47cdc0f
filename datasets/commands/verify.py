"""defocus-data verify."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.options import FOLDER, json_option
from defocus.command_line.verbs import help_heading
from defocus.command_line.where import on_option
from defocus.progress import counted, say, tally

if TYPE_CHECKING:  # heavy at run time; see the functions
    from defocus.datasets.differences import Verification
    from defocus.processes.machines import Where


@help_heading("Keep")
@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--repair",
    metavar="FROM",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Another copy of DIR, used to replace wrong files. Files that do not belong in DIR are "
    "moved to a folder next to it.",
)
@click.option(
    "--against",
    metavar="SOURCE",
    help="Address or folder of a release: compare DIR with its checksums instead of DIR's own.",
)
@on_option("Number of files read at once.")
@json_option()
def command(
    folder: Path,
    repair: Path | None,
    against: str | None,
    where: "Where",
    as_json: bool,
) -> int:
    """Verify every file of the release DIR.

    A file can be changed, missing, extra, renamed (its bytes are elsewhere) or swapped (it holds
    the bytes of another file, such as the sharp picture in place of the blurry one). The exit code
    is 1 if any file is wrong.
    """
    if repair is not None and against is not None:
        raise click.UsageError("--repair cannot be combined with --against")
    if not as_json:
        verification = _verified(folder, repair, against, where)
        _say(folder, verification)
        return int(not verification.ok)
    with json_output() as output:
        verification = _verified(folder, repair, against, where)
        output.write(
            {
                "ok": verification.ok,
                "wrong": [finding.to_json() for finding in verification.wrong],
            }
        )
    return int(not verification.ok)


def _verified(
    folder: Path, repair: Path | None, against: str | None, where: "Where"
) -> "Verification":
    from defocus.datasets.differences import repair_folder, verify_folder

    if against is not None:
        from defocus.datasets.fetching import place_of, verify_against

        return verify_against(folder, place_of(against), where)
    if repair is None:
        return verify_folder(folder, where)
    outcome = repair_folder(folder, repair, where)
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

    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in readable(name))
