"""What a lens makes of the printed chart, fast enough to be fitted.

The transfer function of a pupil's rays, times that of diffraction: smooth in every number of the
lens, where :mod:`defocus.optics.lens.rays` counts rays in cells.
"""

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from defocus.charts.lens.probes import ChartProbe
from defocus.optics.lens.prescription import BANDS_UM, RealLens
from defocus.optics.lens.pupil import Pupil
from defocus.optics.lens.rays import landings

__all__ = ["displacements", "explained", "left_over"]

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

SIDE = 48
FINENESS = 2
GREEN = 1


def _transfer(
    lens: RealLens, diameter_px: float, field: tuple[float, float], size: tuple[int, int]
) -> Complex:
    """Transfer functions of red, green and blue at the frequencies of a picture.

    The centroid of green is at 0.

    Args:
        lens: The lens.
        diameter_px: Signed circle-of-confusion diameter, px.
        field: Place in the picture.
        size: Rows and columns, px.

    Returns:
        ``(3, rows, columns / 2 + 1)``.
    """
    pupil = Pupil(lens, field)
    axial = (lens.axial_colour_um[0], 0.0, lens.axial_colour_um[1])
    defocus = [pupil.defocus(diameter_px) - dz / (8.0 * lens.f_number**2) for dz in axial]
    lateral = [
        (um / lens.pixel_pitch_um * field[0], um / lens.pixel_pitch_um * field[1])
        for um in (lens.lateral_colour_um[0], 0.0, lens.lateral_colour_um[1])
    ]
    right, down = landings(pupil, defocus, lateral, SIDE)
    right, down = right - right[GREEN].mean(), down - down[GREEN].mean()
    rows, columns = _frequencies(size)
    tent = (np.sinc(rows / FINENESS) * np.sinc(columns / FINENESS)) ** 2
    frequency = np.hypot(rows, columns)
    return np.stack(
        [
            _spectrum(x, y, size) / tent * _diffraction(frequency * lens.f_number * unit)
            for x, y, unit in zip(
                right, down, (band[1] / lens.pixel_pitch_um for band in BANDS_UM), strict=True
            )
        ]
    )


def _spectrum(right: Floats, down: Floats, size: tuple[int, int]) -> Complex:
    """Spectrum of rays shared among the nearest four cells, up to half a cycle per pixel."""
    fine = size[0] * FINENESS, size[1] * FINENESS
    cells = np.zeros(fine[0] * fine[1])
    column, row = np.floor(right * FINENESS), np.floor(down * FINENESS)
    x, y = right * FINENESS - column, down * FINENESS - row
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = (x if dx else 1.0 - x) * (y if dy else 1.0 - y)
        index = ((row + dy) % fine[0]) * fine[1] + (column + dx) % fine[1]
        cells += np.bincount(index.astype(np.intp), share, len(cells))
    spectrum = scipy.fft.rfft2(cells.reshape(fine)) / len(right)
    half = size[0] // 2
    rows = np.r_[0 : size[0] - half, fine[0] - half : fine[0]]
    return np.asarray(spectrum[rows, : size[1] // 2 + 1])


def _diffraction(relative: Floats) -> Floats:
    """Transfer function of a round pupil at a frequency times λN."""
    f = np.clip(relative, 0.0, 1.0)
    return np.asarray(2.0 / np.pi * (np.arccos(f) - f * np.sqrt(1.0 - f * f)))


def explained(
    probe: ChartProbe, lens: RealLens, diameter_px: float, shift: tuple[float, float]
) -> Complex:
    """Spectrum of the probe as the lens shows it, ink 0 and paper 1, ``(3, rows, columns)``.

    Args:
        probe: The probe.
        lens: The lens.
        diameter_px: Signed circle-of-confusion diameter, px.
        shift: Place of green's centroid beside where the chart's geometry has it, px.
    """
    rows, columns = _frequencies(probe.size)
    moved = np.exp(-2j * np.pi * (columns * shift[0] + rows * shift[1]))
    return np.asarray(probe.printed * moved * _transfer(lens, diameter_px, probe.field, probe.size))


def left_over(probe: ChartProbe, spectrum: Complex) -> Floats:
    """What a lens cannot explain of a probe, whatever the light.

    Light of paper and ink are free in each colour.

    Args:
        probe: The probe.
        spectrum: What the lens makes of it, see :func:`explained`.

    Returns:
        ``(3, h w)``, relative to the difference of paper and ink.
    """
    light = _picture(probe, spectrum)
    seen = probe.seen.reshape(3, -1)
    seen = seen - seen.mean(axis=1, keepdims=True)
    gain = (seen * light).sum(axis=1, keepdims=True) / np.square(light).sum(axis=1, keepdims=True)
    return np.asarray(seen / gain - light)


def displacements(probe: ChartProbe, spectrum: Complex) -> Floats:
    """Change of the explained light per px to the right and down, ``(2, 3 h w)``."""
    rows, columns = _frequencies(probe.size)
    slopes = [_picture(probe, -2j * np.pi * one * spectrum).ravel() for one in (columns, rows)]
    return np.stack(slopes)


def _picture(probe: ChartProbe, spectrum: Complex) -> Floats:
    """``(3, h w)`` explained light less its mean in each colour."""
    cut = slice(probe.reach, -probe.reach)
    light = scipy.fft.irfft2(spectrum, probe.size)[:, cut, cut].reshape(3, -1)
    return np.asarray(light - light.mean(axis=1, keepdims=True))


def _frequencies(size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Cycles per pixel of rows and columns, for products with a spectrum."""
    return scipy.fft.fftfreq(size[0])[:, None], scipy.fft.rfftfreq(size[1])[None, :]
