"""Import pairs from a folder into a session one by one, skipping known ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from defocus.capture.arriving.card_scenes import CardScenes
from defocus.capture.arriving.card_shots import CardShot
from defocus.capture.arriving.hot_folder import copy_part, written_name
from defocus.capture.arriving.pairing import BracketApertures, FoundPair, apertures_of
from defocus.capture.arriving.picture_folder import PictureFolder
from defocus.capture.camera import CameraDescription
from defocus.capture.judging.limits import LIMITS, QualityLimits
from defocus.capture.links.card_camera import CardCamera, protocol_of
from defocus.capture.planning.exposure import Bracket
from defocus.capture.planning.labels import parse_f_number
from defocus.capture.planning.protocol import Order
from defocus.capture.planning.scene_list import ListedScene
from defocus.capture.sessions.damage import DamagedFile, damaged_files
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.state import PlannedPair, SessionState, kept_in, scene_slug
from defocus.capture.taking.shots.rig import SessionCameras
from defocus.capture.taking.shots.series import shoot_pairs
from defocus.capture.taking.shots.shooting import Handling, planned_pair
from defocus.errors import InputError
from defocus.files import make_folder
from defocus.progress import say

__all__ = ["ImportRequest", "Importer", "stored_checksums"]


@dataclass(frozen=True)
class ImportRequest:
    """Request of an import, as typed; None leaves a choice to the pictures."""

    folder: Path
    blurry: str | None = None  # wide aperture; None uses the wider one of the two found
    sharp: str | None = None  # narrow aperture; None uses the narrower one
    scene: str | None = None  # one name for all scenes; None numbers them
    scene_list: tuple[ListedScene, ...] = ()
    order: Order | None = None
    gap_seconds: float = 60.0
    scene_gap_seconds: float | None = None
    limits: QualityLimits = LIMITS

    def __post_init__(self) -> None:
        """Refuse an invalid scene name or apertures early."""
        if self.scene is not None:
            scene_slug(self.scene)
        if self._typed_apertures() is None and self.order is not None:
            raise InputError("--order is for lenses without contacts: give --blurry, --sharp")

    def apertures(self, shots: Sequence[CardShot]) -> BracketApertures:
        """The wide and the narrow f-number of all shots of one camera, those in the session too."""
        return self._typed_apertures() or apertures_of(shots)

    def _typed_apertures(self) -> BracketApertures | None:
        if self.blurry is None and self.sharp is None:
            return None
        typed = [
            None if text is None else parse_f_number(text) for text in (self.blurry, self.sharp)
        ]
        if typed[0] is None or typed[1] is None or typed[0] >= typed[1]:
            raise InputError(
                f"--blurry {self.blurry} --sharp {self.sharp}: give both, like f/4 and f/22"
            )
        return BracketApertures(typed[0], typed[1], typed=True, order=self.order)


@dataclass
class Importer:
    """A running import: ``done`` has the checksums of the files that are in the session."""

    folder: SessionFolder
    request: ImportRequest
    pictures: PictureFolder
    done: set[str] = field(default_factory=set)
    rejected: int = 0
    scenes: CardScenes = field(init=False)

    def __post_init__(self) -> None:
        self.done = stored_checksums(self.folder.state)
        request = self.request
        self.scenes = CardScenes(
            self.folder.root, request.scene, request.scene_list, request.scene_gap_seconds
        )
        self.scenes.know(self.folder.state)

    def new_shots(self, shots: Sequence[CardShot]) -> list[CardShot]:
        """The shots that are not in the session yet."""
        checksums = self.pictures.checksums
        return [shot for shot in shots if self.done.isdisjoint(map(checksums.get, shot.files))]

    def restore_damaged(self) -> list[DamagedFile]:
        """Copy lost files of the session again; return those that the folder no longer has."""
        left = []
        damaged = damaged_files(self.folder.root, self.folder.state)
        by_checksum = self.pictures.by_checksum() if damaged else {}
        for entry in damaged:
            source = by_checksum.get(entry.stored.sha256)
            if source is None:
                left.append(entry)
                continue
            stem = kept_in(self.folder.root, entry.pair) / entry.stored.name.partition(".")[0]
            make_folder(stem.parent)
            self.folder.restore(entry.pair, entry.stored, copy_part(source, stem))
            say(f"{entry.pair}  {entry.stored.name}: copied again from {source}")
        return left

    def take(self, found: FoundPair) -> None:
        """Import a pair into the session."""
        bracket = Bracket(found.blurry.exposure, found.sharp.exposure)
        protocol = protocol_of(found, bracket)
        checksums = self.pictures.checksums
        camera = CardCamera(found, self.request.folder, checksums.__getitem__)
        pair = self._planned(found, bracket, camera.describe())
        (complete,) = shoot_pairs(
            self.folder,
            SessionCameras.single(camera),
            [pair],
            protocol,
            Handling(limits=self.request.limits),
        )
        self.rejected += complete.verdict == "reject"
        self.done.update(checksums[path] for shot in found.shots for path in shot.files)

    def _planned(
        self, found: FoundPair, bracket: Bracket, camera: CameraDescription
    ) -> PlannedPair:
        """Plan the pair in the journal; a pair planned by a killed import is continued."""
        names = tuple(written_name(Path(path.name)) for shot in found.shots for path in shot.files)
        state = self.folder.state
        for pair in state.incomplete:
            if state.shoots[pair.shoot].imported == names:
                self.scenes.remember(found, pair.typed_scene)
                return pair
        title = self.scenes.title_of(found)
        pair = planned_pair(state.next_number, title, len(state.shoots))
        shoot: dict[str, Any] = {
            **bracket.to_json(),
            "camera": camera.to_json(),
            "mode": "aperture",
            "order": found.order,
            "imported": list(names),
            "handling": {"limits": self.request.limits.model_dump()},
        }
        self.folder.plan([shoot], [pair])
        note = {scene.title: scene.note for scene in self.request.scene_list}.get(title, "")
        if note and pair.scene not in state.notes:
            self.folder.note(pair.scene, note)
        return pair


def stored_checksums(state: SessionState) -> set[str]:
    """Checksums of all files of a session's complete pairs."""
    return {stored.sha256 for pair in state.complete.values() for stored in pair.files}
