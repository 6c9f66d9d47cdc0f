"""Tables of the chart and of a lens on a phone: their last columns can be reached."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from defocus.benchmark.charts.kept import ChartScore
from defocus.benchmark.charts.tables import chart_parts
from defocus.capture.lens_page import write_lens_page
from defocus.charts.lens.numbers import DIAPHRAGM, NUMBERS
from defocus.charts.lens.probes import ChartShot
from defocus.charts.lens.summary import FittedLens, measured
from defocus.charts.reading.read import read_chart
from defocus.charts.sheet.layout import HEIGHT, WIDTH, make_sheet
from defocus.charts.sheet.raster import photographed
from defocus.optics.lens.prescription import RealLens
from defocus.reports.html import write_html
from defocus.reports.model import Page
from tests.browser.conftest import Open

REACHED = """
const found = [];
for (const table of document.querySelectorAll("table")) {
  if (!table.offsetParent) continue;
  const box = table.closest(".scroll") ?? table.parentElement;
  box.scrollLeft = box.scrollWidth;
  const last = table.rows[table.rows.length - 1].cells;
  const cell = last[last.length - 1].getBoundingClientRect();
  found.push([cell.left, cell.right, cell.width]);
}
return [document.documentElement.scrollWidth, found];
"""


def lens_page(path: Path) -> None:
    scale = 600 / WIDTH
    light = photographed(make_sheet(), np.diag([scale, scale, 1.0]), 600, round(HEIGHT * scale))
    reading = read_chart(light)
    assert reading is not None
    names = [f"picture-with-a-long-name-{one}.tif" for one in ("near", "focused", "far")]
    shots = [ChartShot(light, reading, 2.4, name) for name in names]
    known = {name: 0.1 for name in NUMBERS if name not in DIAPHRAGM}
    values = dict.fromkeys(NUMBERS, 0.0)
    lens = RealLens(2.4, 2.4, 16.0)
    found = FittedLens(lens, values, known, (0, 2), (9.0, -8.0), (2.4, 2.4), 0.006)
    write_lens_page(path, found, measured(found), shots)


def chart_page(path: Path) -> None:
    numbers = (0.2, 1.4, 0.05, 0.02, 0.01, 0.5, 0.3, 0.6)
    scores = [ChartScore(name, 4.0, *numbers) for name in ("input", "a-system-of-a-long-name")]
    parts = tuple(chart_parts(scores, str))
    write_html(
        Page(title="Chart", notice="", summary="A chart.", sections=(("The chart", parts),)), path
    )


@pytest.mark.parametrize("write", [lens_page, chart_page])
def test_the_last_column_can_be_reached_on_a_phone(
    open_page: Open, tmp_path: Path, write: Callable[[Path], None]
) -> None:
    write(tmp_path / "page.html")
    browser = open_page(tmp_path / "page.html", 390, 844)
    wide, cells = browser.execute_script(REACHED)
    assert wide <= 390, "the page itself does not scroll sideways"
    assert cells
    for left, right, width in cells:
        assert width > 20
        assert left >= 0
        assert right <= 390.5
