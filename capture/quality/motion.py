"""Motion between the first shot of a pair and its repeat: camera, light or object.

Both have the same aperture and focus, so that blur cancels."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blur.gradients import block_means, slopes
from defocus.capture.quality.quick_look import (
    CLIPPED,
    QuickLook,
    encoded,
    luminance,
    reduced_look,
)
from defocus.scene.geometry import IDENTITY, Similarity

Grey = NDArray[np.float32]
Array = NDArray[np.float64]

TILE_PX = 32

SMOOTHING_PX = 1.0
"""Sigma of the smoothing before shots are compared, px. Interpolation is wrong at edges that are
sharp to the pixel. Over simulated scenes a still one stays below 1.3, and an object that moved by 1
px above 4.8."""

DRIFT_SIZE_PX = 800
"""Longer side to which pictures are reduced before their drift is measured; the drift is then right
to 0.03 of the reduced pixels."""

DRIFT_TOLERANCE_PX = 0.15
"""Accuracy of the registration, px. An object that moves less than this cannot be seen."""

LEAST_NOISE = 1e-3
"""Least noise of a shot, standard deviation of sRGB-encoded grey. A picture without noise still has
the errors of rounding and interpolation."""

BLACK = 0.002


@dataclass(frozen=True)
class AnchorComparison:
    """Comparison of the repeat with the first shot."""

    drift: Similarity | None  # first shot to repeat, px of the picture; None = unknown
    light_ev: float | None  # log2 of repeat over first shot; None = not comparable
    motion: float  # largest difference over noise and drift; about 1 = nothing moved
    moved_share: float
    noise_ceiling_db: float | None  # PSNR of the two: the best of any restoration

    def to_json(self) -> dict[str, Any]:
        """The comparison as a JSON object; unknown values are null."""
        drift = self.drift
        return {
            "drift_px": None if drift is None else list(drift.shift_px),
            "drift_zoom": None if drift is None else drift.zoom,
            "light_ev": self.light_ev,
            "motion": self.motion,
            "moved_share": self.moved_share,
            "noise_ceiling_db": self.noise_ceiling_db,
        }


def compare_anchor(
    first: QuickLook, repeat: QuickLook, limit: float
) -> AnchorComparison:
    """Compare a shot with its repeat; tiles above ``limit`` count as moved."""
    # it imports scipy's slower parts
    from defocus.align.registration.register import register

    small = [reduced_look(look, DRIFT_SIZE_PX) for look in (first, repeat)]
    similarity = register(
        *(luminance(look.linear) for look in small), alike=True
    ).similarity
    drift = IDENTITY
    if similarity is not None:
        drift = similarity.scaled(small[0].pixels / first.pixels)
    before = luminance(first.linear)
    after = onto_grid(luminance(repeat.linear), drift)
    inside = inside_grid(before.shape, drift)
    light = _light_ev(before, after, inside)
    gain = np.float32(2.0 ** -(light or 0.0))
    tiles = _tile_ratios(encoded(before), encoded(after * gain), inside)
    moved, noise_ceiling_db = _moved_and_noise(tiles, limit)
    return AnchorComparison(
        drift=None if similarity is None else drift.scaled(first.pixels),
        light_ev=light,
        motion=float(tiles.ratio.max(initial=0.0)),
        moved_share=moved,
        noise_ceiling_db=noise_ceiling_db,
    )


def _moved_and_noise(tiles: "_Tiles", limit: float) -> tuple[float, float | None]:
    """Share of the tiles that moved, and the PSNR in dB that noise allows in the others."""
    still = tiles.ratio <= limit
    if not still.any():
        return float(still.size > 0), None
    power = max(tiles.power[still].mean(), 1e-10)
    return float((~still).mean()), float(-10.0 * np.log10(power))


def onto_grid(linear: NDArray[np.floating], drift: Similarity) -> NDArray[np.float32]:
    """A later picture on the grid of an earlier one, from which ``drift`` leads to this one."""
    if drift == IDENTITY:
        return np.asarray(linear, np.float32)
    height, width = linear.shape[:2]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(
        linear,
        drift.matrix(width, height),
        (width, height),
        flags=flags,
        borderMode=cv2.BORDER_REFLECT,
    )
    return np.asarray(np.maximum(moved, 0.0), np.float32)


def inside_grid(shape: tuple[int, ...], drift: Similarity) -> NDArray[np.bool_]:
    """The common area of both shots, without the two border pixels that interpolation needs."""
    height, width = shape[:2]
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    frame = np.zeros((height, width), np.uint8)
    frame[2:-2, 2:-2] = 1
    return (
        cv2.warpAffine(frame, drift.matrix(width, height), (width, height), flags=flags)
        > 0
    )


def _light_ev(first: Grey, second: Grey, inside: NDArray[np.bool_]) -> float | None:
    means = [block_means(picture, TILE_PX) for picture in (first, second)]
    clipped = block_means((np.maximum(first, second) >= CLIPPED) | ~inside, TILE_PX)
    usable = (clipped == 0) & (np.minimum(*means) > BLACK)
    if not usable.any():
        return None
    return float(np.median(np.log2(means[1][usable] / means[0][usable])))


@dataclass(frozen=True)
class _Tiles:
    """Tiles in the common area, with their difference relative to noise, and its power."""

    ratio: Array
    power: Array


def _tile_ratios(before: Grey, after: Grey, inside: NDArray[np.bool_]) -> _Tiles:
    power = block_means((after - before) ** 2, TILE_PX)
    first = cv2.GaussianBlur(before, (0, 0), SMOOTHING_PX)
    second = cv2.GaussianBlur(after, (0, 0), SMOOTHING_PX)
    difference = second - first
    mean = block_means(difference, TILE_PX)
    spread = np.sqrt(np.maximum(block_means(difference**2, TILE_PX) - mean**2, 0.0))
    slope = _slope(first)
    whole = block_means(inside, TILE_PX) > 0.9999
    if not whole.any():
        return _Tiles(np.zeros(0), np.zeros(0))
    noise = max(float(np.median(spread[whole])), LEAST_NOISE)
    explained = np.sqrt(noise**2 + (DRIFT_TOLERANCE_PX * slope) ** 2)
    return _Tiles((spread / explained)[whole], power[whole])


def _slope(first: NDArray[Any]) -> Array:
    """Mean slope of the picture in each tile."""
    across, down = slopes(first)
    return np.sqrt(block_means(across**2 + down**2, TILE_PX) / 2.0)
