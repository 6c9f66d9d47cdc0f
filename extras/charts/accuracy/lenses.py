"""How exact a lens is that was fitted to simulated photographs of the chart."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.extras.charts.lens.fit import fit_lens
from defocus.extras.charts.lens.probes import ChartShot
from defocus.extras.charts.lens.simulated import through_lens
from defocus.extras.charts.lens.summary import FittedLens, kernel_mtf50
from defocus.extras.charts.reading.read import read_chart
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, make_sheet
from defocus.extras.charts.sheet.raster import photographed
from defocus.scene.colour_psf import colour_psfs
from defocus.scene.drawn_lens import draw_lens
from defocus.scene.real_lens import RealLens

Floats = NDArray[np.float64]

PITCH_UM = 16.0
SIZE = (900, 640)
SHOTS = (9.0, 1.0, -8.0)
"""Circles of confusion of the photographs, px."""
CHECKED = (-11.0, -6.0, -4.0, 4.0, 6.0, 11.0)
"""Circles of confusion at which kernels are compared; none was photographed."""
PLACES = ((0.0, 0.0), (0.45, 0.2), (0.6, -0.5), (-0.78, 0.55))
LARGEST_SPREAD_PX = 1.2
"""Largest spread of a lens in focus, px. Worse lenses are drawn again, as in the training
stream."""
MARGIN = 6


@dataclass(frozen=True)
class LensError:
    """Errors of one fitted lens."""

    lens: RealLens
    kernels: Floats  # ``(diameters, places)`` relative L2 errors of the kernels of all colours
    mtf50: Floats  # ``(diameters, places)`` relative errors of green's MTF50


def usable_lens(random: np.random.Generator) -> RealLens:
    """A lens that is sharp in focus at all of the places."""
    while True:
        lens = draw_lens(random, PITCH_UM)
        spreads_px = []
        for place in PLACES:
            in_focus = colour_psfs(lens, 1.0, place)
            spreads_px.append(_spread(in_focus))
        if max(spreads_px) <= LARGEST_SPREAD_PX:
            return lens


def _spread(kernels: Floats) -> float:
    """Standard deviation of the light of the worst colour, px."""
    steps = np.arange(kernels.shape[-1]) - kernels.shape[-1] // 2
    square = steps[:, None] ** 2 + steps[None] ** 2
    return float(np.sqrt((kernels * square).sum(axis=(1, 2)).max() / 2))


def chart_through(lens: RealLens, diameters: tuple[float, ...]) -> Iterator[Floats]:
    """Photographs of a chart that fills the frame, slightly turned, ``(H, W, 3)`` linear light."""
    width, height = SIZE
    sheet = np.array([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)], np.float32)
    seen = np.array(
        [(6, 8), (width - 9, 5), (width - 6, height - 7), (8, height - 6)],
        np.float32,
    )
    homography = np.asarray(cv2.getPerspectiveTransform(sheet, seen), np.float64)
    sharp = photographed(make_sheet(), homography, width, height)
    for number, diameter in enumerate(diameters):
        yield through_lens(sharp, lens, diameter, seed=number)


def kernel_error(true: Floats, estimate: Floats) -> float:
    """Relative L2 error of ``(3, K, K)`` kernels without their place, which no chart shows."""
    size = max(true.shape[-1], estimate.shape[-1]) + 2 * MARGIN
    wanted = _framed(true, size)
    given = _framed(estimate, size)
    rows, columns = _frequencies(size)
    spectrum = np.fft.rfft2(given)
    x, y = _centroid(wanted[1]) - _centroid(given[1])
    error = np.inf
    for _ in range(3):
        moved = spectrum * np.exp(-2j * np.pi * (columns * x + rows * y))
        rest = wanted - np.fft.irfft2(moved, (size, size))
        error = min(error, float(np.linalg.norm(rest) / np.linalg.norm(wanted)))
        x, y = _closer(columns, moved, size, rows, rest, x, y)
    return error


def _frequencies(size: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Frequencies of the rows and columns of a half spectrum, cycles per pixel."""
    return np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]


def _closer(
    columns: NDArray[Any],
    moved: NDArray[np.complex128],
    size: int,
    rows: NDArray[Any],
    rest: Floats,
    x: float,
    y: float,
) -> tuple[float, float]:
    """The place after a step of Gauss and Newton."""
    across = np.fft.irfft2(-2j * np.pi * columns * moved, (size, size)).ravel()
    down = np.fft.irfft2(-2j * np.pi * rows * moved, (size, size)).ravel()
    slopes = np.stack([across, down])
    step = np.linalg.solve(slopes @ slopes.T, slopes @ rest.ravel())
    x = x + step[0]
    y = y + step[1]
    return x, y


def _framed(kernels: Floats, size: int) -> Floats:
    border = (size - kernels.shape[-1]) // 2
    return np.pad(kernels, ((0, 0), (border, border), (border, border)))


def _centroid(kernel: Floats) -> Floats:
    steps = np.arange(len(kernel))
    return np.array([kernel.sum(axis=0) @ steps, kernel.sum(axis=1) @ steps])


def fitted_to_chart(lens: RealLens) -> FittedLens:
    """A lens measured with simulated photographs of the chart."""
    shots = []
    for light in chart_through(lens, SHOTS):
        reading = read_chart(light)
        if reading is None:
            raise ImageError("the simulated chart is not found")
        shots.append(ChartShot(light, reading, lens.f_number))
    return fit_lens(shots, lens.pixel_pitch_um, lens.open_f_number)


def lens_errors(seeds: range) -> Iterator[LensError]:
    """Simulate, fit and compare lenses, one per seed."""
    for seed in seeds:
        lens = usable_lens(np.random.default_rng(seed))
        estimate = replace(fitted_to_chart(lens).lens, f_number=lens.f_number)
        kernels = []
        mtf50 = []
        for diameter in CHECKED:
            for place in PLACES:
                true = (lens, diameter, place)
                fitted = (estimate, diameter, place)
                kernels.append(kernel_error(colour_psfs(*true), colour_psfs(*fitted)))
                mtf50.append(kernel_mtf50(*fitted) / kernel_mtf50(*true) - 1.0)
        shape = (len(CHECKED), len(PLACES))
        kernel_errors = np.array(kernels).reshape(shape)
        yield LensError(lens, kernel_errors, np.array(mtf50).reshape(shape))


def lens_table(seeds: range) -> str:
    """The errors as a Markdown table, a row per lens."""
    lines = [
        "| lens | f-number (open) | kernels: middle | mean | worst | MTF50: mean | worst |",
        "|---|---|---|---|---|---|---|",
    ]
    for seed, one in zip(seeds, lens_errors(seeds), strict=True):
        mtf50 = np.abs(one.mtf50)
        lines.append(
            f"| {seed} | {one.lens.f_number:.1f} ({one.lens.open_f_number:.1f}) | "
            f"{one.kernels[:, 0].mean():.1%} | "
            f"{one.kernels.mean():.1%} | {one.kernels.max():.1%} | {mtf50.mean():.1%} | "
            f"{mtf50.max():.1%} |"
        )
    return "\n".join(lines)
