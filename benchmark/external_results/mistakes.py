"""Mistakes of saving that spoil the scores of restored pictures, found by a look at a few.

None of these hints changes a score."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.pictures.metadata import read_tags
from defocus.pictures.tags import ORIENTATION
from defocus.pictures.values import linear_to_srgb
from defocus.progress import counted

LOOKS = 8
"""Number of pictures that are checked, spread evenly."""

SMALL_PX = 64
BETTER = 10**0.1
"""Least ratio of errors, 1 dB, by which a changed picture must fit better for the change to be
reported."""
FITTING = 0.01
"""Mean squared error, 20 dB, above which two small copies show different things."""

REACH_PX = 8
PART_PX = 256
LEAST_PX = 4 * REACH_PX
ALIKE = 0.5
"""Correlation below which two parts show different things."""
LESS = 0.9
"""Largest ratio of the unexplained variance after a true shift to that before it."""

Array = NDArray[np.float64]
Offset = tuple[int, int]


@dataclass(frozen=True)
class Mistake:
    """A mistake of saving: what the pictures fit better with, by how many dB, and what to do."""

    words: str
    gain_db: float
    remedy: str


@dataclass(frozen=True)
class Look:
    """Observations on one picture; ``offset`` is right and down in whole px, None if unclear."""

    colours: str
    offset: Offset | None
    mistakes: tuple[Mistake, ...] = ()


def looked_at(number: int) -> set[int]:
    """Indices of the pictures that are checked, out of ``number``."""
    many = min(number, LOOKS)
    return {one * number // many for one in range(many)}


def look(restored: Array, reference: Array, file: Path | None = None) -> Look:
    """Look at one picture ``(H, W, 3)`` in [0, 1] beside a reference of the same size."""
    # ``file`` is that of the reference, whose EXIF may say why a picture is turned.
    mistakes = [_turn(restored, reference, file), _values(restored, reference)]
    colours = _colours(restored, reference)
    offset = _offset(restored, reference)
    return Look(colours, offset, tuple(filter(None, mistakes)))


Change = Callable[[Array], Array]

TURNS: dict[str, Change] = {
    "turned by 180 degrees": lambda picture: picture[::-1, ::-1],
    "mirrored left to right": lambda picture: picture[:, ::-1],
    "mirrored top to bottom": lambda picture: picture[::-1],
}
"""Turns for the EXIF orientations that leave the size as it is: 3, 2 and 4."""

STRETCHED = "stretched from 16-235"
RANGES: dict[str, tuple[Change, str]] = {
    "times 257": (
        lambda picture: picture * 257,
        "8 bits were stored in 16; save them as 8",
    ),
    "times 64": (
        lambda picture: picture * (65535 / 1023),
        "10 bits were stored in 16; save them over the whole range",
    ),
    "times 16": (
        lambda picture: picture * (65535 / 4095),
        "12 bits were stored in 16; save them over the whole range",
    ),
    STRETCHED: (
        lambda picture: (picture * 255 - 16) / 219,
        "they have the limited range of video; save them from 0 to 255",
    ),
    "as linear light": (
        lambda picture: np.asarray(linear_to_srgb(picture), np.float64),
        "they lack the sRGB curve; save them with it",
    ),
}
"""Changes of the values that may make them fit better: the function, and what was wrong in the
file."""
MUCH_BETTER = 10**0.6
"""Least ratio of errors, 6 dB, by which another scale or curve must fit better: the right one fits
better by far more."""
LIMITED = (16 / 255, 235 / 255)
"""Darkest and brightest value of the limited range of video."""
STEP = 1 / 255
"""One step of 8 bits, by which values are rounded."""
AT_END = 4 / 255
"""Distance from the end of a range, as a share of white, within which values count as reaching it;
otherwise they are just dull."""


def _turn(restored: Array, reference: Array, file: Path | None) -> Mistake | None:
    best = _best(restored, reference, TURNS, BETTER)
    if best is None:
        return None
    name, gain_db = best
    orientation = None if file is None else orientation_of(file)
    remedy = "turn them as the reference is stored"
    if file is not None and orientation not in {None, 1}:
        remedy = f"{file} has orientation {orientation}, which is not applied; {remedy}"
    return Mistake(name, gain_db, remedy)


def _values(restored: Array, reference: Array) -> Mistake | None:
    changes = {name: change for name, (change, _) in RANGES.items()}
    stretched = {STRETCHED: changes.pop(STRETCHED)}
    best = _best(restored, reference, changes, MUCH_BETTER)
    if best is None and _ends_at_limits(restored, reference):
        best = _best(restored, reference, stretched, BETTER)
    if best is None:
        return None
    name, gain_db = best
    _, remedy = RANGES[name]
    return Mistake(name, gain_db, remedy)


def _ends_at_limits(restored: Array, reference: Array) -> bool:
    """Whether values end at 16 or 235 where those of the reference go on to black or white."""
    least, most = LIMITED
    low = float(restored.min())
    high = float(restored.max())
    if low < least - STEP or high > most + STEP:
        return False
    has_black = float(reference.min()) < AT_END
    has_white = float(reference.max()) > 1 - AT_END
    ends_at_black = low < least + AT_END
    ends_at_white = high > most - AT_END
    return (ends_at_black and has_black) or (ends_at_white and has_white)


def _best(
    restored: Array,
    reference: Array,
    changes: dict[str, Change],
    least_gain: float,
) -> tuple[str, float] | None:
    """The change that a picture fits clearly better with, and by how many dB; None if none."""
    small = _small(restored)
    small_reference = _small(reference)
    errors = {}
    for name, change in changes.items():
        errors[name] = _error(change(small), small_reference)
    best = min(errors, key=errors.__getitem__)
    unchanged = _error(small, small_reference)
    if errors[best] * least_gain >= unchanged or errors[best] >= FITTING:
        return None
    changed = _error(changes[best](restored), reference)
    gain = _error(restored, reference) / max(changed, 1e-10)
    return (best, float(10 * np.log10(gain))) if gain > BETTER else None


def _error(picture: Array, reference: Array) -> float:
    return float(np.square(np.clip(picture, 0, 1) - reference).mean())


def orientation_of(file: Path) -> int | None:
    """The EXIF orientation of a file; None if it says none."""
    match read_tags(file).get((0, ORIENTATION)):
        case (orientation, *_):
            return int(orientation)
    return None


def warnings_of(looks: Sequence[Look], against: str) -> list[str]:
    """One line for swapped colours of any picture, one for an offset that most pictures have."""
    orders = Counter(one.colours for one in looks if one.colours)
    offsets = Counter(one.offset for one in looks if one.offset is not None)
    pictures = counted(len(looks), "picture")
    said = []
    if orders:  # nothing but another order makes a picture fit so well in it
        [(order, _)] = orders.most_common(1)
        mistake, cause = f"their colours lay as {order}", ""
        if order == "BGR":
            mistake, cause = "red and blue were swapped", "OpenCV writes BGR; "
        said.append(
            f"the restored pictures look as if {mistake} "
            f"({orders.total()} of {pictures} looked at): {cause}save them as RGB"
        )
    for offset, most in offsets.most_common(1):
        if offset != (0, 0) and 2 * most > offsets.total():
            said.append(
                f"the restored pictures are shifted by {offset} px (right, down) against {against} "
                f"({most} of {pictures} looked at): scores suffer from it"
            )
    return [*said, *_said_of_mistakes(looks)]


def _said_of_mistakes(looks: Sequence[Look]) -> list[str]:
    """One line for each mistake that most of the pictures show."""
    by_words: dict[str, list[Mistake]] = defaultdict(list)
    for one in looks:
        for mistake in one.mistakes:
            by_words[mistake.words].append(mistake)
    said = []
    for words, alike in by_words.items():
        number = len(alike)
        if 2 * number <= len(looks):
            continue
        gain_db = float(np.median([mistake.gain_db for mistake in alike]))
        said.append(
            f"the restored pictures fit better by {gain_db:.1f} dB {words} "
            f"({number} of {counted(len(looks), 'picture')} looked at): {alike[0].remedy}"
        )
    return said


def _colours(restored: Array, reference: Array) -> str:
    """The order of the channels that fits clearly best; empty if it is that of the file."""
    first = _small(restored)
    second = _small(reference)
    errors = {}
    for order in permutations(range(3)):
        name = "".join("RGB"[place] for place in np.argsort(order))
        difference = first[:, :, order] - second
        errors[name] = float(np.square(difference).mean())
    best = min(errors, key=errors.__getitem__)
    better = errors[best] * BETTER < errors["RGB"]
    return best if better and errors[best] < FITTING else ""


def _small(picture: Array) -> Array:
    height, width = picture.shape[:2]
    scale = min(1.0, SMALL_PX / max(height, width))
    across = max(1, round(scale * width))
    down = max(1, round(scale * height))
    small = cv2.resize(picture, (across, down), interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(small, 0, 1), np.float64)


def _offset(restored: Array, reference: Array) -> Offset | None:
    """The whole-pixel offset with the highest correlation."""
    if min(restored.shape[:2]) < LEAST_PX:
        return None
    first = _part(restored)
    inner = _part(reference)[REACH_PX:-REACH_PX, REACH_PX:-REACH_PX]
    second = np.ascontiguousarray(inner)
    if not first.std() or not second.std():
        return None
    alike = cv2.matchTemplate(first, second, cv2.TM_CCOEFF_NORMED)
    down, right = np.unravel_index(int(np.argmax(alike)), alike.shape)
    best = float(alike[down, right])
    unmoved = float(alike[REACH_PX, REACH_PX])
    if not best > ALIKE:
        return None
    if 1 - best > LESS * (1 - unmoved):
        return 0, 0
    return int(right) - REACH_PX, int(down) - REACH_PX


def _part(picture: Array) -> NDArray[np.float32]:
    """The brightness of a part around the centre."""
    height, width = picture.shape[:2]
    top = max(0, (height - PART_PX) // 2)
    left = max(0, (width - PART_PX) // 2)
    part = picture[top : top + PART_PX, left : left + PART_PX]
    brightness = part.mean(axis=2)
    return np.ascontiguousarray(brightness, np.float32)
