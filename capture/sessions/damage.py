"""Check that every pair of a session is present, complete and unchanged; what is damaged."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from defocus.capture.sessions.lines import VERDICT_WORDS, StoredFile
from defocus.capture.sessions.session import file_problem, index_problem, read_state
from defocus.capture.sessions.state import (
    CompletePair,
    Owner,
    SessionChart,
    SessionState,
)
from defocus.progress import counted, say, track


@dataclass(frozen=True)
class DamagedFile:
    """A damaged file of a pair or of ``chart 0001``, with its journal record and its problem."""

    pair: str
    stored: StoredFile
    problem: str


def damaged_files(root: Path, state: SessionState) -> list[DamagedFile]:
    """Hash every file of accepted pairs and of charts, and return the damaged ones."""
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
    """Report pairs and charts with files that are not restored, each in a line with advice."""
    for pair, group in groupby(damaged, key=lambda entry: entry.pair):
        first, *others = [entry.problem for entry in group]
        more = f" and {counted(len(others), 'further file')} of it" if others else ""
        advice = "restore it from a copy"
        if not pair.startswith("chart"):
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
class CheckedChart:
    """A shot of the test chart: whether it is whole, what is to say about it, its files."""

    id: str
    ok: bool
    reason: str
    files: tuple[CheckedFile, ...]


@dataclass(frozen=True)
class SessionCheck:
    """Result of a check."""

    pairs: tuple[CheckedPair, ...]
    charts: tuple[CheckedChart, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every pair is complete and not rejected, and all files are unchanged."""
        judged = all(pair.verdict in ("accept", "warn") for pair in self.pairs)
        return judged and self.files_ok and all(chart.ok for chart in self.charts)

    @property
    def files_ok(self) -> bool:
        """Whether all files of pairs and charts are unchanged."""
        return all(file.ok for file in self._files)

    @property
    def _files(self) -> list[CheckedFile]:
        files: list[CheckedFile] = []
        for pair in self.pairs:
            files += pair.files
        for chart in self.charts:
            files += chart.files
        return files

    def to_json(self) -> dict[str, Any]:
        """The object that ``defocus-capture check --json`` prints."""
        return {
            "ok": self.ok,
            "pairs": list(map(asdict, self.pairs)),
            "charts": list(map(asdict, self.charts)),
        }

    def lines(self) -> list[str]:
        """The result as lines of text."""
        listed = []
        for pair in self.pairs:
            verdict = VERDICT_WORDS[pair.verdict]
            listed.append(f"{pair.id:30} {verdict:10} {pair.reason}".rstrip())
        listed += [f"{chart.id:30} {chart.reason}".rstrip() for chart in self.charts]
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
    charts = tuple(
        _checked_chart(path, chart) for _, chart in sorted(state.charts.items())
    )
    return SessionCheck(
        (*pairs, *_unknown(path, set(state.planned))),
        (*charts, *_unknown_charts(path, set(state.charts))),
    )


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
    """The files of a pair or a chart, and what is wrong with some."""
    files = []
    problems = []
    for stored in owner.files:
        problem = file_problem(root, owner.id, stored)
        files.append(CheckedFile(stored.name, stored.sha256, not problem))
        if problem:
            problems.append(problem)
    return tuple(files), problems


def _checked_chart(root: Path, chart: SessionChart) -> CheckedChart:
    files, problems = _checked_files(root, chart)
    if problems:
        reason = problems[0]
    elif chart.read is None:
        reason = f"not read yet; run 'defocus-capture resume {root}'"
    else:
        reason = "read" if chart.read.found else chart.read.reason
    return CheckedChart(
        chart.id, not problems and chart.read is not None, reason, files
    )


def _unknown_charts(root: Path, numbers: set[int]) -> list[CheckedChart]:
    """Folders of charts that are not in the journal."""
    text = "its files are there, but the journal does not know it"
    left = {
        path.parent.name for path in (root / "charts").glob("[0-9][0-9][0-9][0-9]/*")
    }
    charts = []
    for name in sorted(left):
        if int(name) in numbers:
            continue
        chart = CheckedChart(f"chart {name}", ok=False, reason=text, files=())
        charts.append(chart)
    return charts


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
