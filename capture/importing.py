"""A session from pictures that were taken without us: from a memory card, or while they come in.

Every found pair is planned, copied, judged and journalled like one that we shot, so that whatever
is killed is continued by the same command: files that are in the session already are passed over.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from defocus.capture.cameras.camera import CameraDescription, Setting, SettingName
from defocus.capture.exposure import Bracket
from defocus.capture.folder import SessionFolder
from defocus.capture.incoming import copy_part, damage_of, picture_files, require_folder
from defocus.capture.labels import parse_f_number
from defocus.capture.limits import LIMITS, QualityLimits
from defocus.capture.pairing import (
    CardShot,
    FoundPair,
    apertures_of,
    find_pairs,
    read_shots,
)
from defocus.capture.protocol import Protocol, make_protocol
from defocus.capture.rig import Rig
from defocus.capture.running import journalled_session
from defocus.capture.shooting import Handling, shoot_pairs
from defocus.capture.state import PlannedPair, scene_slug
from defocus.errors import CameraError, DatasetError, InputError
from defocus.files import sha256_file
from defocus.progress import say

__all__ = ["ImportRequest", "import_pictures", "watch_pictures"]

POLL_SECONDS = 0.5

Look = tuple[Path, int, int]
"""A file as it was when it was looked at: path, size, time of its last change in ns."""


@dataclass(frozen=True)
class ImportRequest:
    """What to import, as it is typed.

    Attributes:
        folder: Where the pictures are.
        blurry: Wide aperture; None = the wider one of the two there are.
        sharp: Narrow aperture; None = the narrower one.
        scene: One name for all scenes; None numbers them.
        gap_seconds: Longest pause between the shots of a pair.
        scene_gap_seconds: A longer pause between pairs begins a new scene.
        limits: From where on a pair is warned about, or rejected.
    """

    folder: Path
    blurry: str | None = None
    sharp: str | None = None
    scene: str | None = None
    gap_seconds: float = 60.0
    scene_gap_seconds: float = 120.0
    limits: QualityLimits = LIMITS

    def apertures(self, shots: Sequence[CardShot]) -> tuple[float, float]:
        """The wide and the narrow f-number.

        Raises:
            InputError: One that cannot be read, or the pictures do not have two.
        """
        if self.blurry is None and self.sharp is None:
            return apertures_of(shots)
        typed = [
            None if text is None else parse_f_number(text) for text in (self.blurry, self.sharp)
        ]
        if typed[0] is None or typed[1] is None or typed[0] >= typed[1]:
            raise InputError(
                f"--blurry {self.blurry} --sharp {self.sharp}: give both, like f/4 and f/22"
            )
        return typed[0], typed[1]


class CardCamera:
    """Delivers the files of a found pair, shot by shot."""

    def __init__(self, pair: FoundPair, folder: Path, checksum: Callable[[Path], str]) -> None:
        """Of a pair found in a folder; ``checksum`` knows that of each file."""
        self._pair, self._folder, self._checksum = pair, folder, checksum
        self._shots = iter(pair.shots)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is open."""

    def describe(self) -> CameraDescription:
        """What the EXIF says."""
        exif = self._pair.sharp.exif
        return CameraDescription(
            uri=f"folder:{self._folder}",
            model=exif.model or "unknown",
            focal_length_mm=exif.focal_length_mm,
        )

    def settings(self) -> dict[SettingName, Setting]:
        """None: the pictures are taken already."""
        return {}

    def set(self, _name: SettingName, value: str) -> str:
        """The pictures were taken with it; their EXIF is where the value comes from."""
        return value

    def shoot(self, path_stem: Path) -> list[Path]:
        """Copy the next shot, and compare the copies with their originals."""
        files = next(self._shots).files
        parts = [copy_part(path, path_stem) for path in files]
        for path, part in zip(files, parts, strict=True):
            if sha256_file(part) != self._checksum(path):
                raise CameraError(f"{path}: changed or was misread while it was copied; try again")
        return parts


@dataclass
class Importer:
    """An import that goes on; knows what is done.

    Attributes:
        folder: The session.
        request: What is imported.
        done: Checksums of the files that are in the session.
        rejected: How many pairs were rejected.
        damaged: Files that are no whole pictures, as they were when they were looked at.
    """

    folder: SessionFolder
    request: ImportRequest
    done: set[str] = field(default_factory=set)
    rejected: int = 0
    damaged: set[Look] = field(default_factory=set)
    _checksums: dict[Look, str] = field(default_factory=dict)
    _last: tuple[str, float] | None = None

    def __post_init__(self) -> None:
        for pair in self.folder.state.complete.values():
            self.done.update(stored.sha256 for stored in pair.files)

    def looks(self) -> list[Look]:
        """The pictures in the folder as they are now."""
        return [_look(path) for path in picture_files(self.request.folder)]

    def new_shots(self, looks: Sequence[Look]) -> list[CardShot]:
        """The shots that are whole and not in the session yet."""
        whole = []
        for look in looks:
            if look in self.damaged or self._checksum(look) in self.done:
                continue
            problem = damage_of(look[0])
            if problem:
                say(f"left out: {problem}")
                self.damaged.add(look)
            else:
                whole.append(look[0])
        return read_shots(whole)

    def _checksum(self, look: Look) -> str:
        if look not in self._checksums:
            self._checksums[look] = sha256_file(look[0])
        return self._checksums[look]

    def take(self, found: FoundPair) -> None:
        """Bring a pair into the session."""
        bracket = Bracket(found.blurry.exposure, found.sharp.exposure)
        protocol = _protocol(found, bracket)
        camera = CardCamera(found, self.request.folder, lambda path: self._checksum(_look(path)))
        pair = self._planned(found, bracket, camera.describe())
        (complete,) = shoot_pairs(
            self.folder,
            Rig.single(camera),
            [pair],
            protocol,
            Handling(limits=self.request.limits),
        )
        self.rejected += complete.verdict == "reject"
        self.done.update(self._checksum(_look(path)) for shot in found.shots for path in shot.files)

    def _planned(
        self, found: FoundPair, bracket: Bracket, camera: CameraDescription
    ) -> PlannedPair:
        """The pair in the journal; one that a killed import had planned is taken up again."""
        names = [path.name for shot in found.shots for path in shot.files]
        scene = self._scene(found)
        state = self.folder.state
        for pair in state.incomplete:
            if state.shoots[pair.shoot].get("imported") == names:
                self._last = (pair.scene, found.shots[-1].seconds)
                return pair
        number = state.next_number
        pair = PlannedPair(f"{number:04d}_{scene}", number, scene, len(state.shoots))
        shoot: dict[str, Any] = {
            **bracket.to_json(),
            "camera": camera.to_json(),
            "mode": "aperture",
            "order": found.order,
            "imported": names,
        }
        self.folder.plan(shoot, [pair])
        return pair

    def _scene(self, found: FoundPair) -> str:
        """The scene of a pair: the one before, unless there was a long pause."""
        begins, ends = found.shots[0].seconds, found.shots[-1].seconds
        if self.request.scene is not None:
            return scene_slug(self.request.scene)
        last = self._last
        if last is None or not 0 <= begins - last[1] <= self.request.scene_gap_seconds:
            known = len({pair.scene for pair in self.folder.state.planned.values()})
            last = (f"scene-{known + 1:03d}", 0.0)
        self._last = (last[0], ends)
        return last[0]


def _protocol(found: FoundPair, bracket: Bracket) -> Protocol:
    """The protocol that the pictures were taken by, its shots as their EXIF says."""
    protocol = make_protocol(bracket, order=found.order)
    roles = ["sharp", "blurry"] if found.sharp_first else ["blurry", "sharp"]
    roles += ["anchor"] * (len(found.shots) - 2)
    frame = protocol.frames[0]
    return replace(
        protocol,
        frames=tuple(
            replace(frame, role=role, exposure=shot.exposure)
            for role, shot in zip(roles, found.shots, strict=True)
        ),
    )


def import_pictures(session: Path, request: ImportRequest, *, json_lines: bool) -> int:
    """Import every pair of a folder; the command ``import``.

    Returns:
        Exit code: 1 where a pair was rejected or a file is damaged, else 0.

    Raises:
        InputError: No such folder, or no two apertures.
        DatasetError: The session is in use, or has other pairs to resume first.
        StorageError: The disk is full; run the same command again.
    """
    with _importer(session, request, json_lines=json_lines) as importer:
        shots = importer.new_shots(importer.looks())
        if shots:
            apertures = request.apertures(shots)
            pairs, left = find_pairs(shots, *apertures, gap_seconds=request.gap_seconds)
            for found in pairs:
                importer.take(found)
            for leftover in left:
                say(f"left out: {leftover.shot.name}: {leftover.reason}")
            say(f"{len(pairs)} pairs imported, {len(left)} pictures left out")
        else:
            say(f"{request.folder}: no picture that is not in the session already")
        return int(importer.rejected > 0 or bool(importer.damaged))


def watch_pictures(
    session: Path, request: ImportRequest, *, quiet_seconds: float, json_lines: bool
) -> None:
    """Import pairs while they come in, until it is interrupted; the command ``import --watch``.

    Args:
        session: The session.
        request: What is imported.
        quiet_seconds: Pictures are paired once nothing in the folder has changed for so long: the
            last shot of a pair may still be on its way.
        json_lines: Whether the journal goes to stdout.

    Raises:
        InputError: No such folder, or more than two apertures.
        DatasetError: The session is in use, or has other pairs to resume first.
        StorageError: The disk is full; run the same command again.
        KeyboardInterrupt: The only end.
    """
    with _importer(session, request, json_lines=json_lines) as importer:
        say(f"watching {request.folder}; Ctrl-C ends")
        before: list[Look] = []
        changed, paired = time.monotonic(), False
        while True:
            looks = importer.looks()
            if looks != before:
                before, changed, paired = looks, time.monotonic(), False
            elif not paired and time.monotonic() - changed >= quiet_seconds:
                _take_complete(importer, looks)
                paired = True
            time.sleep(POLL_SECONDS)


def _take_complete(importer: Importer, looks: Sequence[Look]) -> None:
    """Import the pairs that have come; a shot without its partner stays for later."""
    shots, request = importer.new_shots(looks), importer.request
    if request.blurry is None and len({shot.exif.f_number for shot in shots}) < 2:
        return
    for found in find_pairs(shots, *request.apertures(shots), gap_seconds=request.gap_seconds)[0]:
        importer.take(found)


@contextmanager
def _importer(session: Path, request: ImportRequest, *, json_lines: bool) -> Iterator[Importer]:
    require_folder(request.folder)
    with journalled_session(session, create=True, json_lines=json_lines) as folder:
        state = folder.state
        other = [p for p in state.incomplete if "imported" not in state.shoots[p.shoot]]
        if other:
            raise DatasetError(
                f"{session}: pair {other[0].id} is incomplete; "
                f"run 'defocus-capture resume {session}' first"
            )
        yield Importer(folder, request)


def _look(path: Path) -> Look:
    status = path.stat()
    return path, status.st_size, status.st_mtime_ns
