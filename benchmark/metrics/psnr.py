"""Peak signal-to-noise ratio."""

import math

import numpy as np

from defocus.benchmark.metrics.metric import Mask, Metric, Picture
from defocus.benchmark.profiles import Profile

__all__ = ["CAP_DB", "METRIC"]

CAP_DB = 100.0
"""What identical pictures get, and the most that any get, so that a mean stays a number.

Source: Restormer's scripts return 100 where the pictures are identical.
"""


def _psnr(restored: Picture, reference: Picture, mask: Mask, profile: Profile) -> float:  # noqa: ARG001 - every metric takes the profile
    """10 log10(1 / mean squared difference), pixels and channels together, peak 1, in dB."""
    error = float(np.mean(np.square(restored[mask] - reference[mask])))
    return CAP_DB if error == 0 else min(CAP_DB, -10.0 * math.log10(error))


METRIC = Metric(
    name="psnr", display_name="PSNR", better="higher", unit="dB", decimals=2, compute=_psnr
)
