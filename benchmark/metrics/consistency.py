"""Consistency: whether a restored picture, blurred again, is the blurry input."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.photometry.equalise import disc_blurred
from defocus.benchmark.metrics.in_focus_change import kept_blur_map
from defocus.benchmark.metrics.metric import Mask, Metric, Picture
from defocus.benchmark.metrics.psnr import decibels
from defocus.benchmark.scoring.profiles import Profile
from defocus.pictures.values import linear_to_srgb, srgb_to_linear

Array = NDArray[np.float32]

DIAMETERS_PX = (
    *(1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0),
    *(14.0, 16.0, 20.0, 24.0, 28.0, 32.0, 48.0, 64.0, 96.0, 128.0),
)
"""Diameters of the discs that are tried, px. A disc of 1 px is a point; the map of blur has no
value above 128 px."""

UNSURE = 1.5
"""Factor, up or down, by which 1 + d of a tried disc may differ from 1 + d in the map of blur,
where d is the diameter in px: the map is about this far from the truth on rendered pictures. It is
multiplied by STEP."""

STEP = 1.15
"""Factor on 1 + d that is half a step between neighbours of the list, so that every diameter of the
map has a disc to try."""

WINDOW_PX = 25
"""Side of the squares in which the best disc is chosen, px. Much smaller ones would fit noise."""


def _consistency(
    restored: Picture,
    blurry: Picture,
    mask: Mask,
    profile: Profile,
) -> float:
    """PSNR, dB, of the restored picture behind the input's blur against the blurry input."""
    # Higher is better, 0 to 100 dB. It needs no truth: whatever picture the lens would have turned
    # into the input is consistent. So it says what was invented, moved or exaggerated, and not
    # whether the blur is gone: an input that is returned as it is has a high value too.
    # Source: defined here; the reblurring loss of JDRL (Li et al. 2023) compares such pictures.
    shown = np.asarray(np.clip(restored, 0.0, 1.0), np.float32)
    error = error_behind_blur(
        shown,
        np.asarray(blurry, np.float32),
        kept_blur_map(blurry).full(),
    )
    return decibels(float(error[mask].mean(dtype=np.float64)), profile)


def error_behind_blur(picture: Array, blurry: Array, diameter_px: Array) -> Array:
    """Squared difference ``(H, W)`` between a picture behind the best disc and the blurry one."""
    linear = np.asarray(srgb_to_linear(picture), np.float32)
    about = 1.0 + np.clip(diameter_px, DIAMETERS_PX[0], DIAMETERS_PX[-1])
    least = np.full(about.shape, np.inf, np.float32)
    error = np.zeros(about.shape, np.float32)
    for diameter in DIAMETERS_PX:
        larger = (1.0 + diameter) / about
        smaller = about / (1.0 + diameter)
        tried = np.maximum(larger, smaller) <= UNSURE * STEP
        if not tried.any():
            continue
        difference = _behind_disc(linear, diameter) - blurry
        squared = np.square(difference).mean(axis=2)
        around = np.asarray(cv2.blur(squared, (WINDOW_PX, WINDOW_PX)), np.float32)
        better = tried & (around < least)
        least[better] = around[better]
        error[better] = squared[better]
    return error


def _behind_disc(linear: Array, diameter_px: float) -> Array:
    """A picture in linear light, blurred by a disc, with the transfer curve of sRGB."""
    planes = []
    for channel in range(linear.shape[2]):
        plane = np.ascontiguousarray(linear[:, :, channel])
        planes.append(disc_blurred(plane, diameter_px))
    blurred = np.clip(np.stack(planes, axis=2), 0.0, 1.0)
    return np.asarray(linear_to_srgb(blurred), np.float32)


METRIC = Metric(
    name="consistency",
    display_name="Consistency",
    better="higher",
    unit="dB",
    decimals=2,
    compute=_consistency,
    against="input",
    on_request=True,
)
