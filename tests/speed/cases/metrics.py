"""PSNR, SSIM and MAE of one picture, against the functions that published scripts call."""

from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.scoring.profiles import PROFILES
from defocus.benchmark.scoring.score import psnr_ssim_mae
from tests.speed.case import Case, Work

SIZE, SMALL = (1120, 1680), (560, 840)
DECIBELS_PER_UNIT = 10.0
"""A PSNR may be off by ten times as many decibels as SSIM by units."""

Array = NDArray[np.float64]


def _pictures(size: tuple[int, int]) -> tuple[Array, Array]:
    """A restored and a sharp picture, float64 in [0, 1], with detail at several scales."""
    rng = np.random.default_rng(0)
    sharp = cv2.GaussianBlur(rng.random((*size, 3)), (0, 0), 2)
    sharp = (sharp - sharp.min()) / (sharp.max() - sharp.min())
    restored = cv2.GaussianBlur(sharp, (0, 0), 1) + 0.01 * rng.standard_normal(
        sharp.shape
    )
    return np.clip(restored, 0, 1), np.asarray(sharp)


def _ours(size: tuple[int, int]) -> Work:
    """The fused pass."""
    return partial(
        psnr_ssim_mae, *_pictures(size), np.ones(size, np.bool_), PROFILES["dpdd16"]
    )


def _peer(size: tuple[int, int]) -> Work:
    return partial(_recipe, *_pictures(size))


def _recipe(restored: Array, sharp: Array) -> dict[str, float]:
    """The official one: scikit-image's PSNR and SSIM, and the mean of three channels' MAE."""
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    channels = [np.abs(sharp[..., c] - restored[..., c]).mean() for c in range(3)]
    return {
        "psnr": float(peak_signal_noise_ratio(sharp, restored, data_range=1.0)),  # type: ignore[no-untyped-call]
        "ssim": float(
            structural_similarity(sharp, restored, data_range=1.0, channel_axis=2)
        ),  # type: ignore[no-untyped-call]
        "mae": float(np.mean(channels)),
    }


def _difference() -> float:
    """Largest of the three differences; that in dB is divided by ten."""
    pictures = _pictures(SMALL)
    scores = psnr_ssim_mae(*pictures, np.ones(SMALL, np.bool_), PROFILES["dpdd16"])
    gaps = {
        name: abs(scores[name] - value) for name, value in _recipe(*pictures).items()
    }
    return max(gaps["psnr"] / DECIBELS_PER_UNIT, gaps["ssim"], gaps["mae"])


CASES = (
    Case("metrics", partial(_ours, SIZE), partial(_peer, SIZE), _difference, 1e-9, 12),
)
