"""Tables of the chart and of a lens on a phone: their last columns can be reached."""

from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver.common.by import By

from defocus.capture.commands import shoot
from defocus.capture.sessions.contact_sheet import write_contact_sheet
from defocus.extras.charts.commands.capture_chart import command
from defocus.extras.charts.lens.numbers import DIAPHRAGM, NUMBERS
from defocus.extras.charts.lens.page import write_lens_page
from defocus.extras.charts.lens.probes import ChartShot
from defocus.extras.charts.lens.summary import FittedLens, measured
from defocus.extras.charts.reading.read import read_chart
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, make_sheet
from defocus.extras.charts.sheet.raster import photographed
from defocus.extras.charts.systems.kept import ChartScore
from defocus.extras.charts.systems.tables import chart_parts
from defocus.reports.html import render_html, write_html
from defocus.reports.model import Page
from defocus.scene.real_lens import RealLens
from tests.browser.test_report import column

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
    light = photographed(
        make_sheet(), np.diag([scale, scale, 1.0]), 600, round(HEIGHT * scale)
    )
    reading = read_chart(light)
    assert reading is not None
    names = [
        f"picture-with-a-long-name-{one}.tif" for one in ("near", "focused", "far")
    ]
    shots = [ChartShot(light, reading, 2.4, name) for name in names]
    errors = {name: 0.1 for name in NUMBERS if name not in DIAPHRAGM}
    values = dict.fromkeys(NUMBERS, 0.0)
    lens = RealLens(2.4, 2.4, 16.0)
    fit = FittedLens(lens, values, errors, (0, 2), (9.0, -8.0), (2.4, 2.4), 0.006)
    write_lens_page(path, fit, measured(fit), shots)


def chart_page(path: Path) -> None:
    numbers = (0.2, 1.4, 0.05, 0.02, 0.01, 0.5, 0.3, 0.6)
    scores = [
        ChartScore(name, 4.0, *numbers) for name in ("input", "a-system-of-a-long-name")
    ]
    parts = tuple(chart_parts(scores, str))
    write_html(
        Page(
            title="Chart",
            notice="",
            summary="A chart.",
            sections=(("The chart", parts),),
        ),
        path,
    )


@pytest.mark.parametrize("write", [lens_page, chart_page])
def test_the_last_column_can_be_reached_on_a_phone(open_page, tmp_path, write):
    write(tmp_path / "page.html")
    browser = open_page(tmp_path / "page.html", 390, 844)
    wide, cells = browser.execute_script(REACHED)
    assert wide <= 390, "the page itself does not scroll sideways"
    assert cells
    for left, right, width in cells:
        assert width > 20
        assert left >= 0
        assert right <= 390.5


def test_the_table_of_the_test_chart_fits_the_screen(open_page, tmp_path):
    names = ("input", "U-Net + contextual bilateral loss-rebuilt", "Restormer + JDRL")
    scores = [
        ChartScore(name, 8.0, 0.1 * k, k, 0.171, 0.25, 0.01, 0.89, 0.72, 0.6)
        for k, name in enumerate(names, start=1)
    ]
    path = tmp_path / "page.html"
    page = Page("Chart", "", (("Test chart", tuple(chart_parts(scores, str))),))
    path.write_text(render_html(page), encoding="utf-8")
    (box,) = open_page(path, 1280, 800).find_elements(By.CLASS_NAME, "scroll")
    assert box.get_property("scrollWidth") == box.get_property("clientWidth")
    assert column(box, 1) == ["3.00", "2.00", "1.00"], "a ratio has no sign"


def test_the_contact_sheet_of_a_session_with_charts_fits_the_screen(
    open_page, tmp_path
):
    """Its tables need no scrolling sideways, times stay on a line, the menu has no pairs."""
    root = tmp_path / "s"
    charts = "sim:?width=660&height=440&seed=2&chart=40"
    words = ["--camera", charts, "--aperture", "f/4", "--shutter", "1/200"]
    for more in (words, ["--camera", f"{charts}&fault=shift=2,-1&fault=turn=0.05"]):
        command.main(["shoot", str(root), *more], standalone_mode=False)
    words = [
        "--camera",
        "sim:?seed=2&width=64&height=64",
        "--shutter",
        "1/400",
        "--qc",
        "warn",
    ]
    shoot.command.main(
        [str(root), *words, "--scenes", "3", "--yes"], standalone_mode=False
    )
    write_contact_sheet(root, tmp_path / "report.html")
    browser = open_page(tmp_path / "report.html", 1280, 800)
    boxes = browser.find_elements(By.CLASS_NAME, "scroll")
    assert len(boxes) == 3
    for box in boxes:
        assert browser.execute_script(
            "return arguments[0].scrollWidth <= arguments[0].clientWidth", box
        )
    (time, *_) = boxes[1].find_elements(By.CSS_SELECTOR, "td:nth-child(2)")
    assert time.size["height"] < 50, "one line"
    menu = browser.find_elements(By.CSS_SELECTOR, "nav a")
    assert [link.text for link in menu] == [
        "All pairs",
        "Drift over the session",
        "Pair by pair",
    ]
    (*_, link) = browser.find_elements(By.CSS_SELECTOR, "li > a[href^='#pair']")
    place = str(link.get_attribute("href")).partition("#")[2]
    folded = browser.find_element(By.ID, place)
    assert folded.find_element(By.TAG_NAME, "summary").text.startswith("0003_scene-003")
