"""Straightness of lines that are straight, in blurred charts with noise."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.extras.charts.accuracy.known_places import sharp_chart
from defocus.extras.charts.reading.geometry import ChartGeometry
from defocus.extras.charts.reading.lines import lines_json, read_lines
from defocus.extras.charts.sheet.layout import make_sheet
from defocus.extras.charts.sheet.raster import INK_LIGHT, PAPER_LIGHT
from defocus.scene.aperture import disc_psf

Floats = NDArray[np.float64]

WIDTHS_PX, CIRCLES_PX, NOISES = (900, 1680, 6000), (1.5, 4, 8, 12, 24), (0.002, 0.01)


def line_table() -> str:
    """Measures whose truth is 0, as a Markdown table."""
    kinds = "lines, {0} noise | grid, {0} noise"
    columns = " | ".join(kinds.format(f"{noise:.1%}") for noise in NOISES)
    head = [
        f"| width, px | circle of confusion, px | {columns} |",
        f"|---|---|{'---|' * (2 * len(NOISES))}",
    ]
    for width in WIDTHS_PX:
        head += _rows(width)
    return "\n".join(head)


def _rows(width: int) -> Iterator[str]:
    sharp, homography = sharp_chart(width)
    truth = ChartGeometry(homography, 0.0, sharp.shape[1], sharp.shape[0])
    for circle in CIRCLES_PX:
        kernel = disc_psf(circle)
        blurred = cv2.filter2D(sharp, -1, kernel, borderType=cv2.BORDER_REPLICATE)
        light = np.asarray(blurred, np.float64)
        cells: list[str] = []
        for noise in NOISES:
            cells += _cells(light, truth, noise)
        yield f"| {width} | {circle:g} | {' | '.join(cells)} |"


def _cells(blurred: Floats, truth: ChartGeometry, noise: float) -> Iterator[str]:
    """How many of all lines are measured, and their RMS deviation, px: lines, then the grid."""
    random = np.random.default_rng(0)
    grain = noise * random.standard_normal(blurred.shape)
    grey = blurred + grain
    light = np.repeat(grey[..., None], 3, axis=2)
    lines = list(read_lines(light, make_sheet(), truth, PAPER_LIGHT, INK_LIGHT))
    for kind in ("line", "grid"):
        one = lines_json(lines)["straightness"][kind]
        size = "" if one["rms_px"] is None else f", {one['rms_px']:.3f} px"
        yield f"{one['measured']} of {one['printed']}{size}"
