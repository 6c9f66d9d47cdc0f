"""Check that every pair of a session is present, complete and unchanged; what is damaged."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Literal

from defocus.capture.sessions.additions import added_words, left_to_read
from defocus.capture.sessions.lines import VERDICT_WORDS, StoredFile, added_id
from defocus.capture.sessions.session import file_problem, index_problem, read_state
from defocus.capture.sessions.state import (
    AddedShot,
    CompletePair,
    Owner,
    SessionState,
    added_numbers,
    is_pair_id,
)
from defocus.progress import counted, say, track


@dataclass(frozen=True)
class DamagedFile:
    """A damaged file of a pair or of ``flat 0001``, with its journal record and its problem."""

    pair: str
    stored: StoredFile
    problem: str


def damaged_files(root: Path, state: SessionState) -> list[DamagedFile]:
    """Hash every file of accepted pairs and of other shots, and return the damaged ones."""
    rejected = {pair.id for pair in state.complete.values() if pair.verdict == "reject"}
    owners = [owner for owner in state.owners if owner.id not in rejected]
    damaged: list[DamagedFile] = []
    for owner in track(owners, "checking"):
        damaged += _damage(root, owner)
    return damaged


def _damage(root: Path, owner: Owner) -> Iterator[DamagedFile]:
    for stored in owner.files:
        if problem := file_problem(root, owner.id, stored):
            yield DamagedFile(owner.id, stored, problem)


def report_damage(damaged: list[DamagedFile]) -> None:
    """Report pairs and shots with files that are not restored, each in a line with advice."""
    for pair, group in groupby(damaged, key=lambda entry: entry.pair):
        first, *others = [entry.problem for entry in group]
        more = f" and {counted(len(others), 'further file')} of it" if others else ""
        advice = "restore it from a copy"
        if is_pair_id(pair):
            advice += ", or reject the pair"
        say(f"{pair}  incomplete: {first}{more}; {advice}")


@dataclass(frozen=True)
class CheckedFile:
    """A file, its original hash, and whether it still has it."""

    name: str
    sha256: str
    ok: bool


@dataclass(frozen=True)
class CheckedPair:
    """A planned or existing pair: verdict, reason, files."""

    id: str
    verdict: Literal["accept", "warn", "reject", "incomplete"]
    reason: str
    files: tuple[CheckedFile, ...]


@dataclass(frozen=True)
class CheckedShot:
    """A shot of an addition: whether it is whole, what is to say about it, its files."""

    id: str
    ok: bool
    reason: str
    files: tuple[CheckedFile, ...]


@dataclass(frozen=True)
class SessionCheck:
    """Result of a check."""

    pairs: tuple[CheckedPair, ...]
    # the shots of each addition by the first word of their ids, such as ``flat``
    added: Mapping[str, tuple[CheckedShot, ...]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every pair is complete and not rejected, and all files are unchanged."""
        judged = all(pair.verdict in ("accept", "warn") for pair in self.pairs)
        return judged and self.files_ok and all(shot.ok for shot in self.shots)

    @property
    def files_ok(self) -> bool:
        """Whether all files of pairs and other shots are unchanged."""
        return all(file.ok for file in self._files)

    @property
    def shots(self) -> list[CheckedShot]:
        """The shots of all additions."""
        return list(chain.from_iterable(self.added.values()))

    @property
    def _files(self) -> list[CheckedFile]:
        files: list[CheckedFile] = []
        for pair in self.pairs:
            files += pair.files
        for shot in self.shots:
            files += shot.files
        return files

    def to_json(self) -> dict[str, Any]:
        """The object that ``defocus-capture check --json`` prints."""
        document: dict[str, Any] = {
            "ok": self.ok,
            "pairs": list(map(asdict, self.pairs)),
        }
        for word, shots in self.added.items():
            document[f"{word}s"] = list(map(asdict, shots))
        return document

    def lines(self) -> list[str]:
        """The result as lines of text."""
        listed = []
        for pair in self.pairs:
            verdict = VERDICT_WORDS[pair.verdict]
            listed.append(f"{pair.id:30} {verdict:10} {pair.reason}".rstrip())
        listed += [f"{shot.id:30} {shot.reason}".rstrip() for shot in self.shots]
        files = self._files
        good = sum(file.ok for file in files)
        bad = len(files) - good
        counts = (
            f"{counted(len(self.pairs), 'pair')}; {counted(good, 'file')} unchanged"
        )
        return [*listed, f"{counts}, {bad} missing or changed"]


def check_session(path: Path) -> SessionCheck:
    """Hash every file of a session and compare it with the journal; nothing is written."""
    state, torn_bytes = read_state(path)
    if torn_bytes:
        say(
            f"{path}: the last journal line is incomplete ({torn_bytes} bytes) and ignored"
        )
    if problem := index_problem(path, state):
        say(f"{problem}; 'defocus-capture check {path} --fix-index' makes it again")
    pairs = []
    for planned in sorted(state.planned.values(), key=lambda pair: pair.number):
        complete = state.complete.get(planned.id)
        if complete is None:
            pairs.append(_unfinished_pair(path, state, planned.id))
        else:
            pairs.append(_checked_pair(path, complete))
    pairs += _unknown(path, set(state.planned))
    added = {word: _checked_added(path, state, word) for word in added_words(state)}
    return SessionCheck(tuple(pairs), added)


def _unfinished_pair(path: Path, state: SessionState, name: str) -> CheckedPair:
    """A pair that was planned and is not complete, and what to do."""
    reason = "cut short" if (path / "pairs" / name).exists() else "not shot yet"
    if name in state.shot:
        reason = "shot, but not judged yet"
    text = f"{reason}; run 'defocus-capture resume {path}'"
    return CheckedPair(name, "incomplete", text, ())


def _checked_files(
    root: Path, owner: Owner
) -> tuple[tuple[CheckedFile, ...], list[str]]:
    """The files of a pair or another shot, and what is wrong with some."""
    files = []
    problems = []
    for stored in owner.files:
        problem = file_problem(root, owner.id, stored)
        files.append(CheckedFile(stored.name, stored.sha256, not problem))
        if problem:
            problems.append(problem)
    return tuple(files), problems


def _checked_added(
    root: Path, state: SessionState, word: str
) -> tuple[CheckedShot, ...]:
    """The shots of an addition, and those whose files are there without a line in the journal."""
    left = {added.id for added in left_to_read(state)}
    text = "its files are there, but the journal does not know it"
    shots = [
        _checked_shot(root, added, can_be_read=added.id in left)
        for added in state.added_by(word)
    ]
    for number in added_numbers(root, word):
        name = added_id(word, number)
        if name not in state.added:
            shots.append(CheckedShot(name, ok=False, reason=text, files=()))
    return tuple(shots)


def _checked_shot(root: Path, added: AddedShot, *, can_be_read: bool) -> CheckedShot:
    files, problems = _checked_files(root, added)
    if problems:
        reason = problems[0]
    elif added.read is not None:
        reason = "read" if added.read.found else added.read.reason
    elif can_be_read:
        reason = f"not read yet; run 'defocus-capture resume {root}'"
    else:
        reason = "not read yet; the extra that reads it is not installed"
    return CheckedShot(added.id, not problems and added.read is not None, reason, files)


def _unknown(root: Path, planned: set[str]) -> list[CheckedPair]:
    """Folders of pairs that are not in the journal, for instance after a loss of lines."""
    folders = (root / "pairs").glob("[!.]*")
    text = (
        "its files are there, but the journal does not know it; restore journal.jsonl"
    )
    names = sorted({folder.name for folder in folders} - planned)
    return [CheckedPair(name, "incomplete", text, ()) for name in names]


def _checked_pair(root: Path, pair: CompletePair) -> CheckedPair:
    files, problems = _checked_files(root, pair)
    if not problems:
        return CheckedPair(pair.id, pair.verdict, pair.reason, files)
    first, *others = problems
    reason = first + (f", and {counted(len(others), 'further file')}" if others else "")
    if pair.verdict == "reject":
        return CheckedPair(pair.id, "reject", f"{pair.reason}; {reason}", files)
    return CheckedPair(pair.id, "incomplete", reason, files)
