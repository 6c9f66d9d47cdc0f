"""Modulation transfer function (MTF): contrast kept at each spatial frequency."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MtfCurve"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MtfCurve:
    """A sampled MTF: ascending frequencies, cycles per pixel; contrast over large areas'."""

    frequencies: Array
    values: Array

    def at(self, frequency: float) -> float:
        """The value at a frequency in cycles per pixel, linearly interpolated."""
        return float(np.interp(frequency, self.frequencies, self.values))

    def crossing(self, level: float) -> float | None:
        """The lowest frequency at which it falls to a level (0.5 is MTF50), or None."""
        below = np.flatnonzero(self.values < level)
        if len(below) == 0 or below[0] == 0:
            return None
        last = below[0]
        pair = slice(last - 1, last + 1)
        high, low = self.values[pair]
        start, end = self.frequencies[pair]
        return float(start + (end - start) * (high - level) / (high - low))
