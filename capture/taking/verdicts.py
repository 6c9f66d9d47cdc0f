"""Complete pairs with their verdict, and their shots as they are stored, ready to be judged."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from defocus.capture.calibrations import Calibrations, stored_calibrations
from defocus.capture.camera import SettingName
from defocus.capture.planning.exposure import Exposure, make_exposure
from defocus.capture.planning.labels import parse_value
from defocus.capture.quality.pair_quality import judge_pair
from defocus.capture.quality.shot_findings import PairShots, measure_grey_card
from defocus.capture.quality.verdict import Quality
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.session import file_problem
from defocus.capture.sessions.state import (
    CompletePair,
    PlannedPair,
    ShotPair,
    file_path,
)
from defocus.capture.sidecars import is_sidecar, lowest_rating
from defocus.capture.taking.person import Person
from defocus.errors import DatasetError
from defocus.pictures import picture_name
from defocus.pictures.metadata import read_exif
from defocus.pictures.write import write_image
from defocus.progress import say
from defocus.storage.files import write_json


def stored_shots(
    root: Path,
    pair_id: str,
    names: Collection[str],
    entry: Mapping[str, Any],
    setup: Calibrations,
) -> PairShots:
    """The shots of a pair from its document, with or without a verdict."""
    roles = entry["roles"]
    paths = _paths(root, pair_id, names, roles)
    asked = {role: _exposure(shot) for role, shot in roles.items()}
    two = entry["sharp_camera"] is not None
    return PairShots(
        paths,
        asked,
        exif={role: read_exif(path) for role, path in paths.items()},
        anchored=str(entry["anchored"] or "sharp"),
        focus_moved=any(shot["defocused"] for shot in roles.values()),
        sharp_mirrored=two and setup.sharp_mirrored,
        expected_ev=setup.expected_ev(
            asked["blurry"].aperture, asked["sharp"].aperture
        ),
        expected=setup.expected_geometry(int(entry["focus_steps"]), two_cameras=two),
        skew_seconds=_skew_seconds(entry),
        virtual=_any_camera(entry, "virtual"),
        writes_exif=_any_camera(entry, "writes_exif"),
        ratings={role: _rating(root, pair_id, names, role) for role in roles},
    )


def _any_camera(entry: Mapping[str, Any], name: str) -> bool:
    """Whether this is true of a camera of the pair."""
    cameras = (entry["camera"], entry["sharp_camera"])
    return any(camera[name] for camera in cameras if camera is not None)


def _paths(
    root: Path, pair_id: str, names: Collection[str], roles: Mapping[str, Any]
) -> dict[str, Path]:
    """Paths of the files by role; only files of the pair itself."""
    files = {role: str(shot["file"]) for role, shot in roles.items()}
    if not set(files.values()) <= set(names):
        raise DatasetError(
            f"{root}: pair {pair_id}: pair.json names files that are not the pair's"
        )
    return {role: file_path(root, pair_id, name) for role, name in files.items()}


def _rating(root: Path, pair_id: str, names: Collection[str], role: str) -> int | None:
    """The stars that the sidecars of a shot give it."""
    paths = [Path(name) for name in names if name.partition(".")[0] == role]
    return lowest_rating(
        file_path(root, pair_id, path.name) for path in paths if is_sidecar(path)
    )


def _skew_seconds(entry: Mapping[str, Any]) -> float | None:
    """Time between the releases of two cameras; None for one camera, and in imports."""
    seconds = entry.get("release_skew_seconds")
    return None if seconds is None else float(seconds)


def _exposure(role: Mapping[str, Any]) -> Exposure:
    """Requested exposure of a shot, from its entry."""
    words = role["asked"]
    true = role["true"]
    exposure = make_exposure(
        (words["aperture"], _number("aperture", words)),
        (words["shutter"], _number("shutter", words)),
        (words.get("iso"), float(true["iso"])),
    )
    return replace(
        exposure, f_number=float(true["f_number"]), seconds=float(true["seconds"])
    )


def _number(name: SettingName, words: Mapping[str, str]) -> float:
    number = parse_value(name, words[name])
    if number is None:
        raise ValueError(f"{name} '{words[name]}' is not a number")
    return number


MASK = picture_name("usable-mask")
"""Name of the mask's file: 255 where a pair can be used, 0 where its blurry member is the sharper
one."""


def judged_pair(
    folder: SessionFolder, pair: PlannedPair, shot: ShotPair, quality: Quality
) -> CompletePair:
    """Write ``pair.json`` and the mask of a judged pair, before it is journalled as complete."""
    place = folder.root / "pairs" / pair.id
    files = list(shot.files)
    if quality.mask is not None:
        write_image(place / MASK, quality.mask)
        files += folder.store_written(pair, [place / MASK])
    write_json(place / "pair.json", _document(place, shot, quality))
    files += folder.store_written(pair, [place / "pair.json"])
    return CompletePair(
        pair.id,
        pair.scene,
        quality.verdict,
        quality.reason,
        shot.file("blurry"),
        shot.file("sharp"),
        tuple(files),
    )


def _document(place: Path, shot: ShotPair, quality: Quality) -> dict[str, Any]:
    card = "grey-card" in shot.entry["roles"]
    measured = (
        measure_grey_card(place / shot.file("grey-card")).to_json() if card else None
    )
    return {
        **shot.entry,
        "grey_card": measured,
        "mask": None if quality.mask is None else MASK,
        "quality": {
            **quality.numbers,
            "findings": list(map(asdict, quality.findings)),
        },
        "verdict": quality.verdict,
        "reason": quality.reason,
    }


def complete_whole(
    folder: SessionFolder,
    pairs: Sequence[PlannedPair],
    person: Callable[[PlannedPair], Person],
    after: Callable[[CompletePair], None],
) -> list[CompletePair]:
    """Judge and complete the pairs that lack only their verdict, as after a kill; no camera works.

    A rejected pair that is wanted again, or one whose files have changed, is left to be shot."""
    completed = []
    for pair in pairs:
        state = folder.state
        shot = state.shot.get(pair.id)
        if shot is None or state.shoots[pair.shoot].imported is not None:
            continue
        shots = _unchanged(folder, pair, shot)
        if shots is None:
            continue
        handling = state.shoots[pair.shoot].handling
        quality = judge_pair(shots, handling.limits, handling.strictness)
        judged = judged_pair(folder, pair, shot, quality)
        attempt = 1 + state.retakes[pair.id]
        if quality.verdict == "reject" and person(pair).retake(pair, quality, attempt):
            folder.set_rejected_aside(pair, quality.reason)
            continue
        folder.complete(judged)
        after(judged)
        completed.append(judged)
    return completed


def _unchanged(
    folder: SessionFolder, pair: PlannedPair, shot: ShotPair
) -> PairShots | None:
    """The stored shots of a pair; None if it must be shot again, which is said."""
    for stored in shot.files:
        problem = file_problem(folder.root, pair.id, stored)
        if problem:
            say(f"{pair.id}  is shot again: {problem}")
            return None
    calibrations = stored_calibrations(folder.root, folder.state.shoots[pair.shoot])
    names = {stored.name for stored in shot.files}
    try:
        return stored_shots(folder.root, pair.id, names, shot.entry, calibrations)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(
            f"{folder.root}: what the journal says of the shots of pair {pair.id} cannot be used "
            f"({error}); restore the journal from a copy"
        ) from error
