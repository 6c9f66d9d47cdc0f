"""Peak signal-to-noise ratio."""

import math

import numpy as np

from defocus.benchmark.metrics.metric import Mask, Metric, Picture
from defocus.benchmark.scoring.profiles import Profile

CAP_DB = 100.0
"""PSNR of identical pictures, dB, so that a mean stays a number. Source: Restormer's scripts return
100 where the pictures are identical."""


def decibels(squared_error: float, profile: Profile) -> float:
    """10 log10(1 / mean squared difference) in dB; see ``capped`` and ``psnr_floor``."""
    error = squared_error + profile.psnr_floor
    if error == 0:
        return CAP_DB
    level = -10.0 * math.log10(error)
    return min(CAP_DB, level) if profile.capped else level


def _psnr(restored: Picture, reference: Picture, mask: Mask, profile: Profile) -> float:
    """PSNR over pixels and channels, with peak 1, in dB."""
    return decibels(
        float(np.mean(np.square(restored[mask] - reference[mask]))), profile
    )


METRIC = Metric(
    name="psnr",
    display_name="PSNR",
    better="higher",
    unit="dB",
    decimals=2,
    compute=_psnr,
    span=(None, None),
)
