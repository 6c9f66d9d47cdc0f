"""A fitted lens, what a file keeps of it, and what it makes of its photographs."""

from dataclasses import dataclass, replace

import numpy as np

from defocus.extras.charts.lens.probes import ChartShot, Floats
from defocus.scene.colour_psf import colour_psfs
from defocus.scene.lens_file import MeasuredLens, Recording
from defocus.scene.real_lens import RealLens

PLACES = (("middle", (0.0, 0.0)), ("side", (0.5, 0.0)), ("corner", (0.7, 0.55)))
"""Places of the field, 1 = corner."""
DIRECTIONS = 8
EDGES_BESIDE = 8
FREQUENCIES = np.linspace(0.0, 0.5, 201)


@dataclass(frozen=True)
class FittedLens:
    """A lens, fully open, with what is known of its exactness."""

    lens: RealLens
    numbers: dict[str, float]
    errors: dict[str, float]
    # which of the photographs were used, counted from 0: those out of focus
    used: tuple[int, ...]
    # in the middle, px; positive if focused nearer than the chart
    diameters: tuple[float, ...]
    f_numbers: tuple[float, ...]
    residual: float


def measured(fit: FittedLens, recording: Recording | None = None) -> MeasuredLens:
    """Content of a lens file: a fit, and how its photographs were recorded."""
    f_numbers = sorted(set(fit.f_numbers))
    return MeasuredLens(
        fit.lens,
        f_numbers,
        fit.errors,
        fit.residual,
        recording,
    )


def kernel_mtf50(
    lens: RealLens,
    diameter_px: float,
    field: tuple[float, float],
    colour: int = 1,
) -> float:
    """MTF50 of a lens, mean over directions, cycles per px; 0.5 if it is higher."""
    kernel = colour_psfs(lens, diameter_px, field)[colour]
    curve = _contrast(kernel)
    below = np.flatnonzero(curve < 0.5)
    if not len(below):
        return float(FREQUENCIES[-1])
    first = below[0]
    around = slice(first, first - 2, -1)
    return float(np.interp(0.5, curve[around], FREQUENCIES[around]))


def _contrast(kernel: Floats) -> Floats:
    """Contrast by frequency, mean over directions."""
    side = kernel.shape[0]
    steps = np.arange(side) - side // 2
    curve = np.zeros_like(FREQUENCIES)
    for angle in np.arange(DIRECTIONS) * np.pi / DIRECTIONS:
        across = np.cos(angle) * steps[None, :]
        down = np.sin(angle) * steps[:, None]
        place = (across + down).ravel()
        waves = np.exp(-2j * np.pi * FREQUENCIES[:, None] * place)
        contrast = np.abs(waves @ kernel.ravel())
        curve += contrast / DIRECTIONS
    return curve


def mtf50_by_place(fit: FittedLens, number: int) -> list[float]:
    """MTF50 of green in a used photograph at each of :data:`PLACES`, cycles per px."""
    lens = replace(fit.lens, f_number=fit.f_numbers[number])
    return [kernel_mtf50(lens, fit.diameters[number], place) for _, place in PLACES]


def edges_by_place(shot: ChartShot) -> list[float | None]:
    """Green's MTF50 of the eight edges near each of :data:`PLACES`, cycles per px; or None."""
    height, width = shot.light.shape[:2]
    middle = np.array([width - 1, height - 1]) / 2
    corner = np.hypot(width, height) / 2
    places, values = _edge_places(shot)
    if not places:
        return [None] * len(PLACES)
    at = shot.reading.geometry.to_picture(np.array(places))
    far = np.hypot(*(at - middle).T) / corner
    mtf50 = np.array(values)
    medians: list[float | None] = []
    for _, place in PLACES:
        off = np.abs(far - np.hypot(*place))
        nearest = np.argsort(off)[:EDGES_BESIDE]
        median = float(np.median(mtf50[nearest]))
        medians.append(median if np.isfinite(median) else None)
    return medians


def _edge_places(shot: ChartShot) -> tuple[list[tuple[float, float]], list[float]]:
    """Place on the sheet and green's MTF50 of each measured edge."""
    places = []
    values = []
    for edge in shot.reading.edges:
        if edge.response:
            places.append((edge.x, edge.y))
            values.append(edge.response.colour_mtf50["green"] or np.inf)
    return places, values
