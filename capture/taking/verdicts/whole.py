"""Complete pairs whose shots are all stored, with their verdict."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.capture.calibrations import stored_calibrations
from defocus.capture.judging.shot_checks import measure_grey_card
from defocus.capture.judging.verdict import Quality
from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.session import file_problem
from defocus.capture.sessions.state import CompletePair, PlannedPair, ShotPair
from defocus.capture.taking.person import Person
from defocus.capture.taking.verdicts.stored import StoredShots, stored_shots
from defocus.errors import DatasetError
from defocus.files import write_json
from defocus.images import write_image
from defocus.progress import say

__all__ = ["complete_whole", "judged_pair"]

MASK = "usable-mask.png"
"""255 where a pair can be used, 0 where its blurry member is the sharper one."""


def judged_pair(
    folder: SessionFolder, pair: PlannedPair, shot: ShotPair, quality: Quality
) -> CompletePair:
    """Write ``pair.json`` and the mask of a judged pair, before it is journalled as complete."""
    place, files = folder.root / "pairs" / pair.id, list(shot.files)
    if quality.mask is not None:
        files += folder.store_written(pair, [_write_mask(place, quality.mask)])
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


def _write_mask(place: Path, mask: NDArray[np.uint8]) -> Path:
    path = place / MASK
    write_image(path, mask)
    return path


def _document(place: Path, shot: ShotPair, quality: Quality) -> dict[str, Any]:
    card = "grey-card" in shot.entry["roles"]
    measured = measure_grey_card(place / shot.file("grey-card")).to_json() if card else None
    return {
        **shot.entry,
        "grey_card": measured,
        "mask": None if quality.mask is None else MASK,
        "quality": {
            **quality.numbers,
            "findings": [asdict(finding) for finding in quality.findings],
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

    A rejected pair that is wanted again, or one whose files have changed, is left to be shot.
    """
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
        quality = shots.judged(handling.limits, handling.strictness)
        judged, attempt = judged_pair(folder, pair, shot, quality), 1 + state.retakes[pair.id]
        if quality.verdict == "reject" and person(pair).retake(pair, quality, attempt):
            folder.set_rejected_aside(pair, quality.reason)
            continue
        folder.complete(judged)
        after(judged)
        completed.append(judged)
    return completed


def _unchanged(folder: SessionFolder, pair: PlannedPair, shot: ShotPair) -> StoredShots | None:
    """The stored shots of a pair; None if it must be shot again, which is said."""
    for stored in shot.files:
        problem = file_problem(folder.root, pair.id, stored)
        if problem:
            say(f"{pair.id}  is shot again: {problem}")
            return None
    known = stored_calibrations(folder.root, folder.state.shoots[pair.shoot])
    names = {stored.name for stored in shot.files}
    try:
        return stored_shots(folder.root, pair.id, names, shot.entry, known)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(
            f"{folder.root}: what the journal says of the shots of pair {pair.id} cannot be used "
            f"({error}); restore the journal from a copy"
        ) from error
