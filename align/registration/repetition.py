"""Detection of repeating textures, for which the shift is ambiguous."""

import math

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

__all__ = ["repeats"]

Grey = NDArray[np.float32]
Surface = NDArray[np.float64]

BAND = 0.12
"""Standard deviation of the Gaussian that weights the frequencies, cycles per pixel."""
PEAK_EDGE = 0.5
"""Share of the correlation at rest above which a shift still belongs to the peak there."""
LEAST_OVERLAP = 0.25
"""Overlap of the windows, 1 at rest, from which a shift is judged: 0.4 of a side and less."""
LEAST_PEAK = 0.7
"""Height of a second peak over that of the best; photographs reach 0.55."""
CLEARLY_WORSE = 4.0
"""Mean squared difference under the second shift over that under the best one that tells them
apart: equal bricks have 1.3, with greys that scatter by 1 % of white (noise 0.4 %) 3, by 2 % 5."""


def repeats(
    first: Grey,
    second: Grey,
    moved: tuple[float, float] = (0.0, 0.0),
    largest: float = math.inf,
) -> bool:
    """Whether two registered pictures are nearly as similar under a second, different shift.

    Gradients of the whole frames are correlated, normalised by the overlap of the windows. The area
    connected with the central peak above half its height belongs to that peak. The highest other
    peak is a repetition unless the pictures clearly differ more under its shift.

    Args:
        first: ``(H, W)``, the first picture.
        second: Same shape, the other picture, registered onto the first and blurred alike.
        moved: By how much the registration moved it in x and y, px.
        largest: A second shift that makes this longer, px, is known not to be the true one.
    """
    surface = _correlation(first, second)
    row, column = (side // 2 for side in surface.shape)
    if math.isfinite(largest):
        down, across = np.ogrid[-row : surface.shape[0] - row, -column : surface.shape[1] - column]
        surface = np.where(np.hypot(across + moved[0], down + moved[1]) <= largest, surface, 0.0)
    top = surface[row - 1 : row + 2, column - 1 : column + 2].max()
    _, parts = cv2.connectedComponents((surface > PEAK_EDGE * top).astype(np.uint8))
    others = np.where(parts == parts[row, column], 0.0, surface)
    if top <= 0 or others.max() < LEAST_PEAK * top:
        return False
    y, x = np.unravel_index(int(others.argmax()), others.shape)
    dy, dx = _top(surface[y - 1 : y + 2, x]), _top(surface[y, x - 1 : x + 2])
    shift = float(x - column + dx), float(y - row + dy)
    return _difference(first, second, shift) < CLEARLY_WORSE * _difference(first, second, (0, 0))


def _correlation(first: Grey, second: Grey) -> Surface:
    """Correlation of gradients under each shift, with zero shift in the middle."""
    window = np.outer(*(np.hanning(side + 2)[1:-1] for side in first.shape)).astype(np.float32)
    size = tuple(scipy.fft.next_fast_len(round(1.5 * side), real=True) for side in first.shape)
    rows, columns = scipy.fft.fftfreq(size[0])[:, None], scipy.fft.rfftfreq(size[1])[None, :]
    squared = (rows**2 + columns**2).astype(np.float32)
    a, b = (scipy.fft.rfft2(_centred(picture) * window, s=size) for picture in (first, second))
    cross = np.conj(a) * b * squared * np.exp(-squared / (2 * BAND**2))
    surface = scipy.fft.irfft2(cross, s=size)
    overlap = np.outer(*(_overlaps(*sides) for sides in zip(first.shape, size, strict=True)))
    overlap = overlap.astype(np.float32)
    judged = np.where(overlap >= LEAST_OVERLAP, surface / np.maximum(overlap, LEAST_OVERLAP), 0.0)
    return np.asarray(scipy.fft.fftshift(judged), np.float64)


def _overlaps(side: int, size: int) -> Surface:
    """``(size,)``: overlap of the window of a side with itself under each shift, 1 at rest."""
    window = np.hanning(side + 2)[1:-1].astype(np.float32)
    overlap = scipy.fft.irfft(np.square(np.abs(scipy.fft.rfft(window, size))), size)
    return np.asarray(overlap / overlap[0])


def _centred(picture: Grey) -> Grey:
    return np.asarray(picture - picture.mean())


def _top(three: Surface) -> float:
    """Maximum of a parabola through three samples, relative to the middle one."""
    curvature = three[0] - 2 * three[1] + three[2]
    return float(np.clip((three[0] - three[2]) / (2 * curvature), -0.5, 0.5)) if curvature else 0.0


def _difference(first: Grey, second: Grey, shift: tuple[float, float]) -> float:
    """Mean squared difference over the common area, with the best contrast of the second."""
    height, width = first.shape
    x, y = shift
    matrix = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(second, matrix, (width, height), flags=flags)
    moved = np.asarray(warped, np.float32)
    left, above = (int(np.ceil(max(0.0, -way))) + 2 for way in shift)
    right, below = (int(np.ceil(max(0.0, way))) + 2 for way in shift)
    part = np.s_[above : height - below, left : width - right]
    a, b = _centred(first[part]), _centred(moved[part])
    contrast = float((a * b).sum()) / max(float((b * b).sum()), 1e-12)
    return float(np.square(a - np.float32(contrast) * b).mean())
