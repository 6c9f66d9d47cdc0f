"""What a lens makes of the printed chart, fast enough to be fitted: smooth in all its numbers.

:mod:`defocus.scene.colour_psf` counts rays in cells."""

import math

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from defocus.extras.charts.lens.probes import ChartProbe
from defocus.scene.colour_psf import (
    colour_defocus,
    colour_shifts,
    greatest_slopes,
    landings,
    pupil_grid,
    wave_frame,
    wave_light,
    wave_samples,
)
from defocus.scene.real_lens import BANDS_UM, Pupil, RealLens

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

SIDE = 48
FINENESS = 2
GREEN = 1


def _transfer(
    lens: RealLens,
    diameter_px: float,
    field: tuple[float, float],
    size: tuple[int, int],
    *,
    waves: bool,
) -> Complex:
    """``(3, rows, columns / 2 + 1)`` transfer functions, with green's centroid at 0."""
    pupil = Pupil(lens, field)
    defocus = colour_defocus(pupil, diameter_px)
    lateral = colour_shifts(pupil)
    transfer = _of_waves(pupil, defocus, lateral, size) if waves else None
    return _of_rays(pupil, defocus, lateral, size) if transfer is None else transfer


def _of_waves(
    pupil: Pupil,
    defocus: list[list[float]],
    lateral: list[tuple[float, float]],
    size: tuple[int, int],
) -> Complex | None:
    """Transfer functions by wave optics; None where rays suffice."""
    lens = pupil.lens
    most, usual = greatest_slopes(pupil, [band[1] for band in defocus])
    samples = wave_samples(lens, most, usual)
    if samples is None:
        return None
    unit = lens.f_number / lens.pixel_pitch_um
    farthest = max(math.hypot(*shift) for shift in lateral)
    radius = 2.0 * unit * most + farthest
    bands = []
    for wavelengths_um, of_colour in zip(BANDS_UM, defocus, strict=True):
        bands.append(list(zip(wavelengths_um, of_colour, strict=True)))
    light, places = _wave_kernels(pupil, lateral, lens, radius, bands, samples)
    return _transformed(light, places, size)


def _transformed(light: Floats, places: Floats, size: tuple[int, int]) -> Complex:
    """Fourier transforms of kernels by their definition, with green's centroid at 0."""
    green = light[GREEN]
    x = green.sum(axis=0) @ places
    y = green.sum(axis=1) @ places
    rows, columns = _frequencies(size)
    down = np.exp(-2j * np.pi * rows * (places - y))
    across = np.exp(-2j * np.pi * columns.T * (places - x))
    return np.asarray(down @ light @ across.T)


def _wave_kernels(
    pupil: Pupil,
    lateral: list[tuple[float, float]],
    lens: RealLens,
    radius: float,
    bands: list[list[tuple[float, float]]],
    samples: int,
) -> tuple[Floats, Floats]:
    """Kernels of the colours, each of sum 1, and the places of their cells."""
    _, places = wave_frame(lens, radius)
    light = wave_light(pupil, bands, lateral, places, samples)
    light /= light.sum(axis=(1, 2), keepdims=True)
    return light, places


def _of_rays(
    pupil: Pupil,
    defocus: list[list[float]],
    lateral: list[tuple[float, float]],
    size: tuple[int, int],
) -> Complex:
    """Transfer functions of the rays, times those of diffraction."""
    rays, light = _rays(pupil)
    right, down = landings(pupil, rays, [band[1] for band in defocus], lateral)
    right = right - right[GREEN] @ light
    down = down - down[GREEN] @ light
    rows, columns = _frequencies(size)
    lens = pupil.lens
    frequency = np.hypot(rows, columns) * lens.f_number
    tent = _tent(rows, columns)
    responses = []
    for x, y, (_, middle_um, *_) in zip(right, down, BANDS_UM, strict=True):
        of_rays = _spectrum(x, y, light, size) / tent
        relative = frequency * (middle_um / lens.pixel_pitch_um)
        responses.append(of_rays * _diffraction(relative))
    return np.stack(responses)


def _tent(rows: Floats, columns: Floats) -> Floats:
    """What sharing light among the nearest four cells multiplies a spectrum by."""
    box = np.sinc(rows / FINENESS) * np.sinc(columns / FINENESS)
    return np.asarray(box**2)


def _rays(pupil: Pupil) -> tuple[tuple[Floats, Floats], Floats]:
    """Places of rays in the pupil and their shares, which fall to 0 smoothly across the edge."""
    x, y = np.array(pupil_grid(SIDE)) * (1.0 + 1.0 / SIDE)
    across_edge = pupil.depth(x, y) * SIDE / 2 + 0.5
    light = np.clip(across_edge, 0.0, 1.0)
    lit = light > 0.0
    inside = light[lit]
    shares = inside / inside.sum()
    return (x[lit], y[lit]), shares


def _spectrum(
    right: Floats,
    down: Floats,
    light: Floats,
    size: tuple[int, int],
) -> Complex:
    """Spectrum of rays shared among the nearest four cells, up to half a cycle per pixel."""
    height, width = size
    fine = height * FINENESS, width * FINENESS
    cells = _cells(right, down, light, fine)
    spectrum = scipy.fft.rfft2(cells.reshape(fine))
    half = height // 2
    rows = np.r_[0 : height - half, fine[0] - half : fine[0]]
    return np.asarray(spectrum[rows, : width // 2 + 1])


def _cells(
    right: Floats,
    down: Floats,
    light: Floats,
    fine: tuple[int, int],
) -> Floats:
    """Light of the rays in each cell, shared among the nearest four."""
    rows, columns = fine
    cells = np.zeros(rows * columns)
    column = np.floor(right * FINENESS)
    row = np.floor(down * FINENESS)
    x = right * FINENESS - column
    y = down * FINENESS - row
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share_x = x if dx else 1.0 - x
        share_y = y if dy else 1.0 - y
        first_in_row = ((row + dy) % rows) * columns
        index = first_in_row + (column + dx) % columns
        share = light * share_x * share_y
        cells += np.bincount(index.astype(np.intp), share, len(cells))
    return cells


def _diffraction(relative: Floats) -> Floats:
    """Transfer function of a round pupil at a frequency times λN."""
    f = np.clip(relative, 0.0, 1.0)
    overlap = np.arccos(f) - f * np.sqrt(1.0 - f * f)
    return np.asarray(2.0 / np.pi * overlap)


def explained(
    probe: ChartProbe,
    lens: RealLens,
    diameter_px: float,
    shift: tuple[float, float],
    *,
    waves: bool = False,
) -> Complex:
    """Spectrum of the probe as the lens shows it, ink 0 and paper 1, ``(3, rows, columns)``."""
    rows, columns = _frequencies(probe.size)
    right, down = shift
    moved = np.exp(-2j * np.pi * (columns * right + rows * down))
    transfer = _transfer(lens, diameter_px, probe.field, probe.size, waves=waves)
    return np.asarray(probe.printed * moved * transfer)


def left_over(probe: ChartProbe, spectrum: Complex) -> Floats:
    """Residual of a probe under a lens, relative to paper minus ink, whose light is fitted."""
    light = _picture(probe, spectrum)
    seen = probe.seen.reshape(3, -1)
    seen = seen - seen.mean(axis=1, keepdims=True)
    product = (seen * light).sum(axis=1, keepdims=True)
    square = np.square(light).sum(axis=1, keepdims=True)
    gain = product / square
    return np.asarray(seen / gain - light)


def displacements(probe: ChartProbe, spectrum: Complex) -> Floats:
    """Change of the explained light per px to the right and down, ``(2, 3 h w)``."""
    rows, columns = _frequencies(probe.size)
    by_right = -2j * np.pi * columns * spectrum
    by_down = -2j * np.pi * rows * spectrum
    right = _picture(probe, by_right)
    down = _picture(probe, by_down)
    return np.stack([right.ravel(), down.ravel()])


def _picture(probe: ChartProbe, spectrum: Complex) -> Floats:
    """``(3, h w)`` explained light less its mean in each colour."""
    cut = slice(probe.reach, -probe.reach)
    whole = scipy.fft.irfft2(spectrum, probe.size)
    light = whole[:, cut, cut].reshape(3, -1)
    return np.asarray(light - light.mean(axis=1, keepdims=True))


def _frequencies(size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Cycles per pixel of rows and columns, for products with a spectrum."""
    height, width = size
    rows = scipy.fft.fftfreq(height)
    columns = scipy.fft.rfftfreq(width)
    return rows[:, None], columns[None, :]
