"""The deconvolution stage of DMENet's published comparison: hard levels of a Gaussian blur.

Source: github.com/codeslake/DMENet at d844e5a, folder deconvolution (facts only).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats.mstats import mquantiles

__all__ = ["QUANTILES", "quantised"]

QUANTILES = 32


def quantised(sigma_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each standard deviation replaced by the lower edge of its bin, between 32 quantiles."""
    # The quantiles are those of the values that occur, each counted once.
    occurring = np.unique(sigma_px)
    shares = np.arange(1, QUANTILES + 1) / (QUANTILES + 1)
    quantiles = mquantiles(occurring, shares, alphap=0.5, betap=0.5)
    edges = np.unique(np.concatenate([occurring[:1], quantiles, occurring[-1:]]))
    index = np.searchsorted(edges, sigma_px, side="right") - 1
    return np.asarray(edges[np.clip(index, 0, max(len(edges) - 2, 0))])
