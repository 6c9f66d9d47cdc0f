"""Border conditions, and the transform that turns convolution into a product."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from defocus.baselines.operators.row_kernels import mirrored_adjoint, mirrored_gradient

Array: TypeAlias = NDArray[np.floating[Any]]
Spectrum: TypeAlias = NDArray[Any]


def in_precision(transfer: Spectrum, values: Array) -> Spectrum:
    """A transfer at the precision that transforms of these values have."""
    if values.dtype != np.float32:
        return transfer
    kind = np.complex64 if np.iscomplexobj(transfer) else np.float32
    return transfer.astype(kind, copy=False)


class Domain(Protocol):
    """A picture's size and what lies beyond its edges; arrays are ``(H, W)``."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""

    def forward(self, values: Array, *, spent: bool = False) -> Spectrum:
        """The transform of values, which may be overwritten where they are spent."""

    def inverse(self, spectrum: Spectrum) -> Array:
        """The values of a transform, which may be overwritten."""

    def transfer(self, psf: Array) -> Spectrum:
        """Transfer function of an odd-sized kernel: convolution multiplies a transform by it."""

    def roughness(self) -> Array:
        """|D|² of :meth:`gradient` D: D and then its adjoint multiply a transform by it."""

    def gradient(self, values: Array) -> tuple[Array, Array]:
        """Differences to the next pixel on the right and to that below."""

    def adjoint(self, right: Array, below: Array) -> Array:
        """The adjoint of :meth:`gradient`."""


@dataclass(frozen=True)
class Mirrored:
    """The picture mirrored at its edges; kernels must be symmetric in x and in y."""

    # With each border pixel repeated a picture is periodic without a seam; for such kernels its
    # transform is the cosine transform: real, without padding.

    shape: tuple[int, int]

    def forward(self, values: Array, *, spent: bool = False) -> Spectrum:
        """See :class:`Domain`."""
        return np.asarray(fft.dctn(values, overwrite_x=spent))

    def inverse(self, spectrum: Spectrum) -> Array:
        """See :class:`Domain`."""
        return np.asarray(fft.idctn(spectrum, overwrite_x=True))

    def transfer(self, psf: Array) -> Spectrum:
        """See :class:`Domain`; ValueError if the kernel is not symmetric."""
        upside_down = psf[::-1]
        reversed_ = psf[:, ::-1]
        if not (np.allclose(psf, upside_down) and np.allclose(psf, reversed_)):
            raise ValueError(
                "a kernel that is not symmetric in x and y has no cosine transform"
            )
        height, width = self.shape
        rows = _cosines(height, psf.shape[0])
        columns = _cosines(width, psf.shape[1])
        return np.asarray(rows.T @ psf @ columns)

    def roughness(self) -> Array:
        """See :class:`Domain`."""
        height, width = self.shape
        down = np.pi * np.arange(height) / height
        across = np.pi * np.arange(width) / width
        return _squared_differences(down, across)

    def gradient(self, values: Array) -> tuple[Array, Array]:
        """See :class:`Domain`; beyond the last pixel is its mirror image, hence 0."""
        right, below = mirrored_gradient(values)
        return right, below

    def adjoint(self, right: Array, below: Array) -> Array:
        """See :class:`Domain`."""
        return np.asarray(mirrored_adjoint(right, below))


@dataclass(frozen=True)
class Periodic:
    """The picture repeats itself; kernels may have any shape."""

    shape: tuple[int, int]

    def forward(self, values: Array, *, spent: bool = False) -> Spectrum:
        """See :class:`Domain`."""
        rows = fft.rfft(values, overwrite_x=spent)
        return np.asarray(fft.fft(rows, axis=-2, overwrite_x=True))

    def inverse(self, spectrum: Spectrum) -> Array:
        """See :class:`Domain`."""
        # axis by axis in the same memory: irfft2 copies the spectrum and takes half as long again
        columns = fft.ifft(spectrum, axis=-2, overwrite_x=True)
        return np.asarray(fft.irfft(columns, self.shape[1], overwrite_x=True))

    def transfer(self, psf: Array) -> Spectrum:
        """See :class:`Domain`; a larger kernel is wrapped, a float32 one keeps its precision."""
        height, width = self.shape
        kind: Any = np.complex64 if psf.dtype == np.float32 else np.complex128
        tall, wide = psf.shape
        rows = _phases(height, tall, height).astype(kind, copy=False)
        kept = width // 2 + 1
        columns = _phases(width, wide, kept).astype(kind, copy=False)
        by_column = psf.astype(kind) @ columns
        return np.asarray(rows.T @ by_column)

    def roughness(self) -> Array:
        """See :class:`Domain`."""
        height, width = self.shape
        down = 2 * np.pi * np.arange(height) / height
        across = 2 * np.pi * np.arange(width // 2 + 1) / width
        return _squared_differences(down, across)

    def gradient(self, values: Array) -> tuple[Array, Array]:
        """See :class:`Domain`."""
        to_the_right = np.roll(values, -1, 1)
        below = np.roll(values, -1, 0)
        return to_the_right - values, below - values

    def adjoint(self, right: Array, below: Array) -> Array:
        """See :class:`Domain`."""
        from_left = np.roll(right, 1, 1)
        from_above = np.roll(below, 1, 0)
        return from_left - right + from_above - below


def _squared_differences(down: Array, across: Array) -> Array:
    """|D|² of differences between neighbours at these angles per pixel: 2 - 2 cos, each way."""
    rows = 2 - 2 * np.cos(down)
    columns = 2 - 2 * np.cos(across)
    return np.asarray(rows[:, None] + columns[None, :])


def _cosines(size: int, taps: int) -> NDArray[np.float64]:
    """``(taps, size)``: what a shift by each tap does to each frequency of the mirrored picture."""
    offsets = np.arange(taps) - taps // 2
    frequencies = np.arange(size)
    angles = np.pi * offsets[:, None] * frequencies[None, :] / size
    return np.asarray(np.cos(angles))


def _phases(size: int, taps: int, kept: int) -> NDArray[np.complex128]:
    """``(taps, kept)``: what a shift by each tap does to the first frequencies of ``size``."""
    offsets = np.arange(taps) - taps // 2
    frequencies = np.arange(kept)
    places = offsets[:, None] * frequencies[None, :]
    turns = places % size / size
    return np.asarray(np.exp(-2j * np.pi * turns))


SATURATED = 0.98
"""sRGB value of any channel from which a pixel may have been clipped."""


def fade_to_blurry(
    restored: NDArray[np.float32],
    blurry: Array,
    diameter_px: Array,
) -> NDArray[np.float32]:
    """Keep the blurry picture at saturated pixels, and mix it in around them."""
    # From one diameter of the circle of confusion away on, all is restored.
    clipped = np.asarray((blurry >= SATURATED).any(axis=2))
    if not clipped.any():
        return restored
    unclipped = np.asarray(~clipped, np.uint8)
    distance = cv2.distanceTransform(unclipped, cv2.DIST_L2, 5)
    diameters = distance / np.maximum(diameter_px, 1)
    share = np.clip(diameters, 0, 1).astype(np.float32)
    change = restored - blurry
    faded = blurry + share[:, :, None] * change
    return np.asarray(faded, dtype=np.float32)
