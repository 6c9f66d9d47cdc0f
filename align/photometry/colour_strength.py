"""How strong the colours of one member are beside those of the other, whatever their light.

Pictures whose colour space is not told, or whose profile an editor dropped, are read as sRGB. Then
all colours of one member are paler, or stronger, by one factor. A blur does not do that. A member
that was saved in black and white has no colours at all.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.photometry.equalise import disc_blurred
from defocus.align.photometry.linear_light import LUMINANCE
from defocus.align.sampling.masked import resized_to
from defocus.align.sampling.pyramid import factor_for, reduced

__all__ = ["MOST_STRENGTH", "colour_strength"]

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

SIDE = 200
"""Larger pictures are reduced: colours of a pair are compared over surfaces, not at edges."""
LEAST_LIGHT, MOST_LIGHT = 0.02, 0.95
"""Light below which colours are noise, and above which a channel may be saturated."""
LEAST_PLACES, LEAST_SPREAD = 200, 0.08
"""Places that must count, and the scatter of their colours: grey pictures tell nothing."""
COLOURFUL, SURFACE_PX = 2 * LEAST_SPREAD, 9
"""Scatter from which on a member has colours beside a grey one, and the windows over which noise
is averaged for it."""
MOST_STRENGTH = 100.0
"""That is told: a grey member has no colours to divide by."""
BLUR_STEP_PX = 1.0
ROUNDS, SLACK = 10, 2e-3
OPPONENTS = ((1.0, -1.0, 0.0), (-0.5, -0.5, 1.0))
"""Differences of channels over the luminance: red less green, and blue less both."""


def colour_strength(blurry: Array, sharp: Array, coc_px: Array, shown: Mask) -> float | None:
    """Strength of the blurry member's colours over that of the sharp one's; None if unknown.

    Both err, so the factor is between the slopes of each on the other: the one nearer to 1.
    """
    factor = factor_for(blurry.shape, SIDE)
    first, second = (reduced(one, factor) for one in (blurry, sharp))
    height, width = first.shape[:2]
    coc = resized_to(coc_px, (height, width)) / np.float32(factor)
    second = _blurred(second, coc)
    seen = resized_to(shown.astype(np.float32), (height, width)) > 0.999
    seen = cv2.erode(seen.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    seen &= np.maximum(first, second).max(axis=2) < MOST_LIGHT
    seen &= np.minimum(first @ LUMINANCE, second @ LUMINANCE) > LEAST_LIGHT
    if seen.sum() < LEAST_PLACES:
        return None
    x, y = second[seen].astype(np.float64), first[seen].astype(np.float64)
    gain = y.sum(axis=0) / np.maximum(x.sum(axis=0), 1e-9)
    colours = [_colours(one) for one in (x * gain, y)]
    if min(map(_spread, colours)) < LEAST_SPREAD:
        return _beside_grey(_surfaces(second)[seen] * gain, _surfaces(first)[seen])
    return _nearest_slope(*colours)


def _surfaces(light: Array) -> NDArray[np.float64]:
    return np.asarray(cv2.blur(light, (SURFACE_PX, SURFACE_PX)), np.float64)


def _beside_grey(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Strength where one member is grey; None if both are, or may be."""
    sharp, blurry = (_spread(_colours(one)) for one in (x, y))
    if max(sharp, blurry) < COLOURFUL or min(sharp, blurry) >= LEAST_SPREAD:
        return None
    return float(np.clip(blurry / max(sharp, 1e-6), 1 / MOST_STRENGTH, MOST_STRENGTH))


def _spread(colours: NDArray[np.float64]) -> float:
    return float(np.sqrt((colours**2).sum(axis=1).mean()))


def _blurred(light: Array, coc: Array) -> Array:
    """Light under the nearest of evenly spaced blurs."""
    result = light.copy()
    steps = np.rint(coc / BLUR_STEP_PX)
    for step in np.unique(steps[steps > 0]):
        layers = [disc_blurred(np.ascontiguousarray(light[..., c]), float(step * BLUR_STEP_PX))
                  for c in range(3)]  # fmt: skip
        result = np.where((steps == step)[..., None], np.stack(layers, axis=-1), result)
    return np.asarray(result, np.float32)


def _colours(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(N, 2)`` opponent colours over luminance, about their median."""
    colours = (light @ np.transpose(OPPONENTS)) / (light @ LUMINANCE)[:, None]
    return np.asarray(colours - np.median(colours, axis=0))


def _nearest_slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    weight = np.ones((len(x), 1))
    for _ in range(ROUNDS):
        across = float((weight * x * y).sum())
        slope = across / float((weight * x * x).sum())
        left = np.sqrt(((y - slope * x) ** 2).sum(axis=1, keepdims=True))
        spread = 1.48 * float(np.median(left)) + SLACK
        weight = 1 / (1 + (left / (2 * spread)) ** 2)
    steep = float((weight * y * y).sum()) / across if across > 0 else np.inf
    return float(np.clip(1.0, min(slope, steep), max(slope, steep)))
