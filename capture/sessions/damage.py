"""Missing or changed files of complete pairs and of test charts."""

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from defocus.capture.sessions.session import file_problem
from defocus.capture.sessions.state import CompletePair, SessionChart, SessionState, StoredFile
from defocus.progress import counted, say, track

__all__ = ["DamagedFile", "damaged_files", "report_damage"]


@dataclass(frozen=True)
class DamagedFile:
    """A damaged file of a pair or of ``chart 0001``, with its journal record and its problem."""

    pair: str
    stored: StoredFile
    problem: str


def damaged_files(root: Path, state: SessionState) -> list[DamagedFile]:
    """Hash every file of accepted pairs and of charts, and return the damaged ones."""
    owners: list[CompletePair | SessionChart] = [
        pair for _, pair in sorted(state.complete.items()) if pair.verdict != "reject"
    ]
    owners += [chart for _, chart in sorted(state.charts.items())]
    return [
        DamagedFile(owner.id, stored, problem)
        for owner in track(owners, "checking")
        for stored in owner.files
        if (problem := file_problem(root, owner.id, stored))
    ]


def report_damage(damaged: list[DamagedFile]) -> None:
    """Report pairs and charts with files that are not restored, each in a line with advice."""
    for pair, group in groupby(damaged, key=lambda entry: entry.pair):
        first, *others = [entry.problem for entry in group]
        more = f" and {counted(len(others), 'further file')} of it" if others else ""
        advice = "restore it from a copy"
        if not pair.startswith("chart"):
            advice += ", or reject the pair"
        say(f"{pair}  incomplete: {first}{more}; {advice}")
