"""Kendall's rank correlation of many columns at once."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["rank_correlations"]

Array = NDArray[np.float64]


def rank_correlations(one: Array, other: Array) -> Array:
    """Kendall's tau-b of every column, -1 to 1; NaN where all systems of either are equal."""
    # Source: M. G. Kendall, The treatment of ties in ranking problems, 1945.
    first, second = np.triu_indices(len(one), 1)
    a, b = (np.sign(values[first] - values[second]) for values in (one, other))
    untied = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    agreed = (a * b).sum(axis=0)
    found = np.divide(agreed, untied, out=np.full(agreed.shape, np.nan), where=untied > 0)
    return np.asarray(found, np.float64)
