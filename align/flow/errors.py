"""Standard errors of the statistics of a pair's flow."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.align.arrays import Doubles, Indices, Mask
from defocus.align.flow.dense import DenseFlow
from defocus.align.uncertainty import BlockDraws, blocks_of, sample_places


@dataclass(frozen=True)
class FlowErrors:
    """Standard errors of the statistics of a flow."""

    residual_median_px: float
    residual_p95_px: float
    reliable_share: float
    occluded_share: float
    consistency_px: float


@dataclass(frozen=True)
class _Sampled:
    """A flow at the places of a regular grid, ``(n,)`` each."""

    residual_px: NDArray[np.floating]
    consistency_px: NDArray[np.floating]
    reliable: Mask
    occluded: Mask
    reference: Mask
    factor: int

    def statistics(self, drawn: Indices) -> Doubles:
        """``(5,)`` of the drawn places, in the order of :class:`FlowErrors`; NaN if none counts."""
        lengths = self.residual_px[drawn][self.reliable[drawn]]
        seen = self.consistency_px[drawn][~self.occluded[drawn]]
        if lengths.size == 0 or seen.size == 0:
            return np.full(5, np.nan)
        quantiles = np.percentile(lengths, (50, 95))
        reference = self.reference[drawn].mean()
        occluded = self.occluded[drawn].mean()
        consistency = self.factor * np.median(seen)
        return np.array([*quantiles, reference, occluded, consistency])


def flow_errors(
    flow: DenseFlow,
    factor: int,
    residual_px: NDArray[np.floating],
    reference: Mask,
) -> FlowErrors:
    """Standard errors by a block bootstrap, plus the flow's own error.

    The longest residuals are where the flow errs most, so their quantile has that of its errors."""
    shape = flow.reliable.shape
    index, y, x = sample_places(shape)
    draws = BlockDraws.of(blocks_of(y.ravel(), x.ravel(), shape))
    sampled = _Sampled(
        residual_px[index].ravel(),
        flow.consistency_px[index].ravel(),
        flow.reliable[index].ravel(),
        flow.occluded[index].ravel(),
        reference[index].ravel(),
        factor,
    )
    values = draws.sigma([sampled.statistics(drawn) for drawn in draws])
    median, largest, reference_share, occluded, consistency = values
    uncertainty_px = factor * flow.uncertainty_px[flow.reliable]
    own_median, own_largest = np.percentile(uncertainty_px, (50, 95))
    return FlowErrors(
        float(np.hypot(median, own_median)),
        float(np.hypot(largest, own_largest)),
        float(reference_share),
        float(occluded),
        float(consistency),
    )
