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
    AddedReadLine,
    AddedShotLine,
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
class AddedShot:
    """A shot of an addition, which owns files as a pair does; ``read`` is None until it is read."""

    shot: AddedShotLine
    read: AddedReadLine | None = None

    @property
    def id(self) -> str:
        """The id, such as ``flat 0001``."""
        return self.shot.id

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """The files of the shot."""
        return self.shot.files


Owner = CompletePair | AddedShot
"""Pair, or shot of an addition, to which files of the session belong."""


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
    added: dict[str, AddedShot] = field(default_factory=dict)  # by id

    @property
    def owners(self) -> list[Owner]:
        """Complete pairs, then shots of additions, in their order."""
        pairs: list[Owner] = [pair for _, pair in sorted(self.complete.items())]
        return pairs + [shot for _, shot in sorted(self.added.items())]

    def added_by(self, word: str) -> list[AddedShot]:
        """Shots of an addition by the first word of their ids, in their order."""
        shots = [shot for shot in self.added.values() if shot.shot.word == word]
        return sorted(shots, key=lambda shot: shot.shot.number)

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


def added_folder(root: Path, word: str) -> Path:
    """Folder of the shots of an addition, such as ``flats``; each has a folder in it."""
    return root / f"{word}s"


def added_numbers(root: Path, word: str) -> list[int]:
    """Numbers of an addition's shots that have files, also of those that a kill cut short."""
    files = added_folder(root, word).glob("[0-9][0-9][0-9][0-9]/*")
    return sorted({int(path.parent.name) for path in files})


def is_pair_id(owner: str) -> bool:
    """Whether an id is that of a pair, and not that of a shot of an addition, ``flat 0001``."""
    return " " not in owner


def kept_in(root: Path, owner: str) -> Path:
    """Folder of a pair or of a shot of an addition: ``flat 0001`` is in ``flats/0001``."""
    if is_pair_id(owner):
        return root / "pairs" / owner
    word, _, number = owner.partition(" ")
    return added_folder(root, word) / number


def file_path(root: Path, owner: str, name: str) -> Path:
    """Path of a file of a pair or another shot; ``name`` was checked by the type of its line."""
    return kept_in(root, owner) / PurePosixPath(name)


def main_file(stored: Sequence[StoredFile]) -> StoredFile:
    """The main file of a shot: RAW if the camera wrote RAW and JPEG."""
    return min(stored, key=lambda entry: Path(entry.name).suffix not in RAW_SUFFIXES)
