"""Missing or changed files of complete pairs."""

from dataclasses import dataclass
from pathlib import Path

from defocus.capture.sessions.session import file_problem
from defocus.capture.sessions.state import SessionState, StoredFile
from defocus.progress import say, track

__all__ = ["DamagedFile", "damaged_files", "report_damage"]


@dataclass(frozen=True)
class DamagedFile:
    """A damaged file of a pair, with its journal record and its problem."""

    pair: str
    stored: StoredFile
    problem: str


def damaged_files(root: Path, state: SessionState) -> list[DamagedFile]:
    """Hash every file of accepted pairs and return the damaged ones."""
    pairs = [pair for _, pair in sorted(state.complete.items()) if pair.verdict != "reject"]
    return [
        DamagedFile(pair.id, stored, problem)
        for pair in track(pairs, "checking")
        for stored in pair.files
        if (problem := file_problem(root, pair.id, stored))
    ]


def report_damage(session: Path, damaged: list[DamagedFile]) -> None:
    """Report the files that could not be restored, with advice."""
    for entry in damaged:
        say(
            f"{entry.pair}  incomplete: {entry.problem}; restore it from a copy, or reject the "
            f"pair in 'defocus-capture review {session}'"
        )
