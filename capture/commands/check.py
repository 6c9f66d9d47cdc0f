"""The sub-command ``check``."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defocus.capture.commands._options import session_argument
from defocus.cluster.dispatcher import each
from defocus.command_line.json_output import json_output
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.processes.isolation import LeftOut
from defocus.progress import counted, say, track
from defocus.reading import parse_json, read_json

if TYPE_CHECKING:  # heavy at run time
    from defocus.capture.commands._settings import CheckSettings
    from defocus.capture.planning.shoot_record import ShootRecord
    from defocus.capture.quality.verdict import Quality
    from defocus.capture.sessions.damage import CheckedPair, SessionCheck
    from defocus.capture.sessions.state import CompletePair
    from defocus.processes.machines import Where

JUDGING_REVISION = 7
"""Revision of judging; raise it by hand when the same files get another verdict. An interrupted
check then judges again."""

VERDICTS = ".check-in-progress.jsonl"


@help_heading("Check")
@click.command(name="check", cls=SettingsCommand)
@session_argument
def command(session: Path, settings: "CheckSettings") -> int:
    """Check all files and pairs of SESSION.

    Every file is compared with its checksum, and the verdicts are listed. Pairs that their shoot
    could not judge are judged now. Pairs of the same apertures are compared with each other, and
    one whose sharp member differs from the others gets a warning. The contact sheet is written to
    SESSION/report.html, unless nothing changed since it was written.

    With --again, all pairs are judged: EXIF is compared with the requested settings, and everything
    is measured again with the limits of the shoot. Decisions made by a person stay. A check that
    was interrupted goes on with the pairs it had not judged.

    A damaged journal is rebuilt with --repair from its copies, session.json, pair.json and the
    checksums; the damaged one is kept.

    The exit code is 1 if a pair is rejected or incomplete, or if a file is missing or changed.
    """
    from defocus.capture.sessions.folder import open_session_folder, repair_session

    if settings.files_only and settings.again:
        raise click.UsageError("--files-only judges no pair; leave it or --again out")
    if settings.repair:
        for line in repair_session(session) or ["the journal is whole"]:
            say(line)
    if settings.fix_index or settings.repair:
        with open_session_folder(session, create=False) as folder:
            folder.write_index()
    if settings.as_json:
        with json_output() as out:
            report, _ = _checked(session, settings)
            out.write(report.to_json())
    else:
        report, sheet = _checked(session, settings)
        for line in report.lines():
            click.echo(line)
        if sheet is not None:
            say(f"{sheet} shows the pairs")
    return 0 if report.ok else 1


def _checked(
    session: Path, settings: "CheckSettings"
) -> "tuple[SessionCheck, Path | None]":
    """The check, and its contact sheet if there is one."""
    from defocus.capture.sessions.damage import check_session

    report = check_session(session)
    if settings.files_only:
        return report, None
    from defocus.capture.quality.beside_session import judged_beside
    from defocus.capture.sessions.contact_sheet import write_contact_sheet
    from defocus.errors import StorageError

    report = judged_beside(
        session, judged_again(session, report, settings.where, again=settings.again)
    )
    sheet = session / "report.html"
    if not settings.again and report.files_ok and _shows_all(session, sheet):
        return report, sheet
    try:
        write_contact_sheet(session, sheet, settings.where)
    except (
        StorageError
    ) as error:  # a check of a session on a read-only disk is still a check
        say(f"no contact sheet: {error}")
        return report, None
    return report, sheet


def _shows_all(session: Path, sheet: Path) -> bool:
    """Whether a contact sheet was written after the last line of the journal."""
    from defocus.capture.sessions.session import JOURNAL

    if not sheet.is_file():
        return False
    return sheet.stat().st_mtime_ns > (session / JOURNAL).stat().st_mtime_ns


class _KeptVerdicts:
    """Verdicts by what they depend on: one JSON list per line; an unreadable line is left out."""

    def __init__(self, path: Path) -> None:
        from pydantic import TypeAdapter, ValidationError

        from defocus.capture.sessions.damage import CheckedPair

        checked = TypeAdapter(CheckedPair)
        self._path = path
        self._writable = True
        self.verdicts: dict[str, CheckedPair] = {}
        with contextlib.suppress(OSError):
            for line in path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError, TypeError, ValidationError):
                    key, pair = parse_json(line)
                    self.verdicts[str(key)] = checked.validate_python(pair)

    def add(self, key: str, pair: "CheckedPair") -> None:
        """Keep a verdict; on a read-only disk the check goes on without keeping it."""
        if not self._writable:
            return
        try:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps([key, asdict(pair)]) + "\n")
        except OSError as error:
            self._writable = False
            say(
                f"{self._path}: cannot be written ({error.strerror}); the check cannot be resumed"
            )

    def forget(self) -> None:
        """Remove the file, once all verdicts are known."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Job:
    """A pair to judge in its own process."""

    root: Path
    shoot: "ShootRecord"
    pair: "CompletePair"
    checked: "CheckedPair"


def judged_again(
    root: Path, check: "SessionCheck", where: "Where" = 1, *, again: bool = False
) -> "SessionCheck":
    """Update a check with verdicts on the pairs that were not judged; with ``again``, on all.

    They are judged by the limits and calibrations of the shoot, and decisions of people stay. A
    file keeps the verdicts, so an interrupted check goes on."""
    kept = _KeptVerdicts(root / VERDICTS)
    verdicts: dict[str, CheckedPair] = {}
    left: dict[str, _Job] = {}
    for job in _unjudged(root, check, again):
        verdict = kept.verdicts.get(_key(job))
        if verdict is None:
            left[job.pair.id] = job
        else:
            verdicts[job.pair.id] = verdict
    if verdicts:
        judged = counted(len(verdicts), "pair")
        say(f"{judged} judged by the check that was interrupted")
    verdicts |= _judge(left, kept, where)
    return replace(
        check, pairs=tuple(verdicts.get(pair.id, pair) for pair in check.pairs)
    )


def _judge(
    jobs: Mapping[str, _Job], kept: _KeptVerdicts, where: "Where"
) -> "dict[str, CheckedPair]":
    """Judge pairs and keep their verdicts, until all have one."""
    verdicts = {}
    failed = False
    for name, result in track(each(_judged, jobs, where), "judging", len(jobs)):
        if isinstance(result, LeftOut):
            failed = True
            unjudged = jobs[name].checked
            reason = result.reason
            verdicts[name] = replace(unjudged, verdict="incomplete", reason=reason)
        else:
            verdicts[name] = result
            kept.add(_key(jobs[name]), result)
    if not failed:
        kept.forget()
    return verdicts


def _unjudged(root: Path, check: "SessionCheck", again: bool) -> list[_Job]:
    """Whole pairs that have no verdict; with ``again``, all whole pairs."""
    from defocus.capture.sessions.session import read_state

    state, _ = read_state(root)
    jobs = []
    for pair in check.pairs:
        whole = bool(pair.files) and all(file.ok for file in pair.files)
        if not whole or pair.id not in state.complete:
            continue
        if again or not _is_judged(root, pair.id):
            shoot = state.shoots[state.planned[pair.id].shoot]
            jobs.append(_Job(root.absolute(), shoot, state.complete[pair.id], pair))
    return jobs


def _is_judged(root: Path, pair_id: str) -> bool:
    """Whether the document of a pair has a verdict from its pictures, or from a person."""
    from defocus.capture.quality.pair_quality import NOT_JUDGED
    from defocus.capture.sessions.state import file_path

    try:
        entry = read_json(file_path(root, pair_id, "pair.json"))
        texts = [finding["text"] for finding in entry["quality"]["findings"]]
        return "verdict" in entry and not any(
            text.startswith(NOT_JUDGED) for text in texts
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False  # judging it says what is wrong with the document


def _key(job: _Job) -> str:
    """Key of a verdict: the files, the limits and the journalled verdict."""
    parts = [
        str(JUDGING_REVISION),
        job.pair.verdict,
        job.pair.reason,
        job.shoot.handling.model_dump_json(),
        *sorted(f"{stored.name} {stored.sha256}" for stored in job.pair.files),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _judged(job: _Job) -> "CheckedPair":
    from defocus.capture.sessions.state import file_path

    root = job.root
    shoot = job.shoot
    pair = job.pair
    checked = job.checked
    try:
        entry = read_json(file_path(root, pair.id, "pair.json"))
        if (pair.verdict, pair.reason) != (entry["verdict"], entry["reason"]):
            return checked  # by a person
        quality = judge_again(root, shoot, pair, entry)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return replace(
            checked, verdict="reject", reason=f"pair.json cannot be used ({error})"
        )
    if quality.verdict == pair.verdict:
        return checked
    reason = quality.reason or "nothing is wrong"
    return replace(checked, verdict=quality.verdict, reason=f"judged again: {reason}")


def judge_again(
    root: Path, shoot: "ShootRecord", pair: "CompletePair", entry: Mapping[str, Any]
) -> "Quality":
    """Judge a complete pair again; an ``entry`` that is not valid is ``ValueError`` or the like."""
    from defocus.capture.calibrations import stored_calibrations
    from defocus.capture.quality.pair_quality import judge_pair
    from defocus.capture.taking.verdicts import stored_shots

    names = {stored.name for stored in pair.files}
    shots = stored_shots(root, pair.id, names, entry, stored_calibrations(root, shoot))
    return judge_pair(shots, shoot.handling.limits, shoot.handling.strictness)
