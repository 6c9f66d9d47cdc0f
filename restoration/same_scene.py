"""Which frame of a scene is sharper: frames that show the same are compared part by part.

The blur of one picture alone is known to some 10 %, because it looks like the scene's smoothness.
In two frames the scene is the same, so that the frame with more detail is the sharper one."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blur.block_blur import NOTHING, BlockBlur

THUMBNAIL_PX, SMOOTHING_PX = 32, 1.0
"""Side of the reduced copy by which frames of one scene are recognised, and standard deviation of
the Gaussian that smooths it, so that a shift by a part of its pixel matters little."""
REACH_PX = 4
"""Pixels of the reduced copy by which the camera may have turned between two frames: an eighth."""
ALIKE = 0.95
"""Least correlation of the reduced copies of one scene's frames. Under blurs of up to 48 px, frames
of one scene had 0.951 and more, different photographs 0.75 at most, and two skies 0.925."""
ROUNDING = 1e-3
"""How much the product of two matrices of 32 bits may differ from OpenCV's correlation."""
FLAT = 1e-6
"""Least length by which a part of a reduced copy is divided; a flat one is like nothing."""
AT_ONCE = 1024
"""Number of pictures that are compared with all others at once: 4 MB for each thousand others."""
STILL_PX = 0.3
"""Shift of the reduced copy that counts as none: under blurs, a still camera seemed to turn by up
to 0.29 px."""
WEIGHTS = np.array([3, 2, 1, 0, -1, -2, -3], np.float32)
"""Weights of the energies of each size of gradients, fine to coarse, where the camera turned: what
comes in at the border has both fine and coarse detail."""
DIGITS = 2
"""Decimal places of a listed blur. Frames of one scene with the same one are in the order of their
detail."""
DARKEST = 1 / 255
"""Least mean brightness by which detail is divided, in shares of white."""
CLEAR_STEPS, CLEAR_TURNED_STEPS = 2.0, 3.0
"""Difference of log2 energies, summed over the sizes of gradients, from which a block is clearly
sharper in one frame than in the other: of a still camera, and of one that turned."""
MOVED_SHARE = 0.05
"""Share of blocks that must be clearly sharper in each of two frames to say that the focus moved
between them."""
LEVEL_WEIGHT = 6.0
"""Weight of the estimated blurs against the detail where the focus moved; 3 is as good."""

Array = NDArray[np.float32]


class Shift(NamedTuple):
    """A shift between two frames, in shares of their sides."""

    down: float
    right: float


STILL = Shift(0.0, 0.0)


class FrameRank(NamedTuple):
    """Position of a picture among others; the sharpest comes first."""

    is_plain: bool
    sharpest_px: float | None  # None where the picture is flat
    sharper: int = 0  # number of the frames of its scene that are sharper

    @property
    def place(self) -> tuple[bool, float, int]:
        """Sort key of the list: plain pictures come behind the others, flat ones last."""
        px = math.inf if self.sharpest_px is None else self.sharpest_px
        return self.is_plain, px, self.sharper


@dataclass(frozen=True)
class Frame:
    """What is compared of a picture; little, because there may be thousands."""

    alone: FrameRank
    level: Array  # ``(rows, columns)``: log2(1 + diameter) of blocks
    # ``(rows, columns, 7)``: squared gradients over the squared brightness
    energies: Array
    thumbnail: Array  # ``(32, 32)``


def frame_of(luma: Array, blur: BlockBlur) -> Frame:
    """A picture with luma ``(H, W)`` in [0, 1] and the blur that was measured of it."""
    brightness = max(float(luma.mean()), DARKEST)
    energies = np.moveaxis(blur.energies, 0, -1) / brightness**2
    size = (THUMBNAIL_PX, THUMBNAIL_PX)
    copy = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return Frame(
        alone=FrameRank(blur.says_nothing, blur.sharpest_px),
        level=np.log2(1 + blur.diameter_px),
        energies=np.ascontiguousarray(energies, np.float32),
        thumbnail=np.asarray(cv2.GaussianBlur(copy, (0, 0), SMOOTHING_PX), np.float32),
    )


def shift_between(one: Frame, other: Frame) -> Shift | None:
    """Where the second frame shows the scene of the first; None if it is another scene."""
    if one.energies.shape != other.energies.shape:
        return None
    inside = slice(REACH_PX, -REACH_PX)
    middle = one.thumbnail[inside, inside]
    if min(np.ptp(middle), np.ptp(other.thumbnail)) == 0:
        return None
    found = cv2.matchTemplate(other.thumbnail, middle, cv2.TM_CCOEFF_NORMED)
    alike = np.asarray(found, np.float32)
    row, column = np.unravel_index(int(alike.argmax()), alike.shape)
    if alike[row, column] < ALIKE:
        return None
    down = row + _past_peak(alike[:, column], int(row)) - REACH_PX
    right = column + _past_peak(alike[row], int(column)) - REACH_PX
    if max(abs(down), abs(right)) < STILL_PX:
        return STILL
    return Shift(down / THUMBNAIL_PX, right / THUMBNAIL_PX)


def _past_peak(values: Array, at: int) -> float:
    """How far the peak of a parabola lies behind the largest value."""
    if at in {0, len(values) - 1}:
        return 0.0
    before, largest, after = (float(one) for one in values[at - 1 : at + 2])
    curvature = 2 * largest - before - after
    return (after - before) / (2 * curvature) if curvature > 0 else 0.0


def standings(frames: Sequence[Frame]) -> list[FrameRank]:
    """Positions of pictures; where frames of one scene contradict, their blurs are evened out."""
    sharper: list[list[FrameRank]] = [[] for _ in frames]
    blurrier: list[list[FrameRank]] = [[] for _ in frames]
    for first, second in _orders(frames):
        sharper[second].append(frames[first].alone)
        blurrier[first].append(frames[second].alone)
    return [
        _among(frame.alone, *others)
        for frame, *others in zip(frames, sharper, blurrier, strict=True)
    ]


def _orders(frames: Sequence[Frame]) -> Iterator[tuple[int, int]]:
    """Places of two frames of one scene, the sharper one first, for all that can be told."""
    for first, second in _perhaps_alike(frames):
        shift = shift_between(frames[first], frames[second])
        if shift is None:
            continue
        lead = _lead(frames[first], frames[second], shift)
        if lead > 0:
            yield first, second
        elif lead < 0:
            yield second, first


def _perhaps_alike(frames: Sequence[Frame]) -> Iterator[tuple[int, int]]:
    """Places of two frames of one size that may show one scene, the earlier one first."""
    # Thousands of pictures have millions of pairs: products of matrices leave out nearly all.
    by_size = defaultdict(list)
    for place, frame in enumerate(frames):
        by_size[frame.energies.shape].append(place)
    for places in by_size.values():
        thumbnails = np.stack([frames[place].thumbnail for place in places])
        for begin in range(0, len(places), AT_ONCE):
            alike = _likeness(thumbnails[begin : begin + AT_ONCE], thumbnails[begin:])
            for first, second in np.argwhere(alike >= ALIKE - ROUNDING):
                if first < second:
                    yield places[begin + first], places[begin + second]


def _likeness(some: Array, others: Array) -> Array:
    """``(n, m)``: largest correlation of the middles of thumbnails with parts of other ones."""
    middles = _standardised(some[:, REACH_PX:-REACH_PX, REACH_PX:-REACH_PX])
    side = THUMBNAIL_PX - 2 * REACH_PX
    best = np.full((len(some), len(others)), -1, np.float32)
    for top, left in itertools.product(range(2 * REACH_PX + 1), repeat=2):
        parts = others[:, top : top + side, left : left + side]
        np.maximum(best, middles @ _standardised(parts).T, out=best)
    return best


def _standardised(parts: Array) -> Array:
    """``(n, pixels)`` with a mean of 0 and a length of 1; 0 of a flat part."""
    flat = parts.reshape(len(parts), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(length, FLAT), np.float32)


def _among(
    alone: FrameRank,
    sharper: Sequence[FrameRank],
    blurrier: Sequence[FrameRank],
) -> FrameRank:
    """The standing of a picture by itself, in accord with the frames that it was compared with."""
    if alone.sharpest_px is None:
        return alone
    least = [one.sharpest_px for one in sharper if one.sharpest_px is not None]
    most = [one.sharpest_px for one in blurrier if one.sharpest_px is not None]
    lowest_px = max([alone.sharpest_px, *least])
    highest_px = min([alone.sharpest_px, *most])
    evened_px = round((lowest_px + highest_px) / 2, DIGITS)
    # what has less detail than a plain frame is plain
    is_plain = alone.is_plain or any(one.is_plain for one in sharper)
    return FrameRank(is_plain, evened_px, len(sharper))


class _Seen(NamedTuple):
    """The blocks of a frame that another frame of its scene shows as well, ``(N, …)``."""

    energies: Array
    level: Array

    @property
    def detail(self) -> Array:
        """How much detail each block has, over all sizes of gradients."""
        return np.asarray(_logarithms(self.energies).sum(axis=-1))

    @property
    def whole(self) -> Array:
        """How much detail all blocks together have, of each size of gradients."""
        return _logarithms(self.energies.mean(axis=0))

    def chosen(self, blocks: NDArray[np.bool_]) -> "_Seen":
        """Some of the blocks."""
        return _Seen(self.energies[blocks], self.level[blocks])


def _lead(one: Frame, other: Frame, shift: Shift) -> float:
    """How much sharper the first of two frames of a scene is; below 0 it is the other."""
    # What is moved onto the other frame is smoothed a little: so either is moved in turn.
    back = Shift(-shift.down, -shift.right)
    return _lead_at_own_places(one, other, shift) - _lead_at_own_places(
        other, one, back
    )


def _lead_at_own_places(one: Frame, other: Frame, shift: Shift) -> float:
    energies, level = _shifted(other, shift)
    shown = np.isfinite(level)
    own = _Seen(one.energies[shown], one.level[shown])
    others = _Seen(energies[shown], level[shown])
    clear_steps = CLEAR_STEPS if shift == STILL else CLEAR_TURNED_STEPS
    more = own.detail - others.detail
    here = more > clear_steps
    there = more < -clear_steps
    if min(here.mean(), there.mean()) >= MOVED_SHARE:
        nearness = _nearness(own.chosen(here), others.chosen(here))
        return nearness - _nearness(others.chosen(there), own.chosen(there))
    whole = own.whole - others.whole
    return float(whole.sum() if shift == STILL else whole @ WEIGHTS)


def _nearness(own: _Seen, others: _Seen) -> float:
    """How near a frame is to what it is focused on, by the blocks where it is clearly sharper."""
    # Two frames of one lens are apart by the same depth: the one that exceeds the other by more
    # where it is the sharper one is nearer to what it is focused on.
    more_detail = (own.whole - others.whole).sum()
    less_blur = np.median(others.level - own.level)
    return float(more_detail + LEVEL_WEIGHT * less_blur - np.median(own.level))


def _shifted(frame: Frame, shift: Shift) -> tuple[Array, Array]:
    """Energies and levels at the places of the other frame; NaN beyond the frame."""
    if shift == STILL:
        return frame.energies, frame.level
    rows, columns = frame.level.shape
    # blocks of two tiles overlap by one
    down, right = shift.down * (rows + 1), shift.right * (columns + 1)
    back = np.array([[1, 0, right], [0, 1, down]])
    maps = np.dstack([frame.energies, frame.level])
    moved = [
        cv2.warpAffine(
            np.ascontiguousarray(maps[..., number]),
            back,
            (columns, rows),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderValue=float("nan"),
        )
        for number in range(maps.shape[2])
    ]
    return np.dstack(moved[:-1]), np.asarray(moved[-1])


def _logarithms(energies: Array) -> Array:
    return np.asarray(np.log2(energies + NOTHING))
