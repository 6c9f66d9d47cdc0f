"""Picture pyramids with pixel centres at integers on every level; maps with masked pixels."""

import math
from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)
Array = NDArray[np.float32]

GRAIN_WINDOW_PX = 16
ROUGHNESS = np.outer([1, -2, 1], [1, -2, 1]).astype(np.float32)


def smoothed(values: Array, sigma_px: float) -> Array:
    """Gaussian mean of ``(H, W)`` or ``(H, W, C)`` values, reflected at the border."""
    blurred = cv2.GaussianBlur(values, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32)


def means_over(maps: Sequence[Array] | Array, weight: Array, sigma_px: float) -> Array:
    """Gaussian means of maps ``(N, H, W)`` with weights 0..1; 0 if nothing near has weight."""
    total = smoothed(weight, sigma_px) + np.float32(1e-3)
    means = [smoothed(values * weight, sigma_px) / total for values in maps]
    return np.stack(means)


def grain_level(values: Array, counted: Array) -> float:
    """Standard deviation of white noise, from the smoothest tenth: texture is not everywhere.

    Source: Immerkær, Fast noise variance estimation (CVIU 1996), over windows."""
    rough = np.abs(cv2.filter2D(values, cv2.CV_32F, ROUGHNESS))
    local = reduced_area(np.asarray(rough), GRAIN_WINDOW_PX)
    places = local[reduced_area(counted, GRAIN_WINDOW_PX) > 0.99]
    return (
        float(np.percentile(places, 10)) * np.sqrt(np.pi / 2) / 6
        if places.size
        else 0.0
    )


def box_means(values: Array, side: int) -> Array:
    """Means over a square around each place; beyond the border the map is mirrored."""
    means = cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT)
    return np.asarray(means, np.float32)


def hann_window(height: int, width: int) -> NDArray[np.float64]:
    """A Hann window without its zeros, which lie just beyond the border."""
    down = np.hanning(height + 2)[1:-1]
    across = np.hanning(width + 2)[1:-1]
    return np.outer(down, across)


def reduced_area(values: Array, factor: int) -> Array:
    """Area mean on a grid that is coarser by ``factor`` over the same frame."""
    if factor == 1:
        return values
    height = max(values.shape[0] // factor, 1)
    width = max(values.shape[1] // factor, 1)
    small = cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small)


def resized_to(values: Array, shape: tuple[int, ...]) -> Array:
    """Linear interpolation on another grid over the same frame."""
    if values.shape[:2] == shape[:2]:
        return values
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR))


def factor_for(shape: tuple[int, ...], side: int) -> int:
    """Integer factor that reduces a picture so that no side exceeds ``side``."""
    return math.ceil(max(shape[:2]) / side)


def reduced(picture: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Average over squares of ``factor`` pixels, without incomplete ones at right and bottom."""
    if factor == 1:
        return picture
    height = max(picture.shape[0] // factor, 1)
    width = max(picture.shape[1] // factor, 1)
    whole = picture[: height * factor, : width * factor]
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small)


def enlarged(values: NDArray[T], factor: int, shape: tuple[int, ...]) -> NDArray[T]:
    """Enlarge a reduced picture to the full ``shape``; dropped borders repeat their neighbours."""
    height, width = shape[:2]
    below = max(0, math.ceil(height / factor) - values.shape[0])
    right = max(0, math.ceil(width / factor) - values.shape[1])
    whole = np.pad(values, [(0, below), (0, right)], mode="edge")
    repeated = whole.repeat(factor, axis=0).repeat(factor, axis=1)
    return repeated[:height, :width]


def interpolated(values: Array, factor: int, shape: tuple[int, ...]) -> Array:
    """Enlarge by linear interpolation; a dropped remainder repeats its neighbour."""
    height, width = values.shape
    size = width * factor, height * factor
    full = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)
    below = shape[0] - full.shape[0]
    right = shape[1] - full.shape[1]
    bordered = cv2.copyMakeBorder(full, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(bordered)


def scaling(factor: int) -> NDArray[np.float64]:
    """``(3, 3)``: positions in the full picture to positions in the reduced one."""
    offset = 0.5 / factor - 0.5
    return np.array(
        [
            [1 / factor, 0, offset],
            [0, 1 / factor, offset],
            [0, 0, 1],
        ]
    )
