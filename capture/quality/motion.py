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
Mask = NDArray[np.bool_]

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

    small_first = reduced_look(first, DRIFT_SIZE_PX)
    small_repeat = reduced_look(repeat, DRIFT_SIZE_PX)
    registration = register(
        luminance(small_first.linear),
        luminance(small_repeat.linear),
        alike=True,
    )
    similarity = registration.similarity
    drift = IDENTITY
    if similarity is not None:
        drift = similarity.scaled(small_first.pixels / first.pixels)
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
    moved = float((~still).mean())
    power = max(tiles.power[still].mean(), 1e-10)
    ceiling_db = -10.0 * np.log10(power)
    return moved, float(ceiling_db)


def onto_grid(linear: NDArray[np.floating], drift: Similarity) -> Grey:
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


def inside_grid(shape: tuple[int, ...], drift: Similarity) -> Mask:
    """The common area of both shots, without the two border pixels that interpolation needs."""
    height, width = shape[:2]
    matrix = drift.matrix(width, height)
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    frame = np.zeros((height, width), np.uint8)
    frame[2:-2, 2:-2] = 1
    shown = cv2.warpAffine(frame, matrix, (width, height), flags=flags)
    return shown > 0


def _light_ev(first: Grey, second: Grey, inside: Mask) -> float | None:
    """Log2 of the light of the second shot over that of the first; None without a usable tile."""
    before = block_means(first, TILE_PX)
    after = block_means(second, TILE_PX)
    brighter = np.maximum(first, second)
    unusable = (brighter >= CLIPPED) | ~inside
    usable = block_means(unusable, TILE_PX) == 0
    usable &= np.minimum(before, after) > BLACK
    if not usable.any():
        return None
    ratio = after[usable] / before[usable]
    return float(np.median(np.log2(ratio)))


@dataclass(frozen=True)
class _Tiles:
    """Tiles in the common area, with their difference relative to noise, and its power."""

    ratio: Array
    power: Array


def _tile_ratios(before: Grey, after: Grey, inside: Mask) -> _Tiles:
    apart = after - before
    power = block_means(apart**2, TILE_PX)
    first = cv2.GaussianBlur(before, (0, 0), SMOOTHING_PX)
    second = cv2.GaussianBlur(after, (0, 0), SMOOTHING_PX)
    spread = _deviations(second - first)
    slope = _slope(first)
    whole = block_means(inside, TILE_PX) > 0.9999
    if not whole.any():
        return _Tiles(np.zeros(0), np.zeros(0))
    noise = max(float(np.median(spread[whole])), LEAST_NOISE)
    by_drift = DRIFT_TOLERANCE_PX * slope
    explained = np.sqrt(noise**2 + by_drift**2)
    ratio = spread / explained
    return _Tiles(ratio[whole], power[whole])


def _deviations(difference: NDArray[Any]) -> Array:
    """Standard deviation of a difference in each tile."""
    mean = block_means(difference, TILE_PX)
    mean_square = block_means(difference**2, TILE_PX)
    variance = np.maximum(mean_square - mean**2, 0.0)
    return np.sqrt(variance)


def _slope(first: NDArray[Any]) -> Array:
    """Mean slope of the picture in each tile."""
    across, down = slopes(first)
    squares = block_means(across**2 + down**2, TILE_PX)
    return np.sqrt(squares / 2.0)
