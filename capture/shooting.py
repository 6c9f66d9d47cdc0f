"""Shooting pairs into a session: blurry and sharp back to back, judged on the spot."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from defocus.capture.cameras.camera import Camera, CameraDescription, KnowsTruth, SettingName
from defocus.capture.exif import Exif, read_exif
from defocus.capture.exposure import Bracket, Exposure
from defocus.capture.folder import SessionFolder
from defocus.capture.labels import parse_value
from defocus.capture.quality import Quality, judge_pair
from defocus.capture.state import CompletePair, PlannedPair, SessionState, StoredFile, scene_slug
from defocus.errors import CameraError, DefocusError
from defocus.files import make_folder, write_json
from defocus.raw import RAW_SUFFIXES

__all__ = ["new_pairs", "shoot_pairs"]

Ready = Callable[[PlannedPair], None]
"""Called before a pair; returns when the scene stands. May raise ``KeyboardInterrupt``."""


def new_pairs(
    state: SessionState, scene: str | None, *, scenes: int, repeat: int
) -> list[PlannedPair]:
    """Numbers and names of pairs to add to a session.

    Args:
        state: The session up to now.
        scene: Name of the scene; None numbers the scenes of the session.
        scenes: How many different scenes; with a name they become ``NAME-1``, ``NAME-2``, ….
        repeat: How many pairs of each scene.

    Raises:
        DatasetError: A name without a letter or digit.
    """
    known = len({pair.scene for pair in state.planned.values()})
    if scene is None:
        names = [f"scene-{known + index:03d}" for index in range(1, scenes + 1)]
    else:
        slug = scene_slug(scene)
        names = [slug] if scenes == 1 else [f"{slug}-{i}" for i in range(1, scenes + 1)]
    ordered = [name for name in names for _ in range(repeat)]
    first, shoot = state.next_number, len(state.shoots)
    return [
        PlannedPair(f"{number:04d}_{name}", number, name, shoot)
        for number, name in enumerate(ordered, start=first)
    ]


def shoot_pairs(
    folder: SessionFolder,
    camera: Camera,
    pairs: Sequence[PlannedPair],
    bracket: Bracket,
    *,
    settle_seconds: float = 0.0,
    ready: Ready = lambda _pair: None,
) -> list[CompletePair]:
    """Shoot planned pairs one after another; each is complete or not there at all.

    Args:
        folder: The session, with the pairs planned in it.
        camera: An open camera.
        pairs: What to shoot.
        bracket: The settings of the two shots.
        settle_seconds: Pause between setting the camera and each shot.
        ready: Called before each pair.

    Raises:
        CameraError: The camera was lost; the session stays valid and can be resumed.
        StorageError: The disk is full; the session stays valid and can be resumed.
    """
    done = []
    for pair in pairs:
        ready(pair)
        try:
            done.append(_shoot_pair(folder, camera, pair, bracket, settle_seconds))
        except (DefocusError, OSError, KeyboardInterrupt) as error:
            folder.give_up(pair, error)
            raise
    return done


def _shoot_pair(
    folder: SessionFolder,
    camera: Camera,
    pair: PlannedPair,
    bracket: Bracket,
    settle_seconds: float,
) -> CompletePair:
    if isinstance(camera, KnowsTruth):
        camera.stage(pair.scene, pair.number)
    pair_folder = folder.begin_pair(pair)
    roles: dict[str, dict[str, Any]] = {}
    files: list[StoredFile] = []
    members: dict[str, Path] = {}
    exif: dict[str, Exif] = {}
    for role, exposure in (("blurry", bracket.blurry), ("sharp", bracket.sharp)):
        got = apply_exposure(camera, exposure)
        time.sleep(settle_seconds)
        stored = folder.store_originals(pair, role, camera.shoot(pair_folder / role))
        files += stored
        member = main_file(stored)
        members[role] = pair_folder / member.name
        exif[role] = read_exif(members[role])
        roles[role] = _role_entry(member, stored, exposure, got, exif[role])
    if isinstance(camera, KnowsTruth):
        truth = camera.write_truth(make_folder(pair_folder / "truth"))
        files += folder.store_written(pair, truth)
    described = camera.describe()
    quality = judge_pair(
        members["blurry"], members["sharp"], bracket, exif, virtual_camera=described.virtual
    )
    write_json(pair_folder / "pair.json", _pair_entry(pair, described, roles, bracket, quality))
    files += folder.store_written(pair, [pair_folder / "pair.json"])
    complete = CompletePair(
        pair.id,
        pair.scene,
        quality.verdict,
        quality.reason,
        members["blurry"].name,
        members["sharp"].name,
        tuple(files),
    )
    folder.complete(complete)
    return complete


def apply_exposure(camera: Camera, exposure: Exposure) -> dict[SettingName, str]:
    """Set a camera to an exposure and return what it then has.

    Raises:
        CameraError: The camera has another value than the one set.
    """
    got: dict[SettingName, str] = {}
    for name, word in exposure.words.items():
        got[name] = camera.set(name, word)
        if got[name] != word and not _same(name, got[name], word):
            raise CameraError(
                f"the camera kept {name} {got[name]} although {word} was set; "
                "put the dial to M and the lens ring to A"
            )
    return got


def _same(name: SettingName, got: str, asked: str) -> bool:
    """Whether two words say the same number; some bodies answer ``4`` for ``f/4``."""
    first, second = parse_value(name, got), parse_value(name, asked)
    return first is not None and second is not None and math.isclose(first, second, rel_tol=1e-3)


def main_file(stored: Sequence[StoredFile]) -> StoredFile:
    """The file that stands for a role: RAW where the camera wrote RAW and JPEG."""
    return min(stored, key=lambda entry: Path(entry.name).suffix not in RAW_SUFFIXES)


def _role_entry(
    member: StoredFile,
    stored: Sequence[StoredFile],
    exposure: Exposure,
    got: dict[SettingName, str],
    exif: Exif,
) -> dict[str, Any]:
    return {
        "file": member.name,
        "sha256": member.sha256,
        "other_files": [entry.name for entry in stored if entry != member],
        "asked": dict(exposure.words),
        "got": dict(got),
        "true": {
            "f_number": exposure.f_number,
            "seconds": exposure.seconds,
            "iso": exposure.iso_value,
        },
        "exif": asdict(exif),
    }


def _pair_entry(
    pair: PlannedPair,
    camera: CameraDescription,
    roles: dict[str, dict[str, Any]],
    bracket: Bracket,
    quality: Quality,
) -> dict[str, Any]:
    return {
        "schema": 1,
        "id": pair.id,
        "scene": pair.scene,
        "camera": camera.to_json(),
        "roles": roles,
        "exposure": {
            "aperture_ev": bracket.aperture_ev,
            "nominal_aperture_ev": bracket.nominal_aperture_ev,
            "residual_ev": bracket.residual_ev,
            "nominal_residual_ev": bracket.nominal_residual_ev,
        },
        "quality": {
            **quality.numbers,
            "findings": [asdict(finding) for finding in quality.findings],
        },
        "verdict": quality.verdict,
        "reason": quality.reason,
    }
