"""Structural similarity with a Gaussian window."""

from defocus.benchmark.metric.metric import Mask, Metric, Picture
from defocus.benchmark.metrics.ssim import masked_ssim
from defocus.benchmark.scoring.profiles import Profile

__all__ = ["METRIC"]


def _ssim(restored: Picture, reference: Picture, mask: Mask, profile: Profile) -> float:  # noqa: ARG001 - every metric takes the profile
    """SSIM over 11 x 11 px, σ 1.5, population covariance."""
    return masked_ssim(restored, reference, mask, "gaussian-11")


METRIC = Metric(
    name="ssim_gaussian",
    display_name="SSIM (Gaussian)",
    better="higher",
    unit="",
    decimals=3,
    compute=_ssim,
    span=(-1.0, 1.0),
    profiles=("defocus-v1",),
)
