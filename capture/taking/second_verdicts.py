"""Judge the pairs of a session again from their files."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from defocus.capture.calibrations import stored_calibrations
from defocus.capture.planning.shoot_record import ShootRecord
from defocus.capture.quality.pair_quality import judge_pair
from defocus.capture.quality.verdict import Quality
from defocus.capture.sessions.damage import CheckedPair, SessionCheck
from defocus.capture.sessions.session import read_state
from defocus.capture.sessions.state import CompletePair, file_path
from defocus.capture.taking.verdicts import stored_shots
from defocus.processes import in_processes
from defocus.progress import counted, say, track
from defocus.reading import read_json

JUDGING_REVISION = 1
"""Raised by hand where the same files get another verdict: an interrupted check judges again."""

NAME = ".check-in-progress.jsonl"

_CHECKED = TypeAdapter(CheckedPair)


class KeptVerdicts:
    """Verdicts by what they depend on: a JSON list a line; an unreadable one is left out."""

    def __init__(self, path: Path) -> None:
        self._path, self._writable = path, True
        self.verdicts: dict[str, CheckedPair] = {}
        with contextlib.suppress(OSError):
            for line in path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError, TypeError, ValidationError):
                    key, pair = json.loads(line)
                    self.verdicts[str(key)] = _CHECKED.validate_python(pair)

    def add(self, key: str, pair: CheckedPair) -> None:
        """Keep a verdict; on a read-only disk the check goes on without."""
        if not self._writable:
            return
        try:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps([key, asdict(pair)]) + "\n")
        except OSError as error:
            self._writable = False
            say(f"{self._path}: cannot be written ({error.strerror}); the check cannot be resumed")

    def forget(self) -> None:
        """Remove the file, once all verdicts are known."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Job:
    """A pair to judge in its own process."""

    root: Path
    shoot: ShootRecord
    pair: CompletePair
    checked: CheckedPair


def judged_again(root: Path, check: SessionCheck, jobs: int = 1) -> SessionCheck:
    """Update a check with new verdicts from the files, by the limits and calibrations of the shoot.

    Decisions of people stay; a file keeps the verdicts, so an interrupted check goes on."""
    state, _ = read_state(root)
    whole = [pair for pair in check.pairs if pair.files and all(file.ok for file in pair.files)]
    work = [
        _Job(root, state.shoots[state.planned[pair.id].shoot], state.complete[pair.id], pair)
        for pair in whole
        if pair.id in state.complete
    ]
    kept = KeptVerdicts(root / NAME)
    verdicts = {job.pair.id: kept.verdicts.get(_key(job)) for job in work}
    left = {job.pair.id: job for job in work if verdicts[job.pair.id] is None}
    if len(left) < len(work):
        say(f"{counted(len(work) - len(left), 'pair')} judged by the check that was interrupted")
    judged_now = in_processes(_judged, [*left.values()], jobs)
    for judged in track(judged_now, "judging", len(left)):
        verdicts[judged.id] = judged
        kept.add(_key(left[judged.id]), judged)
    kept.forget()
    return replace(check, pairs=tuple(verdicts.get(pair.id) or pair for pair in check.pairs))


def _key(job: _Job) -> str:
    """What a verdict depends on: the files, the limits and the journalled verdict."""
    parts = [
        str(JUDGING_REVISION),
        job.pair.verdict,
        job.pair.reason,
        job.shoot.handling.model_dump_json(),
        *sorted(f"{stored.name} {stored.sha256}" for stored in job.pair.files),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _judged(job: _Job) -> CheckedPair:
    root, shoot, pair, checked = job.root, job.shoot, job.pair, job.checked
    try:
        entry = read_json(file_path(root, pair.id, "pair.json"))
        if (pair.verdict, pair.reason) != (entry["verdict"], entry["reason"]):
            return checked  # by a person
        quality = judge_again(root, shoot, pair, entry)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return replace(checked, verdict="reject", reason=f"pair.json cannot be used ({error})")
    if quality.verdict == pair.verdict:
        return checked
    reason = quality.reason or "nothing is wrong"
    return replace(checked, verdict=quality.verdict, reason=f"judged again: {reason}")


def judge_again(
    root: Path, shoot: ShootRecord, pair: CompletePair, entry: Mapping[str, Any]
) -> Quality:
    """Judge a complete pair again; an ``entry`` that is not valid is ``ValueError`` or the like."""
    names = {stored.name for stored in pair.files}
    shots = stored_shots(root, pair.id, names, entry, stored_calibrations(root, shoot))
    return judge_pair(shots, shoot.handling.limits, shoot.handling.strictness)
