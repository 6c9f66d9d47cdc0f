"""Files of a shot, collected from the events of a gphoto2 camera.

A body that writes RAW and JPEG may tell of the second file more than a second after the first, and
tells of changed settings in between. So quiet is counted from the last file, not from the last
word, and where it is known how many files are due they are waited for. A file on a card belongs to
a shot by its number; one in the camera's memory, whose names are the library's, by coming now. Not
tried on a real body.
"""

import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from defocus.capture.camera import CardFile

__all__ = [
    "FilesOfShot",
    "MissingFileError",
    "Told",
    "apart",
    "files_of_shot",
    "in_memory",
    "number_of",
]

APART = "not-of-this-shot"
"""Folder beside the files of a shot, for pictures that would end with the camera's memory."""

SURPLUS_SECONDS = 0.25
"""Once all files are there that were due, or the camera says that it is done: a file that nobody
expected comes within that time."""

COMPANION_SECONDS = 15.0
"""How long a file that is due may come after the one before it."""

MEMORY_SECONDS = 40.0
"""The same in memory, where a late file could not be told from one of the next shot."""

_IN_MEMORY = re.compile(r"capt(\d{4}|_)")


@dataclass(frozen=True)
class Told:
    """What a camera said: of a file, of the end of the shot, nothing in time, or something else."""

    kind: Literal["file", "complete", "nothing", "other"]
    file: CardFile | None = None


@dataclass(frozen=True)
class FilesOfShot:
    """The files of a shot, and files that came meanwhile and are none of it."""

    files: list[CardFile]
    strays: list[CardFile]


class MissingFileError(Exception):
    """Fewer files came than the format of the camera makes."""


def in_memory(place: CardFile) -> bool:
    """Whether a file is in the camera's memory only, and gone with the process."""
    return place[0] == "/" and _IN_MEMORY.match(place[1]) is not None


def apart(stem: Path, name: str) -> Path:
    """A free path for a picture that came with a shot and is none of it; its folder is made."""
    folder = stem.parent / APART
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 + sum(1 for _ in folder.glob(f"{stem.name}.*"))
    return folder / f"{stem.name}.{number}{Path(name).suffix.lower()}"


def number_of(place: CardFile) -> int | None:
    """The number by which a body names a shot; None where the name is the library's."""
    stem = PurePosixPath(place[1]).stem
    if stem.startswith("capt") and "_" not in stem:
        return None
    found = re.findall(r"\d+", stem)
    return int(found[-1]) if found else None


def files_of_shot(
    first: CardFile,
    listen: Callable[[float], Told],
    *,
    due: int | None,
    quiet_seconds: float,
    known: Collection[CardFile] = (),
    all_or_none: bool = True,
    clock: Callable[[], float] = time.monotonic,
) -> FilesOfShot:
    """The files of a shot, the ``first`` one from the release, in the order of the camera's events.

    Without ``due``, how many are written, all have come when no file came for ``quiet_seconds``.
    """
    files, last, done = [first], clock(), False
    strays: list[CardFile] = []
    companion_seconds = MEMORY_SECONDS if in_memory(first) else COMPANION_SECONDS
    while True:
        missing = due is not None and len(files) < due
        if missing:
            patience = companion_seconds
        elif done or (due is not None and not in_memory(first)):
            patience = min(quiet_seconds, SURPLUS_SECONDS)
        else:
            patience = quiet_seconds
        left = last + patience - clock()
        told = listen(left) if left > 0 else Told("nothing")
        if told.file is not None and told.file not in (*files, *strays):
            if told.file in known or not _belongs(told.file, first):
                strays.append(told.file)
                continue
            files.append(told.file)
            last = clock()
        elif left <= 0 and missing and all_or_none:
            raise MissingFileError(f"{len(files)} of {due} files came in {companion_seconds:g} s")
        elif left <= 0:
            return FilesOfShot(files, strays)
        elif told.kind == "complete" and not missing and not done:
            done, last = True, clock()


def _belongs(place: CardFile, first: CardFile) -> bool:
    """Whether a file that came after the first one of a shot is of the same shot."""
    if in_memory(place) != in_memory(first):
        return False
    numbers = number_of(place), number_of(first)
    if None in numbers:  # the library counts files, not shots
        return place[1] > first[1]
    return numbers[0] == numbers[1]
