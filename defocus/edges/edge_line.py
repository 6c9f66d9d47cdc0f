"""Where an edge runs through a region: a polynomial fitted to its place in each row.

It runs from top to bottom here: a lying edge is measured in the transposed region."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import NDArray

from defocus.errors import ImageError

Array = NDArray[np.float64]

LEAST_SIDE = 12
LEAST_CONTRAST = 0.02
ORDER = 2
"""Degree of the polynomial of an edge: a straight edge is bent by the lens's distortion; a higher
degree would hide a bent restoration."""
ROUNDS = 3
PLATEAU_SHARE = 0.1
MOST_SLOPE = 1.0
"""Largest slope of an edge, 45 degrees. A steeper edge is measured in the transposed region."""


class UnclearEdgeError(ImageError):
    """A region shows no edge that could be followed."""


class EdgeLeavesError(UnclearEdgeError):
    """An edge, or its blur, reaches beyond a region."""


@dataclass(frozen=True)
class EdgeWindow:
    """Weight of a pixel by its distance from the edge: 1 to ``flat_px``, a cosine to ``end_px``."""

    flat_px: float
    end_px: float

    def __call__(self, distance: Array) -> Array:
        """The weights at signed distances in px, any shape."""
        beyond_flat = np.abs(distance) - self.flat_px
        share = beyond_flat / (self.end_px - self.flat_px)
        half_turns = np.clip(share, 0.0, 1.0)
        return np.asarray(0.5 + 0.5 * np.cos(np.pi * half_turns))


@dataclass(frozen=True)
class EdgeLine:
    """The place of an edge: column = sum of ``coefficients[k] * (row - middle)**k``."""

    coefficients: tuple[float, ...]
    rows: int

    @property
    def middle(self) -> float:
        """The middle row."""
        return (self.rows - 1) / 2

    @property
    def slope(self) -> float:
        """Columns per row in the middle."""
        return self.coefficients[1]

    @property
    def cosine(self) -> float:
        """Distance along the normal for each column, in the middle."""
        return math.cos(math.atan(self.slope))

    @property
    def angle_deg(self) -> float:
        """Angle to the rows' normal in the middle, degrees."""
        return math.degrees(math.atan(self.slope))

    def columns(self, rows: Array) -> Array:
        """Places in some rows."""
        places = polynomial.polyval(rows - self.middle, self.coefficients)
        return np.asarray(places)

    def distances(self, columns: int) -> Array:
        """``(rows, columns)`` signed distance of each pixel from the edge, along its normal, px."""
        rows = np.arange(self.rows, dtype=np.float64)
        derivative = polynomial.polyder(self.coefficients)
        slopes = polynomial.polyval(rows - self.middle, derivative)
        across = np.arange(columns)[None, :] - self.columns(rows)[:, None]
        stretch = np.hypot(1.0, slopes)
        return np.asarray(across / stretch[:, None])


def upright(light: Array) -> tuple[Array, bool]:
    """A region turned so that its edge runs from top to bottom, and whether it was transposed."""
    grey = light if light.ndim == 2 else light.mean(axis=2)
    ends = max(2, round(min(grey.shape) * PLATEAU_SHARE))
    left = grey[:, :ends].mean()
    right = grey[:, -ends:].mean()
    top = grey[:ends].mean()
    bottom = grey[-ends:].mean()
    if abs(float(top - bottom)) > abs(float(left - right)):
        return np.swapaxes(light, 0, 1), True
    return light, False


def fit_edge_line(light: Array, window: EdgeWindow | None = None) -> EdgeLine:
    """Fit the place of an edge that runs from top to bottom, in linear light ``(H, W)``."""
    # The window must be wider than the blur, or noise moves the edge; None takes whole rows.
    if min(light.shape) < LEAST_SIDE:
        raise ImageError(
            f"a region of {light.shape[1]}x{light.shape[0]} px is too small; give 12"
        )
    line = _first_line(light)
    if window is None:
        return line
    for _ in range(ROUNDS):
        places, rows = row_places(light, line, window)
        if len(rows) < 2 * ORDER + 2:
            raise EdgeLeavesError(
                "the edge leaves the region in most rows; give a wider region"
            )
        line = _fitted(places, rows, light.shape[0], ORDER)
    return line


def row_places(
    light: Array,
    line: EdgeLine,
    window: EdgeWindow,
) -> tuple[Array, Array]:
    """Centroids of the derivative in a window on a line; their rows, where it is inside."""
    height, width = light.shape
    rows = np.arange(height)
    middle = line.columns(rows.astype(np.float64))
    near = math.ceil(window.end_px) + 1
    first = np.floor(middle).astype(int)
    columns = first[:, None] + np.arange(-near, near + 2)
    inner = (columns >= 1) & (columns <= width - 2)
    slope = _slopes(light, np.clip(columns, 1, width - 2))
    weights = window(columns - middle[:, None]) * slope * inner
    total = weights.sum(axis=1)
    usual = np.median(total)
    reach = min(window.flat_px, width / 2 - 2)
    inside = (middle - reach >= 1) & (middle + reach <= width - 2)
    rises = total * np.sign(usual) > 0.3 * abs(float(usual))
    kept = inside & rises
    moments = (weights * columns).sum(axis=1)
    places = moments[kept] / total[kept]
    return np.asarray(places), rows[kept].astype(np.float64)


def _slopes(light: Array, columns: NDArray[np.intp]) -> Array:
    """Derivative along each row at some of its columns, ``(rows, N)``."""
    rows = np.arange(len(light))[:, None]
    difference = light[rows, columns + 1] - light[rows, columns - 1]
    return np.asarray(difference / 2)


def _first_line(light: Array) -> EdgeLine:
    """A straight line by the share of each row that is bright."""
    height, width = light.shape
    ends = max(2, round(width * PLATEAU_SHARE))
    left = float(np.median(light[:, :ends]))
    right = float(np.median(light[:, -ends:]))
    mean = max(abs(right + left) / 2, 1e-9)
    if abs(right - left) < LEAST_CONTRAST * mean:
        raise UnclearEdgeError("no edge in the region: both sides are equally bright")
    bright = np.clip((light - left) / (right - left), -0.2, 1.2)
    places = width - 0.5 - bright.sum(axis=1)
    rows = np.arange(height, dtype=np.float64)
    inside = (places > 0) & (places < width - 1)
    if inside.sum() < LEAST_SIDE / 2:
        raise UnclearEdgeError("no edge runs through the region; give another one")
    return _fitted(places[inside], rows[inside], height, 1)


def _fitted(
    places: Array,
    rows: Array,
    height: int,
    order: int,
) -> EdgeLine:
    """Least squares, once more without rows that are far off."""
    middle = (height - 1) / 2
    scale = max(middle, 1.0)
    kept = np.ones(len(rows), np.bool_)
    for _ in range(2):
        shares = (rows[kept] - middle) / scale
        fitted = polynomial.polyfit(shares, places[kept], order)
        coefficients = [float(c) / scale**k for k, c in enumerate(fitted)]
        line = EdgeLine(tuple(coefficients), height)
        off = np.abs(places - line.columns(rows))
        # 1.4826 times the median deviation is the standard deviation of normal numbers
        limit = 3.5 * 1.4826 * float(np.median(off))
        kept = off <= max(limit, 1e-3)
    if abs(line.slope) > MOST_SLOPE:
        raise UnclearEdgeError(
            "the edge is not straight enough to be fitted; give another region"
        )
    return line
