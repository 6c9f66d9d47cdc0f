"""What a system does to a simulated photograph of the chart, by circle of confusion."""

from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.charts.kept import ChartScore
from defocus.benchmark.charts.restorers import Restore
from defocus.charts.measures.edge import LUMINANCE
from defocus.charts.measures.straightness import Straightness, compare_edges
from defocus.charts.reading.characters import characters_read
from defocus.charts.reading.geometry import ChartGeometry
from defocus.charts.reading.measure import edge_regions, read_edges, read_leaves
from defocus.charts.sheet.layout import HEIGHT, WIDTH, Sheet, make_sheet
from defocus.charts.sheet.raster import INK_LIGHT, PAPER_LIGHT, photographed
from defocus.errors import ImageError
from defocus.images import linear_to_srgb, srgb_to_linear
from defocus.optics.psf import disc_psf

__all__ = ["ChartPhotographs", "chart_table", "edge_medians"]

Floats = NDArray[np.float64]

PX_PER_MM = 2.0
NOISE = 0.002


class ChartPhotographs:
    """A chart that fills the picture, through a lens whose PSF is a disc."""

    def __init__(self) -> None:
        """Draw the chart, once for all in this process."""
        self.sheet, self.geometry, self.sharp = _drawn()
        self._before: dict[float, float] = {}

    def blurred(self, diameter_px: float) -> NDArray[np.float32]:
        """The photograph at a circle of confusion, sRGB floats with a little noise."""
        noise = NOISE * np.random.default_rng(0).standard_normal(self.sharp.shape)
        light = cv2.filter2D(self.sharp, -1, disc_psf(diameter_px)) + noise
        return np.asarray(linear_to_srgb(np.clip(light, 0.0, 1.0)), np.float32)

    def scores(self, system: str, restore: Restore, diameter_px: float) -> ChartScore:
        """Restore the photograph and measure it."""
        blurry = self.blurred(diameter_px)
        given, made = (
            np.asarray(srgb_to_linear(np.clip(one, 0.0, 1.0)), np.float64)
            for one in (blurry, restore(blurry))
        )
        if diameter_px not in self._before:  # the same for every system
            self._before[diameter_px], _ = edge_medians(given, self.sheet, self.geometry)
        before = self._before[diameter_px]
        mtf50, overshoot = edge_medians(made, self.sheet, self.geometry)
        compared = [*self._compared(made)]
        textures = [
            one.texture
            for one in read_leaves(made, self.sheet, self.geometry, PAPER_LIGHT, INK_LIGHT)
        ]
        return ChartScore(
            system,
            diameter_px,
            mtf50,
            mtf50 / before,
            overshoot,
            float(np.median([abs(one.shift_px) for one in compared])),
            float(np.median([one.rms_px for one in compared])),
            float(np.mean([one.lost for one in textures])),
            float(np.mean([one.invention for one in textures])),
            characters_read(made, self.sheet, self.geometry),
        )

    def _compared(self, light: Floats) -> Iterator[Straightness]:
        """Edges against those of the sharp picture."""
        grey, sharp = (one @ np.asarray(LUMINANCE) for one in (light, self.sharp))
        for region in edge_regions(grey, self.sheet, self.geometry):
            try:
                yield compare_edges(grey[region], sharp[region])
            except ImageError:
                continue


@cache
def _drawn() -> tuple[Sheet, ChartGeometry, Floats]:
    """The chart, where it is in the picture, and the sharp picture, which nobody may write to."""
    sheet = make_sheet()
    size = round(WIDTH * PX_PER_MM), round(HEIGHT * PX_PER_MM)
    homography = np.diag([PX_PER_MM, PX_PER_MM, 1.0])
    sharp = photographed(sheet, homography, *size)
    sharp.flags.writeable = False
    return sheet, ChartGeometry(homography, 0.0, *size), sharp


def edge_medians(light: Floats, sheet: Sheet, geometry: ChartGeometry) -> tuple[float, float]:
    """Median MTF50 of a chart's edges (1 where it lies beyond) and overshoot.

    Args:
        light: ``(H, W, 3)`` linear light.
        sheet: The chart.
        geometry: Where it is.

    Raises:
        ImageError: No edge can be measured.
    """
    found = [edge.response for edge in read_edges(light, sheet, geometry) if edge.response]
    if not found:
        raise ImageError("no edge of the restored chart can be measured")
    mtf50 = np.median([1.0 if one.mtf50 is None else one.mtf50 for one in found])
    return float(mtf50), float(np.median([one.overshoot for one in found]))


def chart_table(scores: list[ChartScore]) -> str:
    """The scores as a Markdown table, by circle of confusion."""
    lines = [
        "| px | system | MTF50 | gain | overshoot | shift, px | bend, px | lost | made up | read |",
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {one.blur_px:g} | {one.system} | {one.mtf50:.3f} | {one.gain:.2f} | "
        f"{one.overshoot:.1%} | {one.shift_px:.2f} | {one.bend_px:.2f} | {one.lost:.0%} | "
        f"{one.invented:.0%} | {'' if one.characters is None else format(one.characters, '.0%')} |"
        for one in sorted(scores, key=lambda one: one.blur_px)
    ]
    return "\n".join(lines)
