"""Judge the pairs of a session again from their files."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from defocus.capture.calibration.calibrations import stored_calibrations
from defocus.capture.camera import SettingName
from defocus.capture.exif import read_exif
from defocus.capture.judging.quality import ExtraShots, judge_pair
from defocus.capture.judging.verdict import Quality
from defocus.capture.planning.exposure import Bracket, Exposure, make_exposure
from defocus.capture.planning.labels import parse_value
from defocus.capture.planning.shoot_record import ShootRecord
from defocus.capture.sessions.checking import CheckedPair, SessionCheck
from defocus.capture.sessions.session import read_state
from defocus.capture.sessions.state import CompletePair, file_path
from defocus.capture.taking.running import ShootOptions
from defocus.errors import DatasetError
from defocus.progress import track
from defocus.reading import read_json

__all__ = ["judge_again", "judged_again"]

EXTRAS = ("anchor", "companion")


def judged_again(root: Path, check: SessionCheck) -> SessionCheck:
    """Update a check with new verdicts from the files.

    EXIF is compared with the requested settings, and everything is measured again with the limits
    and calibrations of the shoot. Decisions of people stay, and so do pairs with damaged files.

    Args:
        root: The session folder; it is only read.
        check: State of its files.

    Raises:
        DatasetError: A calibration of the session is missing or has changed.
    """
    state, _ = read_state(root)
    checked = []
    for pair in track(check.pairs, "judging"):
        complete = state.complete.get(pair.id)
        if complete is None or not all(file.ok for file in pair.files):
            checked.append(pair)
        else:
            shoot = state.shoots[state.planned[pair.id].shoot]
            checked.append(_judged(root, shoot, complete, pair))
    return SessionCheck(tuple(checked))


def _judged(
    root: Path, shoot: ShootRecord, pair: CompletePair, checked: CheckedPair
) -> CheckedPair:
    try:
        entry = read_json(file_path(root, pair.id, "pair.json"))
        if (pair.verdict, pair.reason) != (entry["verdict"], entry["reason"]):
            return checked  # by a person
        quality = judge_again(root, shoot, pair, entry)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return replace(checked, verdict="reject", reason=f"pair.json cannot be used ({error})")
    if quality.verdict == pair.verdict:
        return checked
    reason = quality.reason or "nothing is wrong"
    return replace(checked, verdict=quality.verdict, reason=f"judged again: {reason}")


def judge_again(
    root: Path, shoot: ShootRecord, pair: CompletePair, entry: Mapping[str, Any]
) -> Quality:
    """Judge a complete pair again.

    Args:
        root: The session folder.
        shoot: The journal record of its shoot.
        pair: The pair.
        entry: Content of its ``pair.json``.

    Raises:
        DatasetError: A calibration is missing or has changed, or a shot does not belong to the
            pair.
        ValueError, LookupError, TypeError: ``entry`` is not valid.
    """
    roles, options = entry["roles"], ShootOptions.from_shoot(shoot)
    names = {role: str(told["file"]) for role, told in roles.items()}
    if not set(names.values()) <= {stored.name for stored in pair.files}:
        raise DatasetError(f"{root}: pair {pair.id}: pair.json names files that are not the pair's")
    paths = {role: file_path(root, pair.id, name) for role, name in names.items()}
    asked = {role: _exposure(told) for role, told in roles.items()}
    exif = {role: read_exif(path) for role, path in paths.items()}
    known, bracket = stored_calibrations(root, shoot), Bracket(asked["blurry"], asked["sharp"])
    two = entry["sharp_camera"] is not None
    cameras = [entry["camera"], *([entry["sharp_camera"]] if two else [])]
    return judge_pair(
        paths["blurry"],
        paths["sharp"],
        bracket,
        {role: exif[role] for role in ("blurry", "sharp")},
        options.limits,
        extra=ExtraShots(
            anchor=paths.get("anchor"),
            anchored=str(entry["anchored"] or "sharp"),
            companion=paths.get("companion"),
            exif={role: (asked[role], exif[role]) for role in EXTRAS if role in paths},
            focus_moved=any(told["defocused"] for told in roles.values()),
            sharp_mirrored=two and known.sharp_mirrored,
            expected_ev=known.expected_ev(bracket.blurry.aperture, bracket.sharp.aperture),
            expected=known.expected_geometry(int(entry["focus_steps"]), two_cameras=two),
            skew_seconds=entry["quality"].get("release_skew_seconds"),
        ),
        strictness=options.strictness,
        virtual_camera=any(camera["virtual"] for camera in cameras),
        exif_expected=any(camera["writes_exif"] for camera in cameras),
    )


def _exposure(role: Mapping[str, Any]) -> Exposure:
    """Requested exposure of a shot, from its entry in ``pair.json``."""
    words, true = role["asked"], role["true"]
    exposure = make_exposure(
        (words["aperture"], _number("aperture", words)),
        (words["shutter"], _number("shutter", words)),
        (words.get("iso"), float(true["iso"])),
    )
    return replace(exposure, f_number=float(true["f_number"]), seconds=float(true["seconds"]))


def _number(name: SettingName, words: Mapping[str, str]) -> float:
    number = parse_value(name, words[name])
    if number is None:
        raise ValueError(f"{name} '{words[name]}' is no number")
    return number
