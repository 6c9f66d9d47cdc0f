"""Texture of a picture against that of the known sharp one: kept, lost and invented.

Edges alone flatter networks, which favour steps; dead leaves have no step to guess."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.edges.edge import MtfCurve
from defocus.errors import ImageError

Array = NDArray[np.float64]

BANDS = 32
TILE_PX = 128
LEAST_PX = 32
DETAIL = (0.1, 0.4)
"""Frequencies that the summary averages, cycles per pixel."""


@dataclass(frozen=True)
class TextureResponse:
    """Spectra of a picture relative to the sharp one, in bands of frequency."""

    kept: MtfCurve
    power: MtfCurve  # square root of the ratio of the power, from whatever source
    invented: MtfCurve  # share of the picture's power that the sharp one does not explain, 0 to 1

    @property
    def lost(self) -> float:
        """Mean share of the detail that is missing, from 0.1 to 0.4 cycles per pixel."""
        return 1.0 - _mean(self.kept)

    @property
    def invention(self) -> float:
        """Mean share of the detail's power that is invented, from 0.1 to 0.4 cycles per pixel."""
        return _mean(self.invented)


def compare_texture(picture: Array, sharp: Array) -> TextureResponse:
    """Compare ``(H, W)`` linear light with the sharp one in the same place, to 0.1 px."""
    if picture.shape != sharp.shape or min(picture.shape) < LEAST_PX:
        raise ImageError(
            f"textures of {picture.shape[::-1]} and {sharp.shape[::-1]} px: give equal sizes from "
            f"{LEAST_PX} px"
        )
    side = min(TILE_PX, *picture.shape)
    hann = np.hanning(side + 2)[1:-1]
    window = np.outer(hann, hann)
    cross, own, truth = _spectra(picture, sharp, side, window)
    return _by_band(cross, own, truth)


def _spectra(
    picture: Array,
    sharp: Array,
    side: int,
    window: Array,
) -> tuple[NDArray[np.complex128], Array, Array]:
    """Cross spectrum, and both power spectra, summed over overlapping tiles."""
    cross = np.zeros((side, side), np.complex128)
    own = np.zeros((side, side))
    truth = np.zeros((side, side))
    for top in _starts(picture.shape[0], side):
        for left in _starts(picture.shape[1], side):
            part = (slice(top, top + side), slice(left, left + side))
            y = _spectrum(picture[part], window)
            x = _spectrum(sharp[part], window)
            cross += y * x.conj()
            own += np.abs(y) ** 2
            truth += np.abs(x) ** 2
    return cross, own, truth


def _starts(length: int, side: int) -> list[int]:
    """Starts of tiles that overlap by half and end at the border."""
    room = length - side
    count = max(math.ceil(2 * room / side), 0) + 1
    starts = np.linspace(0, room, count)
    return list(map(int, starts.round()))


def _spectrum(part: Array, window: Array) -> NDArray[np.complex128]:
    mean = float((part * window).sum() / window.sum())
    windowed = (part - mean) * window
    return np.asarray(np.fft.fft2(windowed))


def _by_band(
    cross: NDArray[np.complex128],
    own: Array,
    truth: Array,
) -> TextureResponse:
    """Averages over rings of the frequency plane."""
    ring = _Rings(len(cross))
    shared = np.hypot(ring.sums(cross.real), ring.sums(cross.imag))
    picture = ring.sums(own)
    sharp = ring.sums(truth).clip(1e-30)
    count = ring.sums(np.ones_like(ring.radius)).clip(1)
    frequencies = ring.sums(ring.radius) / count
    explained = shared**2 / (sharp * picture.clip(1e-30))
    return TextureResponse(
        MtfCurve(frequencies, shared / sharp),
        MtfCurve(frequencies, np.sqrt(picture / sharp)),
        MtfCurve(frequencies, np.clip(1.0 - explained, 0.0, 1.0)),
    )


class _Rings:
    """Rings of equal width about the centre of a frequency plane."""

    def __init__(self, side: int) -> None:
        steps = np.fft.fftfreq(side)
        self.radius = np.hypot(steps[:, None], steps[None, :])
        self.count = min(BANDS, side // 4)
        edges = np.linspace(1.5 / side, 0.5, self.count + 1)
        band = np.digitize(self.radius.ravel(), edges) - 1
        self.inside = (band >= 0) & (band < self.count)
        self.band = band[self.inside]

    def sums(self, values: Array) -> Array:
        """Sum of the values in each ring."""
        weights = values.ravel()[self.inside]
        sums = np.bincount(self.band, weights, self.count)
        return np.asarray(sums, np.float64)


def _mean(curve: MtfCurve) -> float:
    low, high = DETAIL
    chosen = (curve.frequencies >= low) & (curve.frequencies <= high)
    return float(curve.values[chosen].mean())
