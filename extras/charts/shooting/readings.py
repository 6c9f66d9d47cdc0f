"""Read the shots of the test chart in a session, and print what they show."""

import numpy as np

from defocus.capture.sessions.additions import OpenSession
from defocus.errors import ImageError
from defocus.extras.charts.drift import marks_of
from defocus.extras.charts.reading.levels import OVEREXPOSED, paper_is_clipped
from defocus.extras.charts.reading.read import ChartReading, read_chart
from defocus.extras.charts.reading.stored_light import stored_light
from defocus.extras.charts.shooting.points import ChartPoint, session_drift
from defocus.extras.charts.shooting.session_lines import (
    WORD,
    FoundChart,
    SessionChart,
    chart_folder,
    session_charts,
)
from defocus.progress import say

NOT_FOUND = "no chart found; fill the frame with it, evenly lit"


def read_left_charts(folder: OpenSession) -> list[ChartPoint]:
    """Read the charts that were shot and not read yet, and print a line about each."""
    left = [chart for chart in session_charts(folder.state) if chart.read is None]
    for chart in left:
        _read(folder, chart)
    numbers = {chart.shot.chart for chart in left}
    points = []
    for point in session_drift(folder.state):
        if point.chart.shot.chart in numbers:
            say(point.line())
            points.append(point)
    return points


def _read(folder: OpenSession, chart: SessionChart) -> None:
    """Read a chart and journal what was found, or why nothing was."""
    number = chart.shot.chart
    try:
        light = stored_light(chart_folder(folder.root, number) / chart.shot.picture)
        reading = read_chart(light)
    except ImageError as error:
        folder.added_read(WORD, number, None, str(error))
        return
    if reading is None:
        folder.added_read(WORD, number, None, NOT_FOUND)
        return
    height, width = light.shape[:2]
    reason = ""
    if reading.edges and not len(reading.mtf50s()):
        reason = reading.edges[0].reason
    elif paper_is_clipped(light, reading.sheet, reading.geometry):
        reason = OVEREXPOSED
    found = _found(reading, (width, height)).to_json()
    folder.added_read(WORD, number, found, reason)


def _found(reading: ChartReading, size_px: tuple[int, int]) -> FoundChart:
    marks = marks_of(reading, size_px)
    mtf50 = tuple(float(one) if np.isfinite(one) else None for one in marks.mtf50)
    dots = []
    for x, y in marks.dots:
        dots.append((float(x), float(y)) if np.isfinite(x) else None)
    return FoundChart(
        layout=marks.layout,
        size_px=size_px,
        mtf50=mtf50,
        dots=tuple(dots),
    )
