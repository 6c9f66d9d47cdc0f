"""Read a chart: find it, fit its geometry, measure its parts."""

import math
from collections import Counter
from dataclasses import dataclass, replace
from itertools import starmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.edges.linear_light import grey_of
from defocus.extras.charts.measures.edge_summary import edge_json
from defocus.extras.charts.reading.blobs import dark_blobs
from defocus.extras.charts.reading.edges import ReadEdge, read_edges
from defocus.extras.charts.reading.frame import find_frame
from defocus.extras.charts.reading.geometry import ChartGeometry, fit_geometry
from defocus.extras.charts.reading.levels import paper_and_ink
from defocus.extras.charts.reading.lines import (
    ReadLine,
    line_words,
    lines_json,
    read_lines,
    read_sides,
)
from defocus.extras.charts.reading.patterns import (
    ReadLeaves,
    ReadStar,
    read_leaves,
    read_stars,
)
from defocus.extras.charts.reading.stored_light import StoredLight
from defocus.extras.charts.reading.tone import (
    KNOWN_LINEAR,
    STEPS_MM,
    ToneReading,
    read_tone,
)
from defocus.extras.charts.reading.whole_sheet import fit_whole_sheet
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, Sheet

Floats = NDArray[np.float64]

ENOUGH_PX = 3000
"""Longer side of the picture in which the chart is found."""
DISC_MTF50 = 0.7051
"""MTF50 of a disc times its diameter."""


def _edge_json(edge: ReadEdge) -> dict[str, Any]:
    return {
        "x_mm": edge.x,
        "y_mm": edge.y,
        "low_contrast": edge.low_contrast,
        "reason": edge.reason,
        **({} if edge.response is None else edge_json(edge.response)),
    }


def _star_json(star: ReadStar) -> dict[str, Any]:
    return {
        "x_mm": star.x,
        "y_mm": star.y,
        "reason": star.reason,
        "mtf50": star.mtf50,
        "turns_at": star.turns_at,
        "turn_reason": star.turn_reason,
    }


def _leaves_json(leaves: ReadLeaves) -> dict[str, Any]:
    texture = leaves.texture
    return {
        "x_mm": leaves.x,
        "y_mm": leaves.y,
        "reason": leaves.reason,
        "lost": None if texture is None else texture.lost,
        "invented": None if texture is None else texture.invention,
        "mtf50": None if texture is None else texture.kept.crossing(0.5),
    }


@dataclass(frozen=True)
class ChartReading:
    """Measurements of a picture of the chart; parts may not have been measurable."""

    sheet: Sheet
    geometry: ChartGeometry
    edges: tuple[ReadEdge, ...]
    stars: tuple[ReadStar, ...]
    leaves: tuple[ReadLeaves, ...]
    straight: tuple[ReadLine, ...]
    tone: ToneReading

    def mtf50s(self) -> Floats:
        """MTF50 of the measured edges, cycles per pixel."""
        responses = [edge.response for edge in self.edges if edge.response]
        return np.array([one.mtf50 for one in responses if one.mtf50])

    def by_column(self) -> list[tuple[float, int, float, float]]:
        """Middle in mm, edges, median MTF50, and its circle of confusion in px, left to right."""
        rows = []
        for left, right in self.sheet.columns:
            values = []
            for edge in self.edges:
                response = edge.response
                if response and response.mtf50 and left <= edge.x < right:
                    values.append(response.mtf50)
            if values:
                median = float(np.median(values))
                rows.append(
                    ((left + right) / 2, len(values), median, DISC_MTF50 / median)
                )
        return rows

    def blur_px(self, x: float) -> float | None:
        """Circle of confusion of the measured column next to a place in mm; None without any."""
        columns = self.by_column()
        return min(columns, key=lambda one: abs(one[0] - x))[3] if columns else None

    def blur_in_column(self, x: float) -> float:
        """Circle of confusion of the column next to a place in mm; NaN if it was not measured."""
        measured = {middle: blur for middle, _, _, blur in self.by_column()}
        middles = [(left + right) / 2 for left, right in self.sheet.columns]
        return measured.get(min(middles, key=lambda one: abs(one - x)), math.nan)

    def lines(self) -> list[str]:
        """The reading as text."""
        values = self.mtf50s()
        lines = [
            f"chart '{self.sheet.layout}', {self._geometry_words()}",
            f"{len(values)} of {len(self.edges)} edges measured",
            *self._why_not(),
            self.tone.line(),
        ]
        for middle, count, mtf50, blur in self.by_column():
            lines.append(
                f"  column at {middle:3.0f} mm: MTF50 {mtf50:.4f} cycles/px, as a circle of "
                f"confusion of {blur:.1f} px ({count} edge{'s' if count > 1 else ''})"
            )
        for star in self.stars:
            place = f"{star.x:.0f}, {star.y:.0f} mm"
            lines.append(f"  star at {place}: {_star_words(star)}")
        for leaves in self.leaves:
            place = f"{leaves.x:.0f}, {leaves.y:.0f} mm"
            lines.append(f"  leaves at {place}: {_leaves_words(leaves)}")
        return [*lines, *line_words(self.straight)]

    def _why_not(self) -> list[str]:
        """The reasons of the edges that were not measured, the most frequent first."""
        reasons = Counter(edge.reason for edge in self.edges if edge.reason)
        return [f"  {count} not: {reason}" for reason, count in reasons.most_common()]

    def _geometry_words(self) -> str:
        geometry = self.geometry
        scale = geometry.scale(WIDTH / 2, HEIGHT / 2)
        return (
            f"{geometry.dots} dots to {geometry.rms_px:.2f} px, {scale:.2f} px per mm of A3, "
            f"distortion {geometry.radial:+.2%}"
        )

    def to_json(self) -> dict[str, Any]:
        """The reading as JSON values."""
        return {
            "status": "found",
            "layout": self.sheet.layout,
            **self.tone.to_json(),
            "geometry": {
                "homography": self.geometry.homography.tolist(),
                "radial": self.geometry.radial,
                "rms_px": self.geometry.rms_px,
                "dots": self.geometry.dots,
            },
            "edges": list(map(_edge_json, self.edges)),
            "columns": list(starmap(_column_json, self.by_column())),
            "stars": list(map(_star_json, self.stars)),
            "leaves": list(map(_leaves_json, self.leaves)),
            **lines_json(self.straight),
        }


def _column_json(x: float, edges: int, mtf50: float, blur_px: float) -> dict[str, Any]:
    return {
        "x_mm": x,
        "edges": edges,
        "mtf50": mtf50,
        "blur_px": blur_px,
    }


def _star_words(star: ReadStar) -> str:
    if star.reason:
        return f"not measured: {star.reason}"
    if star.turn_reason:
        return f"first turn of the phase unknown: {star.turn_reason}"
    at = "nowhere" if star.turns_at is None else f"at {star.turns_at:.3f} cycles/px"
    return f"phase turns {at}"


def _leaves_words(leaves: ReadLeaves) -> str:
    if leaves.texture is None:
        return f"not measured: {leaves.reason}"
    return f"texture lost {leaves.texture.lost:z.0%}, invented {leaves.texture.invention:z.0%}"


def read_chart(light: Floats | StoredLight) -> ChartReading | None:
    """Find and measure the chart in linear light; None if there is none, or it is mirrored.

    A large stored picture is reduced to find it; only the fields of the chart are read whole."""
    found = _found(light)
    if found is None:
        return None
    sheet, geometry = found
    reading, light = _edges_and_tone(light, sheet, geometry)
    white, black = paper_and_ink(light, sheet, geometry)
    blurs_px = np.array([reading.blur_in_column(dot.x) for dot in sheet.dots])
    sides = read_sides(sheet, geometry, blurs_px)
    of_ink = (light, sheet, geometry, white, black)
    return replace(
        reading,
        stars=tuple(read_stars(light, sheet, geometry, black, reading.edges)),
        leaves=tuple(read_leaves(*of_ink)),
        straight=(*sides, *read_lines(*of_ink)),
    )


def _edges_and_tone(
    light: Floats | StoredLight,
    sheet: Sheet,
    geometry: ChartGeometry,
) -> tuple[ChartReading, Floats | StoredLight]:
    """A reading of the edges alone, and the light by the curve that the grey steps show."""
    edges = tuple(read_edges(light, sheet, geometry))
    reading = ChartReading(
        sheet,
        geometry,
        edges,
        (),
        (),
        (),
        KNOWN_LINEAR,
    )
    if not isinstance(light, StoredLight):
        return reading, light
    tone = read_tone(light, sheet, geometry, reading.blur_px(STEPS_MM))
    if tone.fitted is not None:
        light = tone.light(light)
        edges = tuple(read_edges(light, sheet, geometry))
    return replace(reading, edges=edges, tone=tone), light


def _found(light: Floats | StoredLight) -> tuple[Sheet, ChartGeometry] | None:
    """The sheet that is photographed, and where it is in the picture at full size."""
    factor = 1
    seen = light
    if isinstance(light, StoredLight):
        factor = math.ceil(max(light.shape[:2]) / ENOUGH_PX)
        seen = light.reduced(factor)
    grey = grey_of(seen[:])
    frame = find_frame(grey, dark_blobs(grey))
    if frame is None:
        return None
    dots = fit_geometry(grey, frame.sheet.dots, frame.homography)
    geometry = fit_whole_sheet(grey, frame.sheet, dots)
    return frame.sheet, geometry.enlarged(factor)
