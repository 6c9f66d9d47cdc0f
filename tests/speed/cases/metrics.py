"""PSNR, SSIM and MAE of one picture, against the functions that published scripts call."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.metric.one_pass import psnr_ssim_mae
from defocus.benchmark.scoring.profiles import PROFILES
from tests.speed.case import Case, CaseOutcome, ours_and_peer
from tests.speed.measuring import Work

__all__ = ["CASES", "difference", "ours", "peer", "pictures"]

SIZE = (1120, 1680)
PROFILE = PROFILES["dpdd16"]
DECIBELS_PER_UNIT = 10.0
"""A PSNR may be off by ten times as many decibels as SSIM by units."""


def pictures(size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A restored and a sharp picture, float64 in [0, 1], with detail at several scales."""
    rng = np.random.default_rng(0)
    sharp = cv2.GaussianBlur(rng.random((*size, 3)), (0, 0), 2)
    sharp = (sharp - sharp.min()) / (sharp.max() - sharp.min())
    restored = cv2.GaussianBlur(sharp, (0, 0), 1) + 0.01 * rng.standard_normal(sharp.shape)
    return np.clip(restored, 0, 1), np.asarray(sharp)


def ours(size: tuple[int, int] = SIZE) -> Work:
    """The fused pass."""
    restored, sharp = pictures(size)
    mask = np.ones(size, np.bool_)
    return lambda: psnr_ssim_mae(restored, sharp, mask, PROFILE)


def peer(size: tuple[int, int] = SIZE) -> Work:
    """The official recipe: scikit-image's PSNR and SSIM, and the mean of three channels' MAE."""
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    restored, sharp = pictures(size)

    def recipe() -> dict[str, float]:
        channels = [np.abs(sharp[..., c] - restored[..., c]).mean() for c in range(3)]
        return {
            "psnr": float(peak_signal_noise_ratio(sharp, restored, data_range=1.0)),  # type: ignore[no-untyped-call]
            "ssim": float(structural_similarity(sharp, restored, data_range=1.0, channel_axis=2)),  # type: ignore[no-untyped-call]
            "mae": float(np.mean(channels)),
        }

    return recipe


def difference(size: tuple[int, int] = SIZE) -> float:
    """Largest of the three differences; that in dB is divided by ten."""
    first, second = ours(size)(), peer(size)()
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    gaps = {name: abs(first[name] - second[name]) for name in second}
    return float(max(gaps["psnr"] / DECIBELS_PER_UNIT, gaps["ssim"], gaps["mae"]))


def _measure() -> CaseOutcome:
    return ours_and_peer(ours, peer, difference)


CASES = (Case("metrics", 12, 1e-6, _measure),)
