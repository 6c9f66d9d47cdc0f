"""Measures of detail by gradients: of a picture, of patches, and by place in a pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.pictures.values import LUMA, Image, as_float

Grey = NDArray[np.float32]
Array = NDArray[np.float64]

SMOOTHING_PX = 1.0
"""Standard deviation of the Gaussian that damps noise before gradients are taken, px."""

NOISE_ENERGY = 2.61
"""Mean squared Sobel gradient of white noise of variance 1 behind that Gaussian; measured."""

LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""Filter that shows noise but no edges. Source: Immerkaer, Fast Noise Variance Estimation, 1996."""

TEXTURED_OVER_NOISE = 6.0
"""Ratio of gradients to those of noise from which a block says which picture is sharper."""

BLOCKS_ACROSS = 40
SMALLEST_BLOCK_PX = 16


def gradient_energy(grey: Grey) -> float:
    """Mean squared Sobel gradient (Tenengrad) after denoising, relative to mean brightness."""
    brightness = float(grey.mean())
    if brightness > 0:
        return float(squared_gradient(grey).mean()) / brightness**2
    return 0.0


def squared_gradient(grey: Grey, smoothing_px: float = SMOOTHING_PX) -> Grey:
    """The squared Sobel gradient at each pixel after a Gaussian; 0 px means no Gaussian."""
    smooth = cv2.GaussianBlur(grey, (0, 0), smoothing_px) if smoothing_px else grey
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    return np.asarray(across * across + down * down, np.float32)


def slopes(picture: NDArray[Any]) -> tuple[Grey, Grey]:
    """How much a picture rises to the right and downwards, per pixel (Sobel)."""
    across = cv2.Sobel(picture, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(picture, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.asarray(across), np.asarray(down)


def noise_sigma(grey: Grey) -> float:
    """Standard deviation of the noise of a picture, from the calmer half of its detail."""
    response = np.abs(cv2.filter2D(grey, cv2.CV_32F, LAPLACIAN))[1:-1, 1:-1]
    # of a normal distribution the median of the absolute value is 0.6745 standard deviations
    return float(np.median(response)) / 0.6745 / 6.0


def block_means(values: NDArray[np.floating | np.bool_], size: int) -> Array:
    """Means over square blocks; incomplete blocks at the right and bottom are dropped."""
    size = min(size, *values.shape)
    height, width = (length // size * size for length in values.shape)
    kept = values[:height, :width]
    if kept.dtype == np.float64:
        cut: NDArray[np.floating] = np.ascontiguousarray(kept, np.float64)
    else:
        cut = np.ascontiguousarray(kept, np.float32)
    blocks = (width // size, height // size)
    return np.asarray(cv2.resize(cut, blocks, interpolation=cv2.INTER_AREA), np.float64)


@dataclass(frozen=True)
class GradientEnergyMap:
    """Gradient energy of sharp over blurry blocks, without noise; NaN where there is no texture."""

    ratio: Array  # ``(rows, columns)`` sharp over blurry; NaN without texture
    block_px: int  # side of a block in pixels of the compared pictures

    def to_json(self) -> dict[str, Any]:
        """The map as a JSON object: log2 of the ratio in tenths, by row; null without texture."""
        rounded = np.round(np.log2(np.maximum(self.ratio, 1e-3)), 1)
        rows = [
            [None if np.isnan(value) else float(value) for value in row]
            for row in rounded
        ]
        return {"block_px": self.block_px, "log2_ratio": rows}

    def share_below(self, limit: float) -> float:
        """Share of the comparable blocks with a ratio below ``limit``."""
        textured = ~np.isnan(self.ratio)
        return float((self.ratio[textured] < limit).mean()) if textured.any() else 0.0

    def mask(
        self,
        limit: float,
        width: int,
        height: int,
    ) -> NDArray[np.uint8]:
        """``(height, width)``: 255 = usable, 0 where the blurry member is the sharper one."""
        bad = np.nan_to_num(self.ratio, nan=np.inf) < limit
        usable = np.where(bad, 0, 255).astype(np.uint8)
        return np.asarray(
            cv2.resize(usable, (width, height), interpolation=cv2.INTER_NEAREST),
            np.uint8,
        )


def gradient_energy_map(blurry: Grey, sharp: Grey) -> GradientEnergyMap:
    """Compare the local gradients of two registered pictures, sRGB-encoded luminance."""
    size = max(SMALLEST_BLOCK_PX, max(blurry.shape) // BLOCKS_ACROSS)
    energies = [
        block_means(squared_gradient(picture), size) for picture in (blurry, sharp)
    ]
    noises = [NOISE_ENERGY * noise_sigma(picture) ** 2 for picture in (blurry, sharp)]
    textured = np.maximum(*energies) > TEXTURED_OVER_NOISE * max(max(noises), 1e-12)
    first, second = (
        np.maximum(energy - noise, 0.05 * energy)
        for energy, noise in zip(energies, noises, strict=True)
    )
    ratio = np.divide(
        second,
        first,
        out=np.full_like(first, np.nan),
        where=textured & (first > 0),
    )
    return GradientEnergyMap(ratio, size)


KERNELS = (3, 7, 11, 15)
"""Sides of the Sobel kernels whose responses are multiplied."""


def sobel_products(patches: Sequence[Image]) -> NDArray[np.float64]:
    """Product of sums of Sobel gradients of each patch, 0..1; DPDD's image_to_patch_filter.py."""
    # For each size of Sobel kernel the gradient's lengths are summed over a patch and stretched
    # over the patches from 0 to 1; the four results are multiplied. A size where all are equal is
    # ignored.
    sums = np.array(list(map(_gradient_sums, patches)))
    low = sums.min(axis=0)
    high = sums.max(axis=0)
    spread = np.where(high > low, high - low, 1.0)
    stretched = np.where(high > low, (sums - low) / spread, 1.0)
    return np.asarray(stretched.prod(axis=1))


def _gradient_sums(patch: Image) -> list[float]:
    grey = np.asarray(as_float(patch) @ np.array(LUMA, np.float32), dtype=np.float32)
    sums = []
    for side in KERNELS:
        across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=side)
        down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=side)
        sums.append(float(cv2.magnitude(across, down).sum(dtype=np.float64)))
    return sums
