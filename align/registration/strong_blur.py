"""Registration by intensity under strong blur, an independent witness of what the tiles found.

A strongly blurred tile has little detail left, and errs by half a pixel and more. All pixels
compared at once err less, and otherwise: their noise is averaged before anything is decided, and
they need no displacement of each tile. They cannot begin without the tiles, which know where the
pictures lie and how strong the blur is at each place.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.shared_area import Area
from defocus.align.photometry.blur_matching import FINE_DIAMETERS_PX, disc_blurred_stack
from defocus.align.registration.models import corners
from defocus.align.registration.robust_fit import parts
from defocus.align.sampling.positions import moved_by
from defocus.scene.geometry import moved_points

__all__ = ["StrongBlurStep", "strong_blur_step"]

Grey = NDArray[np.float32]
Array = NDArray[np.float64]
Plane = NDArray[np.floating]

ROUNDS = 6
SETTLED_PX = 0.02
MAP_SHARE, GAIN_SHARE, DETAIL_SHARE = 1 / 16, 1 / 24, 1 / 32
"""Standard deviations over the longest side of the picture: of the window in which tiles tell the
blur, of that in which gain and noise are measured, and of the coarsest detail that is compared."""
FINEST_PX = 1.0
"""Standard deviation of the window that removes finer noise."""
GAINS = (0.3, 3.0)
NOISE_FLOOR = 0.05
"""Share of the mean squared difference below which no place is believed to be exact."""
BORDER_OVER_COC = 0.3
"""Width of the border that is left out, over the largest blur: blurred with what is not seen."""


@dataclass(frozen=True)
class StrongBlurStep:
    """What the intensities still move, and the error at the worst corner by jackknife, px."""

    matrix: Array  # ``(3, 3)``, ``blurry`` to ``moved``; the centre's is a mean depth's
    error_px: float


def strong_blur_step(
    blurry: Grey, moved: Grey, area: Area, centres: Array, coc_px: Array
) -> StrongBlurStep:
    """What a similarity still moves, with a parallax that grows with the blur beside it.

    Source: Lucas and Kanade, An iterative image registration technique (IJCAI 1981).
    """
    shape = blurry.shape
    coc = _coc_map(centres, coc_px, shape)
    first = _detail(np.sqrt(blurry))
    second = _detail(np.sqrt(_blurred_by(moved, coc)))
    seen = _inside(area, 3 + BORDER_OVER_COC * float(coc.max()), shape)
    half = math.hypot(*shape) / 2
    x, y = _field(shape, half)
    depth = (coc - coc.mean()) / max(float(coc.std()), 1.0)
    step = np.eye(3)
    for _ in range(ROUNDS):
        there = moved_by(second, step)
        there *= np.clip(_mean(first * there) / (_mean(there * there) + 1e-8), *GAINS)
        right, down = (cv2.Sobel(there, -1, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
        apart = first - there
        noise = _mean(apart * apart)
        weights = seen / (noise + NOISE_FLOOR * float(np.average(noise, weights=seen)) + 1e-12)
        slopes = [right, down, right * x + down * y, down * x - right * y, right * depth]
        design = np.stack([*slopes, down * depth]).reshape(6, -1).astype(np.float64)
        weighted = design * weights.ravel()
        found = _solved(weighted @ design.T, weighted @ apart.ravel())
        step = step @ _similarity(found, half, shape)
        if np.abs(found).max() < SETTLED_PX:
            break
    return StrongBlurStep(step, _error_px(design, weighted, apart, half))


def _solved(normal: Array, right: Array) -> Array:
    """``(4,)``: the similarity of normal equations, without the parallax beside it."""
    return np.asarray(np.linalg.lstsq(normal, right, rcond=1e-12)[0][:4])


def _error_px(design: Array, weighted: Array, apart: Plane, half: float) -> float:
    """Standard error at the worst corner, from the solutions without each part of the picture."""
    shape = apart.shape
    x, y = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    part = parts(np.column_stack([x.ravel(), y.ravel()]), shape)
    normal, right = weighted @ design.T, weighted @ apart.ravel()
    ends = []
    for own in (part == k for k in np.unique(part[weighted.any(axis=0)])):
        some = weighted[:, own]
        left = _solved(normal - some @ design[:, own].T, right - some @ apart.ravel()[own])
        ends.append(moved_points(_similarity(left, half, shape), corners(shape)))
    squares = np.square(ends - np.mean(ends, axis=0)).sum(axis=(0, 2))
    return math.sqrt((len(ends) - 1) / len(ends) * float(squares.max()))


def _similarity(moved: Plane, half: float, shape: tuple[int, ...]) -> Array:
    """The transform that moves the centre right and down and a corner outwards and around, px."""
    right, down, outwards, turned = moved
    centre = (np.array(shape[::-1]) - 1) / 2
    matrix = np.eye(3)
    matrix[:2, :2] += np.array([[outwards, -turned], [turned, outwards]]) / half
    matrix[:2, 2] = centre - matrix[:2, :2] @ centre + np.array([right, down])
    return matrix


def _coc_map(centres: Array, coc_px: Array, shape: tuple[int, ...]) -> Plane:
    """``(H, W)``: mean of the tiles around a place, by their distance."""
    sums = np.zeros((2, *shape), np.float32)
    last = np.array(shape[::-1]) - 1
    column, row = np.clip(np.round(centres), 0, last).astype(int).T
    np.add.at(sums[0], (row, column), coc_px)
    np.add.at(sums[1], (row, column), 1.0)
    near, count = (cv2.GaussianBlur(one, (0, 0), MAP_SHARE * max(shape)) for one in sums)
    least = 1e-6 * float(count.max())  # where no tile is near, that of all
    return np.asarray((near + least * float(coc_px.mean())) / (count + least))


def _blurred_by(picture: Grey, coc: Plane) -> Grey:
    """The picture blurred at each place by another disc."""
    last = int(np.searchsorted(FINE_DIAMETERS_PX, float(coc.max())))
    tried = np.array(FINE_DIAMETERS_PX[: max(last + 1, 2)])
    stack = np.stack(disc_blurred_stack(picture, tried))
    place = np.interp(coc, tried, np.arange(len(tried)))
    below = np.minimum(place.astype(int), len(tried) - 2)[None]
    less, more = (np.take_along_axis(stack, one, axis=0)[0] for one in (below, below + 1))
    return np.asarray(less + (place - below[0]) * (more - less), np.float32)


def _detail(picture: Grey) -> Grey:
    """Neither noise nor smooth differences, such as vignetting."""
    fine = cv2.GaussianBlur(picture, (0, 0), FINEST_PX)
    return np.asarray(fine - cv2.GaussianBlur(fine, (0, 0), DETAIL_SHARE * max(picture.shape)))


def _mean(picture: Grey) -> Grey:
    """The mean around each place."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), GAIN_SHARE * max(picture.shape)))


def _inside(area: Area, border_px: float, shape: tuple[int, ...]) -> Grey:
    """1 in the area but for its border, of which at least the middle half is left, 0 elsewhere."""
    seen = np.zeros(shape, np.float32)
    side = min(area.bottom - area.top, area.right - area.left)
    border = int(min(border_px, side / 4))
    seen[area.top + border : area.bottom - border, area.left + border : area.right - border] = 1
    return seen


def _field(shape: tuple[int, ...], half: float) -> tuple[Grey, Grey]:
    """Positions from the centre over half the diagonal."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return (x - (width - 1) / 2) / np.float32(half), (y - (height - 1) / 2) / np.float32(half)
