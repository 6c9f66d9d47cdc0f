"""Check that every pair of a session is present, complete and unchanged."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from defocus.capture.sessions.index import index_problem
from defocus.capture.sessions.session import file_problem, read_state
from defocus.capture.sessions.state import CompletePair
from defocus.progress import counted, say

__all__ = ["CheckedFile", "CheckedPair", "SessionCheck", "check_session"]


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
class SessionCheck:
    """Result of a check."""

    pairs: tuple[CheckedPair, ...]

    @property
    def ok(self) -> bool:
        """Whether every pair is complete, not rejected, and all its files are unchanged."""
        return all(
            pair.verdict in ("accept", "warn") and all(file.ok for file in pair.files)
            for pair in self.pairs
        )

    def to_json(self) -> dict[str, Any]:
        """The object that ``defocus-capture check --json`` prints."""
        return {"ok": self.ok, "pairs": [asdict(pair) for pair in self.pairs]}

    def lines(self) -> list[str]:
        """The result as lines of text."""
        listed = [f"{pair.id:30} {pair.verdict:10} {pair.reason}".rstrip() for pair in self.pairs]
        bad = sum(not file.ok for pair in self.pairs for file in pair.files)
        good = sum(file.ok for pair in self.pairs for file in pair.files)
        counts = f"{counted(len(self.pairs), 'pair')}; {counted(good, 'file')} unchanged"
        return [*listed, f"{counts}, {bad} missing or changed"]


def check_session(path: Path) -> SessionCheck:
    """Hash every file of a session and compare it with the journal; nothing is written.

    Raises:
        DatasetError: There is no session, or its journal is damaged.
    """
    state, torn_bytes = read_state(path)
    if torn_bytes:
        say(f"{path}: the last journal line is incomplete ({torn_bytes} bytes) and ignored")
    if problem := index_problem(path, state):
        say(f"{problem}; 'defocus-capture check {path} --fix-index' makes it anew")
    checked = []
    for planned in sorted(state.planned.values(), key=lambda pair: pair.number):
        complete = state.complete.get(planned.id)
        if complete is None:
            started = (path / "pairs" / planned.id).exists()
            reason = "cut short" if started else "not shot yet"
            if planned.id in state.shot:
                reason = "shot, but not judged yet"
            text = f"{reason}; run 'defocus-capture resume {path}'"
            checked.append(CheckedPair(planned.id, "incomplete", text, ()))
        else:
            checked.append(_checked_pair(path, complete))
    return SessionCheck((*checked, *_unknown(path, set(state.planned))))


def _unknown(root: Path, planned: set[str]) -> list[CheckedPair]:
    """Folders of pairs that are not in the journal, for instance after a loss of lines."""
    entries = (root / "pairs").iterdir() if (root / "pairs").is_dir() else ()
    found = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    text = "its files are there, but the journal does not know it; restore journal.jsonl"
    return [CheckedPair(name, "incomplete", text, ()) for name in found if name not in planned]


def _checked_pair(root: Path, pair: CompletePair) -> CheckedPair:
    problems = {stored.name: file_problem(root, pair.id, stored) for stored in pair.files}
    files = tuple(
        CheckedFile(stored.name, stored.sha256, not problems[stored.name]) for stored in pair.files
    )
    found = [problem for problem in problems.values() if problem]
    if not found:
        return CheckedPair(pair.id, pair.verdict, pair.reason, files)
    first, *others = found
    reason = first + (f", and {counted(len(others), 'further file')}" if others else "")
    if pair.verdict == "reject":
        return CheckedPair(pair.id, "reject", f"{pair.reason}; {reason}", files)
    return CheckedPair(pair.id, "incomplete", reason, files)
