"""Judge the pairs of a session again from their files."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from defocus.capture.calibration.calibrations import stored_calibrations
from defocus.capture.judging.verdict import Quality
from defocus.capture.planning.shoot_record import ShootRecord
from defocus.capture.sessions.checking import CheckedPair, SessionCheck
from defocus.capture.sessions.session import read_state
from defocus.capture.sessions.state import CompletePair, file_path
from defocus.capture.taking.verdicts.stored import stored_shots
from defocus.progress import track
from defocus.reading import read_json

__all__ = ["judge_again", "judged_again"]


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
    names = {stored.name for stored in pair.files}
    shots = stored_shots(root, pair.id, names, entry, stored_calibrations(root, shoot))
    return shots.judged(shoot.handling.limits, shoot.handling.strictness)
