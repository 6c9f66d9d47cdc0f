"""PSNR, SSIM and MAE of a profile in one fused pass, if possible."""

from defocus.benchmark.metric.fused import fused_sums
from defocus.benchmark.metric.metric import Mask, Picture
from defocus.benchmark.metrics.psnr import decibels
from defocus.benchmark.scoring.profiles import Profile

__all__ = ["psnr_ssim_mae"]


def psnr_ssim_mae(
    restored: Picture, reference: Picture, mask: Mask, profile: Profile
) -> dict[str, float]:
    """The values that one pass can give; the metrics' own functions explain missing ones."""
    if not mask.any():
        return {}
    sums = fused_sums(restored, reference, mask)
    found = {"psnr": decibels(sums.squared_error, profile), "mae": sums.absolute_error}
    if profile.ssim_window == "uniform-7" and sums.ssim is not None:
        found["ssim"] = sums.ssim
    return found
