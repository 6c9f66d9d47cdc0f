"""Mean absolute error."""

import numpy as np

from defocus.benchmark.metrics.metric import Mask, Metric, Picture
from defocus.benchmark.scoring.profiles import Profile


def _mae(restored: Picture, reference: Picture, mask: Mask, profile: Profile) -> float:  # noqa: ARG001 - every metric takes the profile
    """Mean absolute difference over pixels and channels, in [0, 1]."""
    return float(np.mean(np.abs(restored[mask] - reference[mask])))


METRIC = Metric(
    name="mae",
    display_name="MAE",
    better="lower",
    unit="",
    decimals=3,
    compute=_mae,
    span=(0.0, 1.0),
)
