"""Files that arrived for a shot: the right kinds of files, and files that are not part of it.

A late file has the next free name, so the time in the EXIF decides. Not tried on a real body."""

import contextlib
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from defocus.capture.camera import ON_CARD, FileKind
from defocus.capture.links.gphoto2.release import apart
from defocus.capture.links.retries import ShotFailedError
from defocus.errors import CameraError
from defocus.pictures.metadata import read_exif
from defocus.pictures.raw import RAW_SUFFIXES
from defocus.progress import say

TOGETHER_SECONDS = 1.0
"""Largest difference of the times in the files of one shot: bodies that round each time differ by
one second."""

UNSURE_SECONDS = 2.0
"""Uncertainty of a comparison of two clocks: EXIF has whole seconds, and clocks drift."""

REFUSALS = 2
"""Number of earlier pictures that one release can leave behind: a burst takes three."""


class Moments:
    """Knowledge of a body's clock: by how much it is at least ahead of ours."""

    def __init__(self) -> None:
        self._ahead = -math.inf
        self._last: float | None = None
        self._runs = False
        self._refused = 0

    def ordered(self, path_stem: Path) -> float:
        """When a shot was ordered, in seconds: now, or any time if an earlier shot is fetched."""
        fetched = path_stem.with_name(f"{path_stem.name}{ON_CARD}").exists()
        return -math.inf if fetched else time.monotonic()

    def check(self, parts: Sequence[Path], ordered: float) -> None:
        """Check that files that came just now were taken together, and after they were ordered.

        A clock that never ran proves nothing; after some refusals it is learned again."""
        taken = []
        for part in parts:
            moment = read_exif(part).moment
            if moment is not None:
                taken.append((moment - datetime.min).total_seconds())
        if not taken:
            return
        first = min(taken)
        last = max(taken)
        self._runs |= self._last is not None and first != self._last
        self._last = last
        problem = self._problem(ordered, first, last)
        if problem:
            self._refused += 1
            if self._refused == REFUSALS:
                self._ahead = -math.inf
                self._refused = 0
            raise ShotFailedError(
                f"{problem}, by the camera's clock: one came late, or the camera takes several "
                "pictures at a release"
            )
        self._ahead = max(self._ahead, last - time.monotonic())
        self._refused = 0

    def _problem(self, ordered: float, first: float, last: float) -> str:
        """Why the files cannot be of the shot that was ordered; empty if they can."""
        early = ordered + self._ahead - first
        problem = ""
        if last - first > TOGETHER_SECONDS:
            problem = (
                f"files of two shots came together, taken {last - first:.0f} s apart"
            )
        elif self._runs and early > UNSURE_SECONDS:
            problem = (
                f"the picture that came was taken {early:.0f} s before the release"
            )
        return problem


def check_kind(parts: Sequence[Path], kind: FileKind | None) -> None:
    """Check that the files are of the kind that was set: a body's names of formats may be wrong."""
    came = set()
    for part in parts:
        suffix = part.with_suffix("").suffix
        came.add("raw" if suffix in RAW_SUFFIXES else "jpeg")
    if kind is not None and set(kind.split("+")) - came:
        raise CameraError(
            f"the camera wrote {' and '.join(sorted(came))} files although {kind} was set: its "
            "words for formats are wrong; set the format on the camera and drop --format"
        )


def say_others(delivered: Mapping[str, Any]) -> None:
    """Say which pictures are not a shot: ``strays`` on the card, ``kept`` files here."""
    for folder, name in delivered["strays"]:
        say(
            f"{name}: no picture of this session; it came late, or somebody pressed the camera's "
            f"own button; it stays in {folder} on the camera"
        )
    _say_kept(map(Path, delivered["kept"]))


def _say_kept(paths: Iterable[Path]) -> None:
    """Report pictures from the camera's memory, by the names under which they are kept."""
    for path in paths:
        say(
            f"{path.name}: no picture of this session; it came late, or somebody pressed the "
            "camera's own button; it was in the camera's memory only, and is kept in "
            f"{path.parent.name} beside the shot"
        )


@contextlib.contextmanager
def clear_away(parts: Sequence[Path], stem: Path, *, on_card: bool) -> Iterator[None]:
    """Where a shot is refused, remove its files; those that are on no card are kept apart."""
    try:
        yield
    except ShotFailedError:
        if not on_card:
            _say_kept(
                [part.rename(apart(stem, part.with_suffix("").name)) for part in parts]
            )
        for part in parts:
            part.unlink(missing_ok=True)
        raise
