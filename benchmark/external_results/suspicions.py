"""Two mistakes of saving that spoil all scores alike: colours in another order, a constant shift.

A few pictures are examined, in small copies for the colours and in a part around the centre for the
shift. A suspicion is reported; no score changes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.progress import counted

__all__ = ["Look", "look", "looked_at", "warnings_of"]

LOOKS = 8
"""Pictures that are looked at, evenly spread."""

SMALL_PX = 64
BETTER = 10**0.1
"""Another order of the colours must fit better by 1 dB."""
FITTING = 0.01
"""Mean squared error, 20 dB, above which two small copies do not show the same."""

REACH_PX = 8
PART_PX = 256
LEAST_PX = 4 * REACH_PX
ALIKE = 0.5
"""Correlation below which two parts do not show the same."""
LESS = 0.9
"""What a shift must leave of the variance that is not explained, or it is none."""

Array = NDArray[np.float64]
Offset = tuple[int, int]


@dataclass(frozen=True)
class Look:
    """What one picture shows; ``offset`` is right and down in whole px, None if unclear."""

    colours: str
    offset: Offset | None


def looked_at(number: int) -> set[int]:
    """Which of so many pictures are looked at."""
    many = min(number, LOOKS)
    return {one * number // many for one in range(many)}


def look(restored: Array, reference: Array) -> Look:
    """Look at one picture ``(H, W, 3)`` in [0, 1] beside a reference of the same size."""
    return Look(_colours(restored, reference), _offset(restored, reference))


def warnings_of(looks: Sequence[Look], against: str) -> list[str]:
    """One line for swapped colours of any picture, one for an offset that most pictures have."""
    orders = Counter(one.colours for one in looks if one.colours)
    offsets = Counter(one.offset for one in looks if one.offset is not None)
    said = []
    if orders:  # nothing but another order makes a picture fit so well in it
        order = orders.most_common(1)[0][0]
        mistake = "red and blue were swapped" if order == "BGR" else f"their colours lay as {order}"
        said.append(
            f"the restored pictures look as if {mistake} "
            f"({orders.total()} of {counted(len(looks), 'picture')} looked at): "
            f"{'OpenCV writes BGR; ' if order == 'BGR' else ''}save them as RGB"
        )
    offset, most = offsets.most_common(1)[0] if offsets else ((0, 0), 0)
    if offset != (0, 0) and 2 * most > offsets.total():
        said.append(
            f"the restored pictures are shifted by {offset} px (right, down) against {against} "
            f"({most} of {counted(len(looks), 'picture')} looked at): scores suffer from it"
        )
    return said


def _colours(restored: Array, reference: Array) -> str:
    first, second = _small(restored), _small(reference)
    errors = {
        "".join("RGB"[place] for place in np.argsort(order)): float(
            np.square(first[:, :, order] - second).mean()
        )
        for order in permutations(range(3))
    }
    best = min(errors, key=lambda order: errors[order])
    return best if errors[best] * BETTER < errors["RGB"] and errors[best] < FITTING else ""


def _small(picture: Array) -> Array:
    scale = min(1.0, SMALL_PX / max(picture.shape[:2]))
    height, width = (max(1, round(scale * side)) for side in picture.shape[:2])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(small, 0, 1), np.float64)


def _offset(restored: Array, reference: Array) -> Offset | None:
    """The whole-pixel offset with the highest correlation."""
    if min(restored.shape[:2]) < LEAST_PX:
        return None
    first, second = _part(restored), _part(reference)[REACH_PX:-REACH_PX, REACH_PX:-REACH_PX]
    if not first.std() or not second.std():
        return None
    alike = cv2.matchTemplate(first, np.ascontiguousarray(second), cv2.TM_CCOEFF_NORMED)
    down, right = np.unravel_index(int(np.argmax(alike)), alike.shape)
    best, unmoved = float(alike[down, right]), float(alike[REACH_PX, REACH_PX])
    if not best > ALIKE:
        return None
    if 1 - best > LESS * (1 - unmoved):
        return 0, 0
    return int(right) - REACH_PX, int(down) - REACH_PX


def _part(picture: Array) -> NDArray[np.float32]:
    """The brightness of a part around the centre."""
    top, left = (max(0, (side - PART_PX) // 2) for side in picture.shape[:2])
    part = picture[top : top + PART_PX, left : left + PART_PX].mean(axis=2)
    return np.ascontiguousarray(part, np.float32)
