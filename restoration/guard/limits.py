"""Keeps what restoring adds near to what is there: no light or colour that the place has not."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from defocus.blur.crispness import REACH_PX, crispness, mean_around, spread
from defocus.blur.noise import noise_of

Array = NDArray[np.float32]

RATHER_CRISP, SURELY_CRISP = 0.72, 0.77
"""What is drawn with edges of one pixel has more than the first; so do 1 in 20 of the stream's
tiles that gain, most of which restoring gathers."""
RATHER_SPREAD, SURELY_SPREAD = 0.97, 0.99
"""Spread behind restoring over that before: 1 where nothing is gathered."""
SMALL_CHANGE = 0.0055
"""Root mean square, 45 dB: no change is larger where edges are crisp."""
NOTHING = 1e-7


def share_kept(restored: Array, blurry: Array, noise: NDArray[np.float64]) -> Array:
    """The share of the change that is kept, ``(H, W)``: little at crisp edges, if not gathered."""
    square = np.square(restored - blurry).mean(axis=2)
    change = np.sqrt(np.maximum(mean_around(square), 0))
    crisp = _ramp(crispness(blurry, noise), RATHER_CRISP, SURELY_CRISP)
    gathered = (spread(restored) + NOTHING) / (spread(blurry) + NOTHING)
    doubt = crisp * _ramp(gathered, RATHER_SPREAD, SURELY_SPREAD)
    allowed = SMALL_CHANGE / np.maximum(doubt, NOTHING)
    return np.asarray(np.minimum(1, allowed / (change + NOTHING)), np.float32)


def _ramp(values: Array, low: float, high: float) -> Array:
    return np.asarray(np.clip((values - low) / (high - low), 0, 1), np.float32)


AROUND_PX = 31
BEYOND = 0.8
"""So far beyond the darkest and the brightest around it a pixel may go, of their distance: a blur
makes peaks lower."""
ROUNDING = 1 / 255
NOISES = (2.0, 1.0, 1.0)
"""Of lightness and of both colours, which noise without colour does not change."""
STRIP_PX = 256


def limited(
    restored: Array, blurry: Array, noise: NDArray[np.float64], share: Array | None = None
) -> Array:
    """Cut off what goes far beyond the lightness and the colours around each pixel."""
    # Where edges are as crisp as in focus, only a small change is left: a network that takes a
    # sharp picture for a blurred one does little harm. The result equals ``blurry`` to a step of 8
    # bits where that is flat and clean. ``share`` is what is looked at of the change.
    within = np.empty_like(restored)
    height, margin = len(blurry), max(AROUND_PX, REACH_PX)
    around = np.ones((AROUND_PX, AROUND_PX), np.uint8)

    def limit(begin: int) -> None:
        end = min(begin + STRIP_PX, height)
        first, last = max(0, begin - margin), min(height, end + margin)
        inside = slice(begin - first, end - first)
        seen, changed = blurry[first:last], restored[first:last]
        if share is not None:
            changed = seen + share[first:last, :, None] * (changed - seen)
        given = _opponents(seen)
        inner = _opponents(changed[inside])
        deviation = noise_of(given[inside, :, 0], noise).astype(np.float32)
        for channel in range(3):
            seen_light = given[:, :, channel]
            low, high = cv2.erode(seen_light, around), cv2.dilate(seen_light, around)
            more = BEYOND * (high - low)[inside] + NOISES[channel] * deviation + ROUNDING
            np.clip(
                inner[:, :, channel], low[inside] - more, high[inside] + more,
                out=inner[:, :, channel],
            )  # fmt: skip
        kept = share_kept(changed, seen, noise)[inside, :, None]
        within[begin:end] = blurry[begin:end] + kept * (_colours(inner) - blurry[begin:end])

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(limit, range(0, height, STRIP_PX)))
    return within


def _opponents(colours: Array) -> Array:
    """``(H, W, 3)``: the mean of the colours, red - green, blue - green."""
    red, green, blue = (colours[:, :, one] for one in range(3))
    return np.stack([(red + green + blue) / 3, red - green, blue - green], axis=2)


def _colours(opponents: Array) -> Array:
    """The inverse of :func:`_opponents`."""
    lightness, red, blue = (opponents[:, :, one] for one in range(3))
    green = lightness - (red + blue) / 3
    return np.stack([red + green, green, blue + green], axis=2)
