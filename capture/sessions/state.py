"""State of a session from its journal: planned and complete pairs with their files."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from defocus.capture.camera import CardFile
from defocus.capture.planning.shoot_record import Read, ShootRecord
from defocus.capture.sessions.journal import Record
from defocus.capture.sessions.lines import (
    FILE_NAME,
    ChartReadLine,
    ChartShotLine,
    CreatedLine,
    DeletedLine,
    FileLine,
    JudgedLine,
    NoteLine,
    PairCompleteLine,
    PlannedLine,
    RetakeLine,
    ShotLine,
    StartedLine,
    StoredFile,
    Verdict,
    read_line,
)
from defocus.errors import DatasetError
from defocus.pictures.raw import RAW_SUFFIXES

SCHEMA = 1
"""Version of the session folder; a reader refuses a higher one."""


@dataclass(frozen=True)
class PlannedPair:
    """A planned pair; ``shoot`` is the index of its shoot."""

    id: str
    number: int  # number, from 1
    scene: str
    shoot: int
    focus_steps: int = (
        0  # of the blurry frame against the sharp one; positive is farther
    )
    title: str = ""  # name of the scene as typed; empty if it is the same

    @property
    def typed_scene(self) -> str:
        """Name of the scene as people read it."""
        return self.title or self.scene


@dataclass(frozen=True)
class ShotPair:
    """A pair whose shots are all stored, without a verdict; ``entry`` is untrusted."""

    files: tuple[StoredFile, ...]
    entry: Mapping[str, Any]

    def file(self, role: str) -> str:
        """Name of the picture of a role, which the pair has."""
        return str(self.entry["roles"][role]["file"])


@dataclass(frozen=True)
class CompletePair:
    """A complete pair; ``blurry`` and ``sharp`` are file names."""

    id: str
    scene: str
    verdict: Verdict
    reason: str
    blurry: str
    sharp: str
    files: tuple[StoredFile, ...]


@dataclass(frozen=True)
class SessionChart:
    """A shot of the test chart, and what was read in it; None until then."""

    shot: ChartShotLine
    read: ChartReadLine | None = None

    @property
    def id(self) -> str:
        """The id, such as ``chart 0001``."""
        return f"chart {self.shot.chart:04d}"

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """The files of the chart."""
        return self.shot.files


Owner = CompletePair | SessionChart
"""Pair or chart to which files of the session belong."""


@dataclass
class SessionState:
    """State of a session by its journal; a series has one shoot per wide aperture."""

    id: str = ""
    created: str = ""
    software: dict[str, Any] = field(default_factory=dict)
    shoots: list[ShootRecord] = field(default_factory=list)
    # index of the first shoot of each series
    series: list[int] = field(default_factory=list)
    planned: dict[str, PlannedPair] = field(default_factory=dict)  # pairs by id
    complete: dict[str, CompletePair] = field(default_factory=dict)  # pairs by id
    begun: set[str] = field(default_factory=set)
    shot: dict[str, ShotPair] = field(default_factory=dict)
    judged: set[str] = field(default_factory=set)
    notes: dict[str, str] = field(default_factory=dict)
    retakes: Counter[str] = field(default_factory=Counter)
    on_card: dict[tuple[str, str], CardFile] = field(default_factory=dict)
    charts: dict[int, SessionChart] = field(default_factory=dict)

    @property
    def owners(self) -> list[Owner]:
        """Complete pairs, then charts, in their order."""
        pairs: list[Owner] = [pair for _, pair in sorted(self.complete.items())]
        return pairs + [chart for _, chart in sorted(self.charts.items())]

    @property
    def accepted(self) -> list[CompletePair]:
        """Complete pairs that are not rejected, in their order."""
        pairs = [pair for _, pair in sorted(self.complete.items())]
        return [pair for pair in pairs if pair.verdict != "reject"]

    @property
    def incomplete(self) -> list[PlannedPair]:
        """Incomplete pairs, in the order of their numbers."""
        planned = sorted(self.planned.values(), key=lambda pair: pair.number)
        return [pair for pair in planned if pair.id not in self.complete]

    @property
    def next_number(self) -> int:
        """The number of the next new pair, from 1."""
        return 1 + max((pair.number for pair in self.planned.values()), default=0)


def replay(
    records: Iterable[Record],
    journal: Path,
    read: Callable[[Record], Read | None] = read_line,
) -> SessionState:
    """Rebuild the state of a session from its untrusted journal; ``read`` may have a cache."""
    state = SessionState()
    for record in records:
        try:
            _apply(state, read(record))
        except ValueError as error:
            raise DatasetError(
                f"{journal}: line {record.get('n')} is invalid ({error}); restore the journal from "
                "a copy"
            ) from error
    if not state.id:
        raise DatasetError(
            f"{journal}: the journal has no first line; start a new session folder"
        )
    return state


def _apply(state: SessionState, line: Read | None) -> None:
    match line:
        case CreatedLine():
            _create(state, line)
        case PlannedLine():
            _plan(state, line)
        case FileLine():
            _note_places(state, line.pair, line)
        case StartedLine():
            state.begun.add(line.pair)
            state.shot.pop(line.pair, None)
        case ShotLine():
            state.shot[line.pair] = ShotPair(line.files, line.entry)
        case RetakeLine():
            state.shot.pop(line.pair, None)
            state.retakes[line.pair] += 1
        case DeletedLine():
            state.on_card.pop((line.pair, line.name), None)
        case PairCompleteLine():
            _complete(state, line)
        case JudgedLine() | NoteLine():
            _hear(state, line)
        case ChartShotLine() | ChartReadLine():
            _chart(state, line)


def _create(state: SessionState, line: CreatedLine) -> None:
    if line.schema_number > SCHEMA:
        raise ValueError(f"session schema {line.schema_number}; update this package")
    state.id, state.created, state.software = line.id, line.time, line.software


def _chart(state: SessionState, line: ChartShotLine | ChartReadLine) -> None:
    chart = state.charts.get(line.chart)
    if isinstance(line, ChartShotLine):
        if chart is not None:
            raise ValueError(f"chart {line.chart} is shot twice")
        chart = state.charts[line.chart] = SessionChart(line)
        _note_places(state, chart.id, line)
        return
    if chart is None:
        raise ValueError(f"chart {line.chart} is read and was not shot")
    state.charts[line.chart] = SessionChart(chart.shot, line)


def _note_places(
    state: SessionState, owner: str, line: FileLine | ChartShotLine
) -> None:
    for entry, place in zip(line.files, line.on_card, strict=False):
        state.on_card[owner, entry.name] = place


def _hear(state: SessionState, line: JudgedLine | NoteLine) -> None:
    """Apply what a person decided or noted."""
    if isinstance(line, NoteLine):
        state.notes[line.about] = line.text
        return
    judged = state.complete.get(line.pair)
    if judged is None:
        raise ValueError(f"pair {line.pair} is judged and not complete")
    state.complete[line.pair] = replace(
        judged, verdict=line.verdict, reason=line.reason
    )
    state.judged.add(line.pair)


def _plan(state: SessionState, line: PlannedLine) -> None:
    first = len(state.shoots)
    state.shoots.extend(line.shoots)
    state.series.extend(first for _ in line.shoots)
    for entry in line.pairs:
        if entry.id in state.planned:
            raise ValueError(f"pair {entry.id} is planned twice")
        state.planned[entry.id] = PlannedPair(
            entry.id,
            entry.number,
            entry.scene,
            first + entry.shoot,
            entry.focus_steps,
            entry.title,
        )


def _complete(state: SessionState, line: PairCompleteLine) -> None:
    if line.pair not in state.planned:
        raise ValueError(f"pair {line.pair} is complete and was not planned")
    if line.pair in state.complete:
        raise ValueError(f"pair {line.pair} is complete twice")
    state.shot.pop(line.pair, None)
    state.complete[line.pair] = CompletePair(
        line.pair,
        line.scene,
        line.verdict,
        line.reason,
        line.blurry,
        line.sharp,
        line.files,
    )


def is_file_name(name: str) -> bool:
    """Whether a pair's folder may have a file with that name."""
    return re.fullmatch(FILE_NAME, name) is not None


def complete_record(pair: CompletePair) -> dict[str, Any]:
    """The fields of the ``pair-complete`` line of a pair."""
    fields = asdict(pair)
    fields["pair"] = fields.pop("id")
    fields["files"] = list(map(asdict, pair.files))
    return fields


def chart_folder(root: Path, number: int) -> Path:
    """Folder of a shot of the test chart."""
    return root / "charts" / f"{number:04d}"


def kept_in(root: Path, owner: str) -> Path:
    """Folder of a pair by its id, or of a shot of the test chart, ``chart 0001``."""
    _, is_chart, number = owner.partition("chart ")
    return chart_folder(root, int(number)) if is_chart else root / "pairs" / owner


def file_path(root: Path, owner: str, name: str) -> Path:
    """Path of a file of a pair or a chart; ``name`` was checked by :func:`replay`."""
    return kept_in(root, owner) / PurePosixPath(name)


def main_file(stored: Sequence[StoredFile]) -> StoredFile:
    """The main file of a shot: RAW if the camera wrote RAW and JPEG."""
    return min(stored, key=lambda entry: Path(entry.name).suffix not in RAW_SUFFIXES)
