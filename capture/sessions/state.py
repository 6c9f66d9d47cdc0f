"""State of a session from its journal: planned and complete pairs with their files."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from defocus.capture.camera import CardFile
from defocus.capture.planning.shoot_record import ShootRecord
from defocus.capture.sessions.lines import (
    FILE_NAME,
    ChartReadLine,
    ChartShotLine,
    StoredFile,
    Verdict,
)
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
