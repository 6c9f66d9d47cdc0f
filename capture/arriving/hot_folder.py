"""Picture files that another program writes into a folder: find them, and detect complete ones.

A file counts if it has not changed for a while and can be decoded: a stalled copy cannot."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from defocus.errors import CameraError, ImageError, InputError
from defocus.pictures.raw import is_raw, raw_preview
from defocus.pictures.read import is_picture_file, read_image
from defocus.pictures.values import Image
from defocus.progress import say
from defocus.storage.files import storing

STABLE_SECONDS = 1.0
"""Seconds without a change after which a file is read."""

SIBLING_SECONDS = 2.0
"""Longest wait for the RAW file that belongs to a JPEG, or the other way round."""

POLL_SECONDS = 0.2
WAIT_SECONDS = 600.0

Standing = tuple[int, int]
"""Size of a file, and time of its last change in ns."""


def require_folder(path: Path) -> Path:
    """Check that ``path`` is a folder."""
    if not path.is_dir():
        raise InputError(
            f"{path}: no such folder; give the folder that receives the pictures"
        )
    return path


def picture_files(folder: Path) -> list[Path]:
    """All pictures in a folder and its sub-folders, sorted, without links and hidden files."""
    return list(filter(is_picture_file, visible_files(folder)))


def visible_files(folder: Path) -> list[Path]:
    """All files in a folder and its sub-folders, sorted, without links and hidden files."""
    files = []
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and not path.is_symlink() and path.is_file():
            files.append(path)
    return sorted(files)


def decoded(path: Path) -> Image:
    """A picture as it looks; RAW files at half their size."""
    if is_raw(path):
        return raw_preview(path)
    return read_image(path)


def damage_of(path: Path) -> str:
    """Why a file is not a complete picture; empty if it is."""
    try:
        decoded(path)
    except ImageError as error:
        return str(error)
    return ""


def written_name(path: Path) -> str:
    """A printable form of a path; bytes that are not UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def copy_part(source: Path, path_stem: Path, suffix: str | None = None) -> Path:
    """Copy a file to ``<path_stem><suffix>.part``; by default, the suffix is its own."""
    try:
        content = source.read_bytes()
    except OSError as error:
        raise CameraError(
            f"{source}: cannot be read ({error.strerror}); is the card in?"
        ) from error
    suffix = source.suffix.lower() if suffix is None else suffix
    target = path_stem.with_name(f"{path_stem.name}{suffix}.part")
    with storing(target):
        target.write_bytes(content)
    return target


class HotFolder:
    """A folder that a camera's own program writes into."""

    def __init__(self, folder: Path, *, wait_seconds: float = WAIT_SECONDS) -> None:
        """Existing files are ignored."""
        self._folder = require_folder(folder)
        self._wait_seconds = wait_seconds
        self._known = set(picture_files(folder))

    def next_shot(self) -> list[Path]:
        """Wait for a new shot: all files of one name, such as a JPEG and its RAW file."""
        files = self._await(self._first_whole)
        stem = files[0].with_suffix("")
        self._await(lambda: self._quiet(stem))
        shot = self._of_shot(stem)
        others = {path.stem for path in self._new()} - {stem.name}
        if others:
            say(
                f"{', '.join(sorted(others))} arrived too and is ignored: one shot at a time"
            )
        self._known |= set(self._new())
        return shot

    def _of_shot(self, stem: Path) -> list[Path]:
        """The new files of one name."""
        return [path for path in self._new() if path.with_suffix("") == stem]

    def _new(self) -> list[Path]:
        return [path for path in picture_files(self._folder) if path not in self._known]

    def _first_whole(self) -> list[Path]:
        """The oldest new file, once it is complete and no longer changes."""
        ages = {path: _standing(path) for path in self._new()}
        for path in sorted(ages, key=lambda path: ages[path][1]):
            if _stands_still(path, STABLE_SECONDS) and not damage_of(path):
                return [path]
        return []

    def _quiet(self, stem: Path) -> list[Path]:
        """The files of a shot, once all are complete and no further file arrives for a while."""
        files = self._of_shot(stem)
        for path in files:
            if not _stands_still(path, SIBLING_SECONDS) or damage_of(path):
                return []
        return files

    def _await(self, look: Callable[[], list[Path]]) -> list[Path]:
        deadline = time.monotonic() + self._wait_seconds
        while not (files := look()):
            if time.monotonic() > deadline:
                raise CameraError(self._late())
            time.sleep(POLL_SECONDS)
        return files

    def _late(self) -> str:
        for path in self._new():
            problem = damage_of(path)
            if problem:
                return f"{problem}; it was waited for {self._wait_seconds:g} s"
        return (
            f"{self._folder}: no new picture in {self._wait_seconds:g} s; "
            "is the camera's program writing there?"
        )


def _standing(path: Path) -> Standing:
    try:
        status = path.stat()
    # renamed between two looks, as some programs do when they are done
    except FileNotFoundError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _stands_still(path: Path, seconds: float) -> bool:
    """Whether a file has not changed for a while, by its time stamp and by checking twice."""
    first = _standing(path)
    if first[0] == 0 or time.time() - first[1] / 1e9 < seconds:
        return False
    time.sleep(POLL_SECONDS)
    return _standing(path) == first
