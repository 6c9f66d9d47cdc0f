"""Resample the sharp picture onto the blurry grid: once, in linear light, in strips.

A strip reads only the rows of the sharp picture that it needs, and each pixel is computed only from
its own position. So memory stays bounded for any picture size, and the height of the strips does
not affect the result.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.crop import ReleaseGrid
from defocus.align.photometry.linear_light import encoded
from defocus.align.sampling.kernels import SUPPORT, Kernel, gathered
from defocus.align.sampling.placement import Placement
from defocus.images import Image, as_linear, bit_depth

__all__ = ["Resampling", "inside_frame", "resampled", "resampled_light"]

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Finish = Callable[[Array], Array]

STRIP_PIXELS = 1 << 18
THREADS = 2
SLACK = 1e-6
"""The identity must keep its own border."""


@dataclass(frozen=True)
class Resampling:
    """Positions of the sharp picture that a release reads, and the kernel, wider if it shrinks."""

    placement: Placement
    grid: ReleaseGrid  # the pixels of the release
    kernel: Kernel

    def zoom(self) -> float:
        """Pixels of the sharp picture per pixel of the blurry one, at the release's centre."""
        crop = self.grid.crop
        return self.placement.zoom((2 * crop.top + crop.height, 2 * crop.left + crop.width))

    def widening(self) -> float:
        """Pixels of the sharp picture under one of the release, at least 1."""
        return max(1.0, self.zoom() / self.grid.scale)


def resampled(
    picture: Image, how: Resampling, finish: Finish | None = None, *, strip: int = STRIP_PIXELS
) -> Image:
    """The sharp picture as released; ``finish`` gets ``(h, w, 3)`` linear light in strips."""
    result = np.empty((*how.grid.shape, 3), picture.dtype)
    bits = bit_depth(picture)

    def fill(rows: slice) -> None:
        light = _light(picture, how, rows)
        result[rows] = encoded(light if finish is None else finish(light), bits)

    _in_strips(how.grid, strip, fill)
    return result


def resampled_light(picture: Image, how: Resampling, *, strip: int = STRIP_PIXELS) -> Array:
    """The result as linear light, ``(h, w, 3)`` float32, not clipped at 1."""
    result = np.empty((*how.grid.shape, 3), np.float32)

    def fill(rows: slice) -> None:
        result[rows] = _light(picture, how, rows)

    _in_strips(how.grid, strip, fill)
    return result


def inside_frame(placement: Placement, grid: ReleaseGrid, size: tuple[int, ...]) -> Mask:
    """``(h, w)``: True where the sharp picture covers the release grid."""
    height, width = size[:2]
    columns, rows = grid.columns(), grid.rows()
    result = np.empty(grid.shape, bool)
    for part in _strips(grid, STRIP_PIXELS):
        x, y = placement(columns, rows[part])
        result[part] = (x >= -SLACK) & (x <= width - 1 + SLACK)
        result[part] &= (y >= -SLACK) & (y <= height - 1 + SLACK)
    return result


def _strips(grid: ReleaseGrid, pixels: int) -> Iterator[slice]:
    height, width = grid.shape
    # rows of the release that read about as many pixels of the sharp picture
    step = max(1, int(pixels * grid.scale**2 / width))
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


def _in_strips(grid: ReleaseGrid, pixels: int, work: Callable[[slice], None]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(work, _strips(grid, pixels)):
            pass


def _light(picture: Image, how: Resampling, rows: slice) -> Array:
    """Linear light of some rows of the release; negative overshoot is clipped."""
    x, y = how.placement(how.grid.columns(), how.grid.rows()[rows])
    widening = how.widening()
    reach = int(SUPPORT[how.kernel] * widening) + 2
    height = picture.shape[0]
    first = min(max(int(min(max(y.min(), 0.0), height)) - reach, 0), height - 1)
    last = min(max(int(min(max(y.max(), 0.0), height)) + reach + 1, first + 1), height)
    source = as_linear(picture[first:last])
    return np.maximum(gathered(source, (x, y - first), how.kernel, widening), np.float32(0.0))
