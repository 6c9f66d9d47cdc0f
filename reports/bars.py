"""Bars of a table's column: numbers and intervals on one scale, as pictures in the cells."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup

from defocus.reports.model import Cell, Measured

__all__ = ["Scale", "bar_of", "bar_scale"]

WIDTH, HEIGHT = 110.0, 16.0
EDGE = 3.0
FAR = 8.0
"""Beyond so many times the median size a number has no bar: it would flatten all others."""


@dataclass(frozen=True)
class Scale:
    """The range of a column's bars, with 0 in it."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value lies inside."""
        return self.low <= value <= self.high

    def place(self, value: float) -> float:
        """Position of a value, which may lie outside, in units of the drawing."""
        share = (value - self.low) / (self.high - self.low)
        return round(EDGE + min(1.0, max(0.0, share)) * (WIDTH - 2 * EDGE), 1)


def bar_scale(cells: Sequence[Cell]) -> Scale | None:
    """The scale that holds 0 and all numbers with their intervals but those far out, if any."""
    measured = [cell for cell in cells if isinstance(cell, Measured) and cell.value is not None]
    if not measured:
        return None
    far = FAR * median(abs(cell.value or 0.0) for cell in measured) or math.inf
    near = [cell for cell in measured if abs(cell.value or 0.0) <= far]
    ends = [end for cell in near for end in (cell.value or 0.0, *(cell.interval or ()))]
    low, high = min(0.0, *ends), max(0.0, *ends)
    return Scale(low, high if high > low else low + 1.0)


def bar_of(cell: Cell, scale: Scale) -> Markup:
    """A bar from 0 to the number, with its interval as a line; none where it leaves the scale."""
    drawn = ""
    if isinstance(cell, Measured) and cell.value is not None and scale.holds(cell.value):
        zero, end = scale.place(0.0), scale.place(cell.value)
        kind = "up" if cell.value >= 0 else "down"
        drawn = (
            f'<rect class="{kind}" x="{min(zero, end)}" y="4" width="{abs(end - zero):.1f}" '
            'height="8" rx="1.5"/>'
        )
        if cell.interval:
            left, right = (scale.place(each) for each in cell.interval)
            drawn += f'<path class="whisker" d="M{left} 8H{right}M{left} 5V11M{right} 5V11"/>'
    zero_line = f'<path class="zero" d="M{scale.place(0.0)} 0V{HEIGHT:g}"/>'
    return Markup(  # noqa: S704 - numbers alone
        f'<svg class="bar" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" aria-hidden="true">'
        f"{drawn}{zero_line}</svg>"
    )
