"""Import pairs from a folder into a session one by one, skipping known ones, scene by scene."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from defocus.capture.arriving.card_scenes import CardScenes, look_at
from defocus.capture.arriving.card_shots import (
    CardShot,
    Leftover,
    originality,
    read_shots,
)
from defocus.capture.arriving.hot_folder import (
    copy_part,
    picture_files,
    visible_files,
    written_name,
)
from defocus.capture.arriving.import_request import ImportRequest
from defocus.capture.arriving.pairing import CardPair
from defocus.capture.camera import Camera, CameraDescription, Setting, SettingName
from defocus.capture.planning.exposure import Bracket
from defocus.capture.planning.protocol import ShotProtocol, make_protocol
from defocus.capture.planning.shoot_settings import ShootOptions
from defocus.capture.sessions.damage import DamagedFile, damaged_files
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.state import PlannedPair, SessionState, kept_in
from defocus.capture.sidecars import (
    is_sidecar,
    picture_stems,
    rating,
    rating_words,
    sidecar_stem,
    stored_suffix,
)
from defocus.capture.taking.shots.rig import SessionCameras
from defocus.capture.taking.shots.series import shoot_pairs
from defocus.capture.taking.shots.shooting import (
    Handling,
    planned_pair,
    tell_file_names,
)
from defocus.errors import CameraError, ImageError
from defocus.likeness import Fingerprint
from defocus.progress import say
from defocus.reading import Json
from defocus.storage.files import make_folder, sha256_file

Look = tuple[Path, int, int]
"""A file as it was when it was looked at: path, size, time of its last change in ns."""

VIDEOS = frozenset(
    {
        ".3gp",
        ".avi",
        ".crm",
        ".insv",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mts",
        ".mxf",
    }
)
OTHER_PICTURES = frozenset(
    {
        ".3fr",
        ".crw",
        ".gif",
        ".gpr",
        ".iiq",
        ".jp2",
        ".kdc",
        ".mos",
        ".mrw",
        ".psd",
        ".rwl",
    }
    | {".srf", ".x3f"}
)
"""Suffixes of pictures that people keep and :data:`~defocus.pictures.read.IMAGE_SUFFIXES` does not
have."""


@dataclass
class PictureFolder:
    """A folder with pictures; ``left_out`` are copies of others at the last call of ``shots``."""

    path: Path
    damaged: set[Look] = field(default_factory=set)
    checksums: dict[Path, str] = field(default_factory=dict)
    left_out: list[Leftover] = field(default_factory=list)
    _known: dict[Look, str] = field(default_factory=dict)
    _shown: dict[str, Fingerprint] = field(default_factory=dict)

    def looks(self) -> list[Look]:
        """The present pictures in the folder, without those removed meanwhile."""
        looks = []
        for path in picture_files(self.path):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # renamed since it was listed, as some programs do when they are done
            looks.append((path, status.st_size, status.st_mtime_ns))
        return looks

    def shots(self, looks: Sequence[Look], trusted: set[str]) -> list[CardShot]:
        """The shots made of the complete pictures; those of ``trusted`` checksums are complete."""
        originals = self._originals(looks, trusted)
        while True:
            shown = {}
            for checksum in originals.keys() & self._shown:
                shown[originals[checksum]] = self._shown[checksum]
            try:
                shots, edited = read_shots(originals.values(), shown)
            except FileNotFoundError:
                originals = {
                    key: path for key, path in originals.items() if path.is_file()
                }
            else:
                self.left_out += edited
                return self._with_sidecars(shots)

    def _originals(self, looks: Sequence[Look], trusted: set[str]) -> dict[str, Path]:
        """Checksum and path of each complete picture; copies are left out with a reason."""
        originals: dict[str, Path] = {}
        self.left_out = []
        for look in sorted(looks, key=lambda look: originality(look[0])):
            path = look[0]
            checksum = self._checksum(look)
            if checksum is None or look in self.damaged:
                continue
            if checksum in originals:
                original = originals[checksum].relative_to(self.path)
                self.left_out.append(Leftover(path, f"the same file as {original}"))
            elif checksum in trusted or self._is_whole(look, checksum):
                originals[checksum] = path
        return originals

    def unread(self) -> list[Leftover]:
        """Videos, and pictures of kinds that are not read."""
        words = dict.fromkeys(OTHER_PICTURES, "pictures of this kind are not read")
        words |= dict.fromkeys(VIDEOS, "a video")
        leftovers = []
        for path in visible_files(self.path):
            reason = words.get(path.suffix.lower())
            if reason is not None:
                leftovers.append(Leftover(path, reason))
        return leftovers

    def sidecars(self) -> list[Path]:
        """All sidecars in the folder."""
        return list(filter(is_sidecar, visible_files(self.path)))

    def _with_sidecars(self, shots: Sequence[CardShot]) -> list[CardShot]:
        """Shots with the sidecars of their names, one for each name that it is stored under."""
        by_stem: dict[tuple[Path, str], list[Path]] = defaultdict(list)
        for path in self.sidecars():
            by_stem[sidecar_stem(path)].append(path)
        completed = []
        for shot in shots:
            by_suffix: dict[str, Path] = {}
            for stem in chain.from_iterable(map(picture_stems, shot.files)):
                for path in by_stem.get(stem, ()):
                    by_suffix.setdefault(_sidecar_suffix(path, shot), path)
            completed.append(replace(shot, sidecars=tuple(by_suffix.values())))
        return completed

    def _is_whole(self, look: Look, checksum: str) -> bool:
        """Whether a picture is complete; the answer is remembered."""
        if checksum in self._shown:
            return True
        try:
            self._shown[checksum] = look_at(look[0])
        except ImageError as error:
            if look[0].exists():
                say(f"left out: {error}")
                self.damaged.add(look)
            return False
        return True

    def by_checksum(self) -> dict[str, Path]:
        """The present pictures and sidecars in the folder, by SHA-256."""
        paths = {}
        for look in self.looks():
            checksum = self._checksum(look)
            if checksum is not None:
                paths[checksum] = look[0]
        return paths | {sha256_file(path): path for path in self.sidecars()}

    def _checksum(self, look: Look) -> str | None:
        """SHA-256 of a file; None if it is gone."""
        if look not in self._known:
            try:
                self._known[look] = sha256_file(look[0])
            except FileNotFoundError:
                return None
        self.checksums[look[0]] = self._known[look]
        return self._known[look]


class CardCamera(Camera):
    """Delivers the files of a found pair, shot by shot."""

    def __init__(
        self, pair: CardPair, folder: Path, checksum: Callable[[Path], str]
    ) -> None:
        """Take a pair found in a folder; ``checksum`` returns that of each file."""
        self._pair = pair
        self._folder = folder
        self._checksum = checksum
        self._shots = iter(pair.shots)

    def describe(self) -> CameraDescription:
        """Describe the camera by EXIF."""
        exif = self._pair.sharp.exif
        return CameraDescription(
            uri=f"folder:{written_name(self._folder)}",
            model=exif.model or "unknown",
            serial=exif.serial,
            lens=exif.lens,
            focal_length_mm=exif.focal_length_mm,
        )

    def settings(self) -> dict[SettingName, Setting]:
        """No settings, because the pictures exist already."""
        return {}

    def set(self, _name: SettingName, value: str) -> str:
        """Accept the value, which comes from the EXIF of the pictures."""
        return value

    def shoot(self, path_stem: Path) -> list[Path]:
        """Copy the next shot and its sidecars, and verify the copies."""
        shot = next(self._shots)
        parts = [copy_part(path, path_stem) for path in shot.files]
        checksums = list(map(self._checksum, shot.files))
        for path in shot.sidecars:
            parts.append(copy_part(path, path_stem, _sidecar_suffix(path, shot)))
            checksums.append(sha256_file(path))
        sources = (*shot.files, *shot.sidecars)
        for path, part, checksum in zip(sources, parts, checksums, strict=True):
            if sha256_file(part) != checksum:
                raise CameraError(
                    f"{path}: changed or was misread during copying; try again"
                )
        return parts


def _sidecar_suffix(sidecar: Path, shot: CardShot) -> str:
    """The end of the name of a shot's stored sidecar, after the role."""
    suffixes = [stored_suffix(sidecar, picture) for picture in shot.files]
    return max(suffixes, key=len)  # with the suffix of the picture whose name it has


def protocol_of(card_pair: CardPair, bracket: Bracket) -> ShotProtocol:
    """The protocol of the pictures, from their EXIF."""
    protocol = make_protocol(bracket, order=card_pair.order)
    roles = ["sharp", "blurry"] if card_pair.sharp_first else ["blurry", "sharp"]
    roles += ["anchor"] * (len(card_pair.shots) - 2)
    frame = protocol.frames[0]
    return replace(
        protocol,
        focus_known=False,
        frames=tuple(
            replace(frame, role=role, exposure=shot.exposure)
            for role, shot in zip(roles, card_pair.shots, strict=True)
        ),
    )


@dataclass
class Importer:
    """A running import: ``done`` has the checksums of the files that are in the session."""

    folder: SessionFolder
    request: ImportRequest
    pictures: PictureFolder
    stored: set[str] = field(default_factory=set)
    rejected: int = 0
    scenes: CardScenes = field(init=False)

    def __post_init__(self) -> None:
        self.stored = stored_checksums(self.folder.state)
        request = self.request
        self.scenes = CardScenes(
            self.folder.root,
            request.scene,
            request.scene_list,
            request.scene_gap_seconds,
        )
        self.scenes.know(self.folder.state)

    def new_shots(self, shots: Sequence[CardShot]) -> list[CardShot]:
        """The shots that are not in the session yet."""
        checksums = self.pictures.checksums
        new = []
        for shot in shots:
            own = map(checksums.get, shot.files)
            if self.stored.isdisjoint(own):
                new.append(shot)
        return new

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
            stem = (
                kept_in(self.folder.root, entry.pair)
                / entry.stored.name.partition(".")[0]
            )
            make_folder(stem.parent)
            self.folder.restore(entry.pair, entry.stored, copy_part(source, stem))
            say(f"{entry.pair}  {entry.stored.name}: copied again from {source}")
        return left

    def take(self, card_pair: CardPair) -> None:
        """Import a pair into the session."""
        bracket = Bracket(card_pair.blurry.exposure, card_pair.sharp.exposure)
        protocol = protocol_of(card_pair, bracket)
        checksums = self.pictures.checksums
        camera = CardCamera(card_pair, self.request.folder, checksums.__getitem__)
        pair = self._planned(card_pair, bracket, camera.describe())
        (complete,) = shoot_pairs(
            self.folder,
            SessionCameras.single(camera),
            [pair],
            protocol,
            Handling(ShootOptions(limits=self.request.limits)),
        )
        for shot in card_pair.shots:
            for path in shot.sidecars:
                self._copied(complete.id, path)
        self.rejected += complete.verdict == "reject"
        for shot in card_pair.shots:
            self.stored.update(map(checksums.__getitem__, shot.files))

    def sidecars_left(self, shots: Sequence[CardShot]) -> list[Leftover]:
        """Sidecars that are not in the session, with the reason and what they rate."""
        owners: dict[Path, CardShot] = {}
        for shot in shots:
            owners |= dict.fromkeys(shot.sidecars, shot)
        left = []
        for path in self.pictures.sidecars():
            owner = owners.get(path)
            if owner is None:
                reason = "a sidecar without a picture of its own"
            elif not self.new_shots([owner]):
                if sha256_file(path) in self.stored:
                    continue
                reason = f"a sidecar of {owner.name}, which was imported before it"
            else:
                reason = f"a sidecar of {owner.name}, which is in no pair"
            left.append(Leftover(path, reason + _says(path)))
        return left

    def _copied(self, pair_id: str, sidecar: Path) -> None:
        """Name a sidecar that was copied, and remember that the session has it."""
        name = written_name(Path(sidecar.name))
        say(f"{pair_id}  {name}: a sidecar, copied beside its picture{_says(sidecar)}")
        self.stored.add(sha256_file(sidecar))

    def _planned(
        self, card_pair: CardPair, bracket: Bracket, camera: CameraDescription
    ) -> PlannedPair:
        """Plan the pair in the journal; a pair planned by a killed import is continued."""
        files = chain.from_iterable(shot.files for shot in card_pair.shots)
        names = tuple(written_name(Path(path.name)) for path in files)
        state = self.folder.state
        for pair in state.incomplete:
            if state.shoots[pair.shoot].imported == names:
                self.scenes.remember(card_pair, pair.typed_scene)
                return pair
        title = self.scenes.title_of(card_pair)
        pair = planned_pair(state.next_number, title, len(state.shoots))
        tell_file_names([pair])
        shoot: Json = {
            **bracket.to_json(),
            "camera": camera.to_json(),
            "mode": "aperture",
            "order": card_pair.order,
            "imported": list(names),
            "handling": {"limits": self.request.limits.model_dump()},
        }
        self._journal_plan(shoot, pair, title, state)
        return pair

    def _journal_plan(
        self, shoot: Json, pair: PlannedPair, title: str, state: SessionState
    ) -> None:
        """Write a new pair into the journal, with the note of its scene."""
        self.folder.plan([shoot], [pair])
        note = {scene.title: scene.note for scene in self.request.scene_list}.get(
            title, ""
        )
        if note and pair.scene not in state.notes:
            self.folder.note(pair.scene, note)


def _says(sidecar: Path) -> str:
    """The rating that a sidecar gives its picture, in words that follow other remarks."""
    stars = rating(sidecar)
    return "" if stars is None else f"; it {rating_words(stars)}"


def stored_checksums(state: SessionState) -> set[str]:
    """Checksums of all files of a session's complete pairs."""
    checksums = set[str]()
    for pair in state.complete.values():
        checksums.update(stored.sha256 for stored in pair.files)
    return checksums
