"""What changed between two pictures of one chart: sharpness, and where the chart is.

Both are compared part by part, so that faults of paper and print cancel."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.extras.charts.reading.read import ChartReading
from defocus.extras.charts.sheet.layout import Layout

Floats = NDArray[np.float64]

CLEARLY = 3.0
"""Standard errors beyond which a change is clear; without any change, 0.7 % of the quantities are
beyond it."""

LEAST_EDGES, LEAST_DOTS = 8, 8
OUTLIER = 4.0
SIGMA_PER_MAD = 1.4826
ERROR_OF_MEDIAN = 1.2533
"""Standard error of a median over that of a mean, of normal values."""


@dataclass(frozen=True)
class ChartMarks:
    """The parts of a read chart that are compared."""

    layout: Layout
    size_px: tuple[int, int]
    mtf50: (
        Floats  # ``(E,)`` cycles per px, for each edge in order; NaN where not measured
    )
    dots: Floats  # ``(D, 2)`` px, for each dot of the sheet in its order; NaN where it was not seen

    @property
    def median_mtf50(self) -> float | None:
        """Median over the edges, cycles per pixel; None if none was measured."""
        finite = self.mtf50[np.isfinite(self.mtf50)]
        return float(np.median(finite)) if len(finite) else None

    @property
    def middle_px(self) -> tuple[float, float]:
        """The middle of the dots."""
        x, y = np.nanmean(self.dots, axis=0)
        return float(x), float(y)


@dataclass(frozen=True)
class MeasuredChange:
    """A change with its standard error, in the same unit."""

    value: float
    error: float

    @property
    def clear(self) -> bool:
        """Whether the change is more than chance."""
        return abs(self.value) > CLEARLY * self.error


@dataclass(frozen=True)
class ChartDrift:
    """What changed from one picture of a chart to another; None where too few parts are in both."""

    mtf50: MeasuredChange | None  # a fraction; None with fewer than eight edges in both
    right: MeasuredChange | None  # at the middle, px; None with fewer than eight dots
    down: MeasuredChange | None  # shift downwards, px
    # change of magnification, a fraction; positive is larger
    zoom: MeasuredChange | None
    rotation: MeasuredChange | None  # radians, clockwise on a screen

    @property
    def changes(self) -> tuple[MeasuredChange | None, ...]:
        """All changes, in the order of the fields."""
        return self.mtf50, self.right, self.down, self.zoom, self.rotation

    @property
    def cause(self) -> str:
        """The likely cause of the clear changes, empty for none; a new focus changes the zoom."""
        sharper, right, down, zoom, turned = (
            change is not None and change.clear for change in self.changes
        )
        moved = right or down or turned
        if sharper and zoom:
            return REFOCUSED_AND_MOVED if moved else REFOCUSED
        if sharper:
            return BLURRED_AND_MOVED if moved else BLURRED
        return MOVED if moved or zoom else ""


REFOCUSED = "refocused: sharpness and magnification changed together"
REFOCUSED_AND_MOVED = "refocused, and camera or chart moved"
BLURRED = "sharpness drifted: not refocused, the magnification stayed"
BLURRED_AND_MOVED = "sharpness drifted, and camera or chart moved: not refocused"
MOVED = "camera or chart moved, focus stayed"


def marks_of(reading: ChartReading, size_px: tuple[int, int]) -> ChartMarks:
    """The part of a reading that is compared."""
    mtf50 = np.full(len(reading.edges), math.nan)
    for number, edge in enumerate(reading.edges):
        response = edge.response
        if response and response.mtf50 is not None:
            mtf50[number] = response.mtf50
    centres = reading.geometry.centres
    return ChartMarks(reading.sheet.layout, size_px, mtf50, centres)


def chart_drift(first: ChartMarks, second: ChartMarks) -> ChartDrift:
    """What changed from the first to the second picture, both of one layout and one size."""
    return ChartDrift(_mtf50_change(first, second), *_movement(first, second))


def _mtf50_change(first: ChartMarks, second: ChartMarks) -> MeasuredChange | None:
    """Median of the edges' relative changes."""
    ratios = np.log(second.mtf50 / first.mtf50)
    ratios = ratios[np.isfinite(ratios)]
    if len(ratios) < LEAST_EDGES:
        return None
    middle = float(np.median(ratios))
    off = np.abs(ratios - middle)
    scatter = SIGMA_PER_MAD * float(np.median(off))
    factor = math.exp(middle)
    error = factor * ERROR_OF_MEDIAN * scatter / math.sqrt(len(ratios))
    return MeasuredChange(factor - 1.0, error)


def _movement(first: ChartMarks, second: ChartMarks) -> list[MeasuredChange | None]:
    """Shift to the right and down, zoom and rotation that explain the dots' moves best."""
    moves = second.dots - first.dots
    seen = np.isfinite(moves).all(axis=1)
    if seen.sum() < LEAST_DOTS:
        return [None] * 4
    centre = (np.array(first.size_px) - 1) / 2
    start = first.dots[seen] - centre
    moves = moves[seen]
    _, _, rest = _fitted(start, moves)
    off = np.hypot(*rest.T)
    near = off <= OUTLIER * float(np.median(off))  # something may lie before a dot
    (right, down, wider, turned), errors, _ = _fitted(start[near], moves[near])
    values = (
        float(right),
        float(down),
        math.hypot(1 + wider, turned) - 1,
        math.atan2(turned, 1 + wider),
    )
    return list(map(MeasuredChange, values, map(float, errors)))


def _fitted(start: Floats, moves: Floats) -> tuple[Floats, Floats, Floats]:
    """Least squares of moves by (right, down, a, b): numbers, their errors, and the residual.

    Each number of (a, b) adds (a x - b y, b x + a y) to the shift."""
    x, y = start.T
    one = np.ones_like(x)
    zero = np.zeros_like(x)
    to_right = np.stack([one, zero, x, -y], axis=1)
    to_below = np.stack([zero, one, y, x], axis=1)
    design = np.concatenate([to_right, to_below])
    targets = moves.T.ravel()
    solution = np.linalg.lstsq(design, targets, rcond=None)[0]
    rest = targets - design @ solution
    spare = len(targets) - len(solution)
    variance = float(rest @ rest) / spare
    inverse = np.linalg.inv(design.T @ design)
    errors = np.sqrt(variance * np.diag(inverse))
    return solution, errors, rest.reshape(2, -1).T
