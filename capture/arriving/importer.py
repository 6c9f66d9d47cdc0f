"""Bringing pairs from a folder into a session, one after another; knows what is there already."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from defocus.capture.arriving.incoming import copy_part, damage_of, picture_files
from defocus.capture.arriving.pairing import CardShot, FoundPair, apertures_of, read_shots
from defocus.capture.cameras.camera import CameraDescription
from defocus.capture.judging.limits import LIMITS, QualityLimits
from defocus.capture.links.card_camera import CardCamera, protocol_of
from defocus.capture.planning.exposure import Bracket
from defocus.capture.planning.labels import parse_f_number
from defocus.capture.sessions.damage import DamagedFile, damaged_files
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.state import PlannedPair, scene_slug
from defocus.capture.taking.rig import Rig
from defocus.capture.taking.shooting import Handling, shoot_pairs
from defocus.errors import InputError
from defocus.files import make_folder, sha256_file
from defocus.progress import say

__all__ = ["ImportRequest", "Importer", "Look"]

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

    def __post_init__(self) -> None:
        """Refuse a scene's name that no folder can have, before anything is made of it."""
        if self.scene is not None:
            scene_slug(self.scene)

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

    def restore_damaged(self) -> list[DamagedFile]:
        """Copy files once more that the session lost; what of it the folder has no more."""
        by_checksum = {self._checksum(look): look[0] for look in self.looks()}
        left = []
        for entry in damaged_files(self.folder.root, self.folder.state):
            source = by_checksum.get(entry.stored.sha256)
            if source is None:
                left.append(entry)
                continue
            stem = self.folder.root / "pairs" / entry.pair / entry.stored.name.partition(".")[0]
            make_folder(stem.parent)
            self.folder.restore(entry.pair, entry.stored, copy_part(source, stem))
            say(f"{entry.pair}  {entry.stored.name}: copied again from {source}")
        return left

    def take(self, found: FoundPair) -> None:
        """Bring a pair into the session."""
        bracket = Bracket(found.blurry.exposure, found.sharp.exposure)
        protocol = protocol_of(found, bracket)
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
            "handling": {"limits": self.request.limits.model_dump()},
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


def _look(path: Path) -> Look:
    status = path.stat()
    return path, status.st_size, status.st_mtime_ns
