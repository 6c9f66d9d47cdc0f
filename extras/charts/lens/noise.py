"""Noise of the camera that photographed a chart, from its plain patches."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from defocus.errors import ImageError
from defocus.extras.charts.lens.probes import ChartShot
from defocus.extras.charts.reading.geometry import ChartGeometry
from defocus.extras.charts.sheet.parts import Patch

Floats = NDArray[np.float64]

LEAST_PX, EDGE_PX = 5, 2
LEAST_VALUES = 6
LEAST_VARIANCE = 1e-9
CLIPPED = 0.99


def measure_noise(shots: Sequence[ChartShot]) -> tuple[float, float]:
    """Fit ``shot * x + read``, both >= 0, to the variance of linear light ``x`` in the patches."""
    values: list[tuple[float, float]] = []
    for shot in shots:
        values += _levels(shot)
    levels = np.array(values).reshape(-1, 2)
    if len(levels) < LEAST_VALUES:
        raise ImageError(
            "too few plain patches of the chart can be seen; fill the frame with it"
        )
    mean, variance = levels.T
    variance = np.maximum(variance, LEAST_VARIANCE)
    # an estimated variance scatters in proportion to itself
    terms = np.stack([mean, np.ones_like(mean)], axis=1) / variance[:, None]
    (slope, rest), _ = nnls(terms, np.ones_like(mean))
    return float(slope), float(rest)


def _levels(shot: ChartShot) -> Iterator[tuple[float, float]]:
    """Mean and variance of each colour of each patch, within what its border blurs into."""
    geometry = shot.reading.geometry
    for patch in shot.reading.sheet.of_kind(Patch):
        part, whole = _inside(shot, geometry, patch)
        size = part.shape[:2]
        if min(size) < max(LEAST_PX, whole) or part.max() > CLIPPED:
            continue
        rows, columns = np.indices(size).reshape(2, -1)
        plane = np.stack([np.ones(rows.size), rows, columns], axis=1)
        for colour in part.reshape(-1, 3).T:
            rest = np.linalg.lstsq(plane, colour, rcond=None)[1]
            variance = float(rest[0]) / (colour.size - 3)
            yield float(colour.mean()), variance


def _inside(
    shot: ChartShot,
    geometry: ChartGeometry,
    patch: Patch,
) -> tuple[Floats, int]:
    """The part of a patch that its border does not blur into, and the side it should have."""
    x, y = geometry.to_picture(np.array([[patch.x, patch.y]]))[0]
    side = patch.side * geometry.scale(patch.x, patch.y)
    upright = side / 2 / _reach(geometry, patch)
    half = math.floor(upright - shot.blur_px / 2 - EDGE_PX)
    left = round(x) - half
    top = round(y) - half
    whole = 2 * half + 1
    rows = slice(max(top, 0), top + whole)
    columns = slice(max(left, 0), left + whole)
    return shot.light[rows, columns], whole


def _reach(geometry: ChartGeometry, patch: Patch) -> float:
    """Half diagonal of a turned square over half its side: a box smaller by this is inside."""
    ends = np.array([[patch.x, patch.y], [patch.x + 0.5, patch.y]])
    start, end = geometry.to_picture(ends)
    side = end - start
    across, down = np.abs(side) / np.hypot(*side)
    return float(across + down)
