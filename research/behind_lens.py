"""Photographs behind a lens that is out of focus by one diameter, convolved as spectra."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import fft, special

from defocus.scene.aperture import ROUND, Aperture, aperture_psf
from research.light import Array, single

MARGIN_PX = 64
"""Width of the mirrored margin around a picture, px: the radius of the largest blur, 128 px."""
SMALLEST_KERNEL_PX = 2.0
"""Diameter, px, below which a blur is a disc, whatever the aperture: kernels of pixels do not show
its corners."""


@dataclass(frozen=True)
class LensScene:
    """Linear light ``(H, W, C)`` that is seen through a lens, at any diameter."""

    light: Array

    def blurred(self, diameter_px: float, aperture: Aperture = ROUND) -> Array:
        """The light behind a circle of confusion, ``(H, W, C)`` in [0, 1]."""
        size = self._padded
        transfer = _transfer(diameter_px, aperture, size)
        height, width = self.light.shape[:2]
        spectrum = self._spectrum * transfer[:, :, None]
        light = fft.irfft2(spectrum, size, axes=(0, 1))
        inside = light[MARGIN_PX:, MARGIN_PX:]
        inside = inside[:height, :width]
        return single(np.clip(inside, 0, 1))

    @property
    def _padded(self) -> tuple[int, int]:
        height, width = self.light.shape[:2]
        rows = fft.next_fast_len(height + 2 * MARGIN_PX, real=True)
        columns = fft.next_fast_len(width + 2 * MARGIN_PX, real=True)
        return rows, columns

    @cached_property
    def _spectrum(self) -> NDArray[np.complex64]:
        height, width = self.light.shape[:2]
        rows, columns = self._padded
        above_below = (MARGIN_PX, rows - height - MARGIN_PX)
        left_right = (MARGIN_PX, columns - width - MARGIN_PX)
        margins = (above_below, left_right, (0, 0))
        wide = np.pad(self.light, margins, mode="symmetric")
        spectrum = fft.rfft2(wide, axes=(0, 1))
        return np.asarray(spectrum, np.complex64)


def _transfer(
    diameter_px: float,
    aperture: Aperture,
    size: tuple[int, int],
) -> NDArray[np.complex64]:
    if aperture == ROUND or diameter_px < SMALLEST_KERNEL_PX:
        return disc_transfer(diameter_px, size).astype(np.complex64)
    return _kernel_transfer(diameter_px, aperture, size)


def disc_transfer(diameter_px: float, size: tuple[int, int]) -> Array:
    """The transfer function of a uniform disc of any diameter: 2 J1(pi d f) / (pi d f)."""
    rows, columns = size
    down = fft.fftfreq(rows)[:, None]
    across = fft.rfftfreq(columns)[None, :]
    frequency = np.hypot(down, across)
    argument = np.pi * diameter_px * frequency
    transfer = np.ones_like(argument)
    light = 2 * special.j1(argument)
    np.divide(light, argument, out=transfer, where=argument > 0)
    return single(transfer)


def _kernel_transfer(
    diameter_px: float,
    aperture: Aperture,
    size: tuple[int, int],
) -> NDArray[np.complex64]:
    """The transfer function of an aperture whose centre is at the first pixel."""
    kernel = aperture_psf(diameter_px, aperture)
    side = len(kernel)
    middle = side // 2
    wide = np.zeros(size, np.float32)
    wide[:side, :side] = kernel
    centred = np.roll(wide, (-middle, -middle), axis=(0, 1))
    return np.asarray(fft.rfft2(centred), np.complex64)
