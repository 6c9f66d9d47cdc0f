"""The test charts of a session: what each shows, and what changed since the first."""

import math
from dataclasses import dataclass

import numpy as np

from defocus.capture.sessions.state import SessionState
from defocus.extras.charts.drift import (
    ChartDrift,
    ChartMarks,
    MeasuredChange,
    chart_drift,
)
from defocus.extras.charts.shooting.session_lines import (
    FoundChart,
    SessionChart,
    session_charts,
)


@dataclass(frozen=True)
class DriftQuantity:
    """How a change is written: multiplied by ``per_unit``, with ``decimals``."""

    name: str
    unit: str
    per_unit: float
    decimals: int

    def number(self, change: MeasuredChange) -> str:
        """A change and its standard error, such as ``+12 ± 8``."""
        value = self.per_unit * change.value
        error = self.per_unit * change.error
        return f"{value:+.{self.decimals}f} ± {error:.{self.decimals}f}"

    def words(self, change: MeasuredChange) -> str:
        """A change in words."""
        doubt = "" if change.clear else " (within its error)"
        return f"{self.name} {self.number(change)} {self.unit}{doubt}"


QUANTITIES = (
    DriftQuantity("MTF50", "%", 100.0, 2),
    DriftQuantity("shift right", "px", 1.0, 3),
    DriftQuantity("shift down", "px", 1.0, 3),
    DriftQuantity("zoom", "ppm", 1e6, 0),
    DriftQuantity("rotation", "mdeg", 1e3 * 180 / math.pi, 1),
)
"""Quantities of :class:`~defocus.extras.charts.drift.ChartDrift`, in the order of its fields."""


@dataclass(frozen=True)
class ChartPoint:
    """A shot of the test chart, and its drift from the session's first like it."""

    chart: SessionChart
    # what was read; None if the chart was not found, or not read yet
    marks: ChartMarks | None
    first: SessionChart | None = (
        None  # by the same camera and aperture; None if this is it
    )
    drift: ChartDrift | None = None

    def line(self) -> str:
        """Name of the point and what it shows, in a line."""
        return f"{self.chart.id}  {self.words}"

    @property
    def words(self) -> str:
        """The results of the point, in words."""
        if self.marks is None:
            return f"{self.mtf50_words}; the shot is kept"
        x, y = self.marks.middle_px
        parts = [f"{self.mtf50_words}, middle at {x:.0f}, {y:.0f} px"]
        if self.first is None or self.drift is None:
            exposure = self.chart.shot.exposure
            parts.append(f"the first with this camera at {exposure.aperture}")
        else:
            words = []
            for quantity, change in zip(QUANTITIES, self.drift.changes, strict=True):
                if change is not None:
                    words.append(quantity.words(change))
            parts.append(
                f"since {self.first.id}: {', '.join(words) or 'too little is in both'}"
            )
            parts += filter(None, [self.drift.cause])
        return "; ".join([*parts, *filter(None, [self.doubt])])

    @property
    def doubt(self) -> str:
        """Reasons to doubt its numbers, such as clipped paper; empty if there are none."""
        read = self.chart.read
        measured = self.marks is not None and self.marks.median_mtf50 is not None
        return read.reason if read is not None and measured else ""

    @property
    def mtf50_words(self) -> str:
        """MTF50 in words, or why there is none."""
        marks = self.marks
        reason = self.chart.read.reason if self.chart.read else ""
        if marks is None:
            return f"unknown: {reason or 'not read yet'}"
        edges = int(np.isfinite(marks.mtf50).sum())
        if marks.median_mtf50 is None:
            return f"MTF50 unknown ({reason})"
        pairs = self.line_pairs_per_mm
        sensor = "" if pairs is None else f" ({pairs:.1f} lp/mm)"
        return (
            f"MTF50 {marks.median_mtf50:.4f} cycles/px{sensor}, median of {edges} edges"
        )

    @property
    def line_pairs_per_mm(self) -> float | None:
        """MTF50 on the sensor; None if it or the pixel pitch is unknown."""
        pitch_um = self.chart.shot.sensor_pitch_um
        marks = self.marks
        if pitch_um is None or marks is None or marks.median_mtf50 is None:
            return None
        return 1000.0 * marks.median_mtf50 / pitch_um


def session_drift(state: SessionState) -> list[ChartPoint]:
    """The charts of a session in their order."""
    firsts: dict[tuple[object, ...], tuple[SessionChart, ChartMarks]] = {}
    points = []
    for chart in session_charts(state):
        if chart.read is None or chart.read.found is None:
            points.append(ChartPoint(chart, None))
            continue
        marks = _marks(chart.read.found)
        camera = chart.shot.camera
        aperture = chart.shot.exposure.aperture
        shapes = (marks.layout, marks.size_px, len(marks.mtf50), len(marks.dots))
        key = (camera.model, camera.serial, aperture, *shapes)
        if key in firsts:
            first, before = firsts[key]
            points.append(ChartPoint(chart, marks, first, chart_drift(before, marks)))
        else:
            firsts[key] = (chart, marks)
            points.append(ChartPoint(chart, marks))
    return points


def _marks(reading: FoundChart) -> ChartMarks:
    unseen = (math.nan, math.nan)
    mtf50 = [math.nan if one is None else one for one in reading.mtf50]
    dots = [unseen if one is None else one for one in reading.dots]
    return ChartMarks(
        reading.layout,
        reading.size_px,
        np.array(mtf50),
        np.array(dots).reshape(-1, 2),
    )
