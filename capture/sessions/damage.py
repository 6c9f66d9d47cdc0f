"""Missing or changed files of complete pairs."""

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from defocus.capture.sessions.session import file_problem
from defocus.capture.sessions.state import SessionState, StoredFile
from defocus.progress import counted, say, track

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
    """Report the pairs with files that could not be restored, each in a line with advice."""
    for pair, group in groupby(damaged, key=lambda entry: entry.pair):
        first, *others = [entry.problem for entry in group]
        more = f" and {counted(len(others), 'further file')} of it" if others else ""
        say(
            f"{pair}  incomplete: {first}{more}; restore it from a copy, or reject the "
            f"pair in 'defocus-capture review {session}'"
        )
