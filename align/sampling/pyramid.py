"""Picture pyramids with pixel centres at integers on every level; maps with masked pixels."""

import math
from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.arrays import Doubles, Shape, Singles, Size

T = TypeVar("T", bound=np.generic)
Number = TypeVar("Number", np.uint8, np.float32)

GRAIN_WINDOW_PX = 16
ROUGHNESS = np.outer([1, -2, 1], [1, -2, 1]).astype(np.float32)


def smoothed(values: Singles, sigma_px: float) -> Singles:
    """Gaussian mean of ``(H, W)`` or ``(H, W, C)`` values, reflected at the border."""
    blurred = cv2.GaussianBlur(values, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32)


def band(values: Singles, fine_px: float, coarse_px: float) -> Singles:
    """Detail between two sizes: a picture behind one Gaussian, less that behind a wider one."""
    fine = cv2.GaussianBlur(values, (0, 0), fine_px)
    coarse = cv2.GaussianBlur(values, (0, 0), coarse_px)
    return np.asarray(fine - coarse, np.float32)


def means_over(
    maps: Sequence[Singles] | Singles, weight: Singles, sigma_px: float
) -> Singles:
    """Gaussian means of maps ``(N, H, W)`` with weights 0..1; 0 if nothing near has weight."""
    total = smoothed(weight, sigma_px) + np.float32(1e-3)
    means = []
    for values in maps:
        weighted = smoothed(values * weight, sigma_px)
        means.append(weighted / total)
    return np.stack(means)


def grain_level(values: Singles, counted: Singles) -> float:
    """Standard deviation of white noise, from the smoothest tenth: texture is not everywhere.

    Source: Immerkær, Fast noise variance estimation (CVIU 1996), over windows."""
    rough = np.abs(cv2.filter2D(values, cv2.CV_32F, ROUGHNESS))
    local = reduced_area(np.asarray(rough), GRAIN_WINDOW_PX)
    whole = reduced_area(counted, GRAIN_WINDOW_PX) > 0.99
    places = local[whole]
    if not places.size:
        return 0.0
    smoothest = float(np.percentile(places, 10))
    level: float = smoothest * np.sqrt(np.pi / 2) / 6
    return level


def box_means(values: Singles, side: int) -> Singles:
    """Means over a square around each place; beyond the border the map is mirrored."""
    means = cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT)
    return np.asarray(means, np.float32)


def hann_window(height: int, width: int) -> Doubles:
    """A Hann window without its zeros, which lie just beyond the border."""
    down = np.hanning(height + 2)[1:-1]
    across = np.hanning(width + 2)[1:-1]
    return np.outer(down, across)


def reduced_area(values: Singles, factor: int) -> Singles:
    """Area mean on a grid that is coarser by ``factor`` over the same frame."""
    if factor == 1:
        return values
    size = _reduced_size(values.shape, factor)
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small)


def _reduced_size(shape: Shape, factor: int) -> Size:
    """Width and height of a picture that is reduced by a factor, at least 1."""
    height = max(shape[0] // factor, 1)
    width = max(shape[1] // factor, 1)
    return width, height


def resized_to(values: Singles, shape: Shape) -> Singles:
    """Linear interpolation on another grid over the same frame."""
    if values.shape[:2] == shape[:2]:
        return values
    size = (shape[1], shape[0])
    resized = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized)


def factor_for(shape: Shape, side: int) -> int:
    """Integer factor that reduces a picture so that no side exceeds ``side``."""
    longest = max(shape[:2])
    return math.ceil(longest / side)


def reduced(picture: Singles, factor: int) -> Singles:
    """Average over squares of ``factor`` pixels, without incomplete ones at right and bottom."""
    if factor == 1:
        return picture
    width, height = _reduced_size(picture.shape, factor)
    whole = picture[: height * factor, : width * factor]
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small)


def enlarged(values: NDArray[T], factor: int, shape: Shape) -> NDArray[T]:
    """Enlarge a reduced picture to the full ``shape``; dropped borders repeat their neighbours."""
    height, width = shape[:2]
    rows, columns = values.shape
    wanted_rows = math.ceil(height / factor)
    wanted_columns = math.ceil(width / factor)
    below = max(0, wanted_rows - rows)
    right = max(0, wanted_columns - columns)
    whole = np.pad(values, [(0, below), (0, right)], mode="edge")
    repeated = whole.repeat(factor, axis=0)
    repeated = repeated.repeat(factor, axis=1)
    return repeated[:height, :width]


def interpolated(values: Singles, factor: int, shape: Shape) -> Singles:
    """Enlarge by linear interpolation; a dropped remainder repeats its neighbour."""
    height, width = values.shape
    size = width * factor, height * factor
    resized = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)
    full = np.asarray(resized, np.float32)
    below = shape[0] - full.shape[0]
    right = shape[1] - full.shape[1]
    return extended(full, below, right, cv2.BORDER_REPLICATE)


def extended(
    values: NDArray[Number],
    below: int,
    right: int,
    border: int,
) -> NDArray[Number]:
    """The picture with more rows below and columns at the right, by a rule of OpenCV."""
    whole = cv2.copyMakeBorder(values, 0, below, 0, right, border)
    return np.asarray(whole, values.dtype)


def scaling(factor: int) -> Doubles:
    """``(3, 3)``: positions in the full picture to positions in the reduced one."""
    offset = 0.5 / factor - 0.5
    return np.array(
        [
            [1 / factor, 0, offset],
            [0, 1 / factor, offset],
            [0, 0, 1],
        ]
    )


def rescaled(matrix: Doubles, factor: float) -> Doubles:
    """Convert a transform of full positions to positions reduced by ``factor``, or back (1 / f)."""
    scale = scaling(round(max(factor, 1 / factor)))
    if factor < 1:
        scale = np.asarray(np.linalg.inv(scale), np.float64)
    back = np.linalg.inv(scale)
    return scale @ matrix @ back
