"""Take the shots of one pair: settings, focus, release and files."""

import contextlib
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from threading import Barrier
from types import FrameType
from typing import Any, TypeVar

from defocus.capture.arriving.hot_folder import copy_part
from defocus.capture.camera import (
    Camera,
    CardFile,
    HasCard,
    KnowsRelease,
    SetsAgain,
    SettingName,
)
from defocus.capture.links.retries import with_retries
from defocus.capture.planning.exposure import Exposure
from defocus.capture.planning.labels import parse_value
from defocus.capture.planning.protocol import PlannedShot, ShotProtocol
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.lines import StoredFile
from defocus.capture.sessions.state import PlannedPair, main_file
from defocus.capture.taking.shots.rig import FocusPositions, SessionCameras
from defocus.errors import CameraError
from defocus.pictures.metadata import Exif, read_exif
from defocus.pictures.raw import RAW_SUFFIXES
from defocus.progress import say

Words = dict[SettingName, str]
"""The settings of a camera, as it writes them."""

Kept = TypeVar("Kept")

SAID = b"finishing the shot that is being taken; Ctrl-C once more ends at once\n"
STDERR = 2


@contextlib.contextmanager
def finished_first() -> Iterator[None]:
    """Delay the first Ctrl-C until the block is finished; a second one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = False

    def press(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        with contextlib.suppress(OSError):
            os.write(STDERR, SAID)  # a handler may not wait for the locks of sys.stderr

    before = signal.signal(signal.SIGINT, press)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


RELEASE_TIMEOUT_SECONDS = 60.0

EXPOSURE_TRIES = 3
"""Number of shots until one is exposed as requested, where the camera reports another setting."""

SAME_STOPS = 0.1
"""Difference, in powers of two, between two labels of one third stop (below) and of two third stops
(above)."""


@dataclass(frozen=True)
class Shot:
    """Files of a shot, their paths on the camera's card, and the start of the exposure."""

    parts: list[Path]
    on_card: tuple[CardFile, ...]
    released_at: float


@dataclass(frozen=True)
class TakenFrame:
    """A shot stored in the session folder; ``shot_for`` is the pair that it is copied from."""

    frame: PlannedShot
    path: Path
    member: StoredFile
    files: tuple[StoredFile, ...]
    got: Words
    exif: Exif
    released_at: float  # start of the exposure, or the command; :func:`time.monotonic`
    shot_for: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The entry of the shot's role in ``pair.json``."""
        exposure = self.frame.exposure
        return {
            "file": self.member.name,
            "sha256": self.member.sha256,
            "other_files": [entry.name for entry in self.files if entry != self.member],
            "asked": dict(exposure.words),
            "got": dict(self.got),
            "true": {
                "f_number": exposure.f_number,
                "seconds": exposure.seconds,
                "iso": exposure.iso_value,
            },
            "defocused": self.frame.defocused,
            "shot_for": self.shot_for,
            "exif": asdict(self.exif),
        }


@dataclass(frozen=True)
class PairTaking:
    """Takes the shots of one pair into its folder."""

    folder: SessionFolder
    rig: SessionCameras
    pair: PlannedPair
    settle_seconds: float

    @property
    def place(self) -> Path:
        """The folder of the pair."""
        return self.folder.root / "pairs" / self.pair.id

    def frame(self, frame: PlannedShot) -> TakenFrame:
        """Take one shot."""

        def record_failure(failure: str) -> None:
            say(f"{self.pair.id}  {frame.role}: {failure}; trying again")
            self.folder.journal.append(
                "retry", pair=self.pair.id, role=frame.role, text=failure
            )

        camera = self.rig.of(frame.role)
        stem = self.place / frame.role
        keep = partial(self._stored, frame)
        return take_shot(
            camera, frame.exposure, stem, self.settle_seconds, record_failure, keep
        )

    def frames_at_once(self, frames: Sequence[PlannedShot]) -> dict[str, TakenFrame]:
        """Set both cameras, then release them together from two threads."""
        cameras = {frame.role: self.rig.of(frame.role) for frame in frames}
        got = _set_exposures(frames, cameras)
        time.sleep(self.settle_seconds)
        shots = self._released_together(cameras)
        for frame in frames:
            parts = shots[frame.role].parts
            if problem := _exposed_otherwise(frame.exposure, got[frame.role], parts):
                raise CameraError(problem)
        taken = {}
        for frame in frames:
            role = frame.role
            taken[role] = self._stored(frame, got[role], shots[role])
        return taken

    def _released_together(self, cameras: Mapping[str, Camera]) -> dict[str, Shot]:
        """The shots of cameras that are released at once, each from a thread of its own."""
        together = Barrier(len(cameras), timeout=RELEASE_TIMEOUT_SECONDS)

        def release(role: str) -> Shot:
            together.wait()
            return with_retries(lambda: _release(cameras[role], self.place / role), say)

        with finished_first(), ThreadPoolExecutor(len(cameras)) as threads:
            waiting = {role: threads.submit(release, role) for role in cameras}
            return {role: future.result() for role, future in waiting.items()}

    def copied(self, lent: TakenFrame) -> TakenFrame:
        """Copy a shot of another pair into the originals of this one."""
        stem = self.place / lent.frame.role
        parts = [
            copy_part(lent.path.with_name(stored.name), stem) for stored in lent.files
        ]
        files = self.folder.store_originals(self.pair, lent.frame.role, parts)
        member = main_file(files)
        shot_for = lent.shot_for or lent.path.parent.name
        path = self.place / member.name
        return replace(
            lent, path=path, member=member, files=tuple(files), shot_for=shot_for
        )

    def _stored(self, frame: PlannedShot, got: Words, shot: Shot) -> TakenFrame:
        files = self.folder.store_originals(
            self.pair, frame.role, shot.parts, shot.on_card
        )
        member = main_file(files)
        path = self.place / member.name
        return TakenFrame(
            frame, path, member, tuple(files), got, read_exif(path), shot.released_at
        )


def _set_exposures(
    frames: Sequence[PlannedShot], cameras: Mapping[str, Camera]
) -> dict[str, Words]:
    """Set each camera to its exposure; its answers by role."""
    return {
        frame.role: with_retries(
            partial(apply_exposure, cameras[frame.role], frame.exposure), say
        )
        for frame in frames
    }


def take_frames(
    taking: PairTaking,
    protocol: ShotProtocol,
    focus: FocusPositions | None,
    lent: TakenFrame | None,
    stored: Callable[[Path], None],
) -> dict[str, TakenFrame]:
    """Take every shot of a pair, but ``lent`` is copied; return them by role, in order."""
    if protocol.mode == "dual":
        taken = taking.frames_at_once(protocol.frames)
        for shot in taken.values():
            stored(shot.path)
        return taken
    taken = {}
    pair = taking.pair
    for frame in protocol.frames:
        if lent is not None and frame == lent.frame:
            shot = taking.copied(lent)
        else:
            if focus is not None and not focus.go(
                pair.focus_steps if frame.defocused else 0
            ):
                raise CameraError(
                    f"the focus motor can no longer reach {pair.focus_steps} steps; focus by hand "
                    "nearer to the middle of its travel and give fewer --focus-steps"
                )
            shot = taking.frame(frame)
        taken[frame.role] = shot
        stored(shot.path)
    return taken


def take_shot(
    camera: Camera,
    exposure: Exposure,
    stem: Path,
    settle_seconds: float,
    on_failure: Callable[[str], None],
    keep: Callable[[Words, Shot], Kept],
) -> Kept:
    """Set a camera, release it, and keep what it delivers, unless it exposed otherwise."""
    for left in range(EXPOSURE_TRIES, 0, -1):
        got = with_retries(lambda: apply_exposure(camera, exposure), on_failure)
        time.sleep(settle_seconds)
        with finished_first():
            shot = with_retries(lambda: _release(camera, stem), on_failure)
            problem = _exposed_otherwise(exposure, got, shot.parts)
            if not problem:
                return keep(got, shot)
            for part in shot.parts:
                part.unlink()
        if left > 1:
            on_failure(problem)
            if isinstance(camera, SetsAgain):
                camera.set_again()
    raise CameraError(problem)


def _release(camera: Camera, stem: Path) -> Shot:
    ordered_at = time.monotonic()
    parts = camera.shoot(stem)
    on_card = camera.on_card if isinstance(camera, HasCard) else ()
    released_at = camera.released_at if isinstance(camera, KnowsRelease) else ordered_at
    return Shot(parts, on_card, released_at)


def apply_exposure(camera: Camera, exposure: Exposure) -> Words:
    """Set a camera to an exposure and return the values that it then reports.

    Some bodies answer late, some never; the pictures alone show what they were set to."""
    return {name: camera.set(name, word) for name, word in exposure.words.items()}


def _exposed_otherwise(
    asked: Exposure, got: Mapping[SettingName, str], parts: Sequence[Path]
) -> str:
    """What is wrong with a shot whose camera answered another value than was set; else empty."""
    unsure = [
        n
        for n, word in asked.words.items()
        if got[n] != word and not _same(n, got[n], word)
    ]
    if not unsure:
        return ""
    exif = read_exif(
        min(parts, key=lambda part: part.with_suffix("").suffix not in RAW_SUFFIXES)
    )
    said = {"aperture": exif.f_number, "shutter": exif.seconds, "iso": exif.iso}
    for name in unsure:
        wanted = parse_value(name, asked.words[name])
        taken = said[name]
        if (
            wanted is None
            or taken is None
            or abs(math.log2(taken / wanted)) > SAME_STOPS
        ):
            return _contradicted(asked, got, taken, name)
    return ""


def _contradicted(
    asked: Exposure,
    got: Mapping[SettingName, str],
    taken: float | None,
    name: SettingName,
) -> str:
    """Why a setting may not be what was set, and what helps."""
    picture = "no EXIF confirms it" if taken is None else f"EXIF says {taken:g}"
    remedy = "set the dial to M and the lens ring to A"
    # from automatic ISO some bodies lead out by their own buttons alone
    if name == "iso":
        remedy = "set the ISO on the body, to a number"
    return (
        f"the camera kept {name} {got[name]} although {asked.words[name]} was set, and "
        f"{picture}; {remedy}"
    )


def _same(name: SettingName, got: str, asked: str) -> bool:
    """Whether two values are the same number; some bodies answer ``4`` for ``f/4``."""
    first = parse_value(name, got)
    second = parse_value(name, asked)
    return (
        first is not None
        and second is not None
        and math.isclose(first, second, rel_tol=1e-3)
    )
