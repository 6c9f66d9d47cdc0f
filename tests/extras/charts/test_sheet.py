"""The printed chart: vectors of the right size, and pixels in the right place."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from pypdf import PdfReader

from defocus.edges.edge import measure_edge
from defocus.errors import InputError
from defocus.extras.charts.chart_commands import targets
from defocus.extras.charts.sheet.layout import (
    HEIGHT,
    LAYOUTS,
    PAPERS,
    SEED,
    WIDTH,
    make_sheet,
)
from defocus.extras.charts.sheet.parts import (
    LeavesSquare,
    SlantedSquare,
    StarPattern,
    TextLine,
)
from defocus.extras.charts.sheet.raster import (
    INK_LIGHT,
    PAPER_LIGHT,
    draw_roughly,
    photographed,
)
from defocus.extras.charts.sheet.svg import svg_text, write_sheet
from defocus.scene.shapes import FilledOutline, words


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sheet_is_vectors_alone_and_inside_the_paper(layout):
    sheet = make_sheet(layout, "a3")
    root = ET.fromstring(svg_text(sheet))  # noqa: S314 - our own document
    kinds = {element.tag.rpartition("}")[2] for element in root}
    assert kinds == {"rect", "path", "circle"}
    assert root.get("width") == "420mm"
    assert len(sheet.dots) == 24
    for dot in sheet.dots:
        assert dot.radius < dot.x < WIDTH - dot.radius
        assert dot.radius < dot.y < HEIGHT - dot.radius
    places = re.findall(r"(-?[\d.]+) (-?[\d.]+)[LZ]", svg_text(sheet))
    points = np.array(places, np.float64)
    assert (points >= 0).all()
    assert (points <= (WIDTH, HEIGHT)).all()
    count = {kind: sum(isinstance(p, kind) for p in sheet.parts) for kind in (
        SlantedSquare, StarPattern, LeavesSquare, TextLine)}  # fmt: skip
    wanted = {"wall": (14, 2, 2, 12), "depths": (10, 5, 5, 0)}[layout]
    assert tuple(count.values()) == wanted


def test_the_command_writes_pdf_and_svg_of_the_papers_size(run, tmp_path):
    result = run(
        "defocus-capture",
        "chart",
        "print",
        "--paper",
        "a4",
        "--out",
        tmp_path / "chart.pdf",
    )
    assert result.returncode == 0, result.stderr
    assert "100 %" in result.stderr
    (page,) = PdfReader(tmp_path / "chart.pdf").pages
    assert page.mediabox.width == pytest.approx(297 / 25.4 * 72, abs=0.1)
    assert page.mediabox.height == pytest.approx(210 / 25.4 * 72, abs=0.1)
    assert not page.images
    refused = run(
        "defocus-capture",
        "chart",
        "print",
        "--dpi",
        "150",
        "--out",
        tmp_path / "coarse.pdf",
    )
    assert refused.returncode == 2
    assert "needs 203 dpi" in refused.stderr
    assert not (tmp_path / "coarse.pdf").exists()


def test_paper_has_the_name_that_people_write(run, tmp_path):
    result = run(
        "defocus-capture",
        "chart",
        "print",
        "--paper",
        "letter",
        "--out",
        tmp_path / "chart.svg",
    )
    assert "chart.svg: Letter, layout wall" in result.stdout + result.stderr
    label = make_sheet("wall", "letter").labels[-1]
    written = words(f"defocus chart, Letter, wall, seed {SEED}", 0.0, 0.0, 2.0)
    assert isinstance(label, FilledOutline)
    assert isinstance(written, FilledOutline)
    assert len(label.contours) == len(written.contours)
    for one, other in zip(label.contours, written.contours, strict=True):
        assert one - label.contours[0][0] == pytest.approx(
            other - written.contours[0][0]
        )


@pytest.mark.parametrize("paper", PAPERS)
def test_every_paper_has_its_size(tmp_path, paper):
    write_sheet(tmp_path / "chart.pdf", make_sheet("wall", paper))
    (page,) = PdfReader(tmp_path / "chart.pdf").pages
    across, down = PAPERS[paper]
    assert page.mediabox.width == pytest.approx(across / 25.4 * 72, abs=0.1)
    assert page.mediabox.height == pytest.approx(down / 25.4 * 72, abs=0.1)


def test_the_wall_has_a_grid_of_lines():
    """Seven lines each way, in the cell of the lines, 4 mm apart."""
    light = draw_roughly(make_sheet("wall"), 10.0)[:, :, 1]
    line, column = light[1886, 1800:2080], light[1720:2010, 1960]
    for cut in (line, column):
        dark = cut < 128
        assert (np.diff(np.concatenate([[False], dark]).astype(int)) == 1).sum() == 7
        starts = np.flatnonzero(np.diff(dark.astype(int)) == 1)
        assert np.diff(starts) == pytest.approx(40, abs=1)


def test_an_unknown_suffix_is_refused(tmp_path, refused):
    with refused(InputError):
        write_sheet(tmp_path / "chart.png", make_sheet())


def test_pixels_show_the_vectors_in_place():
    sheet = make_sheet("wall")
    scale = 3.0
    homography = np.array([[scale, 0, 20.0], [0, scale, 10.0], [0, 0, 1]])
    light = photographed(sheet, homography, 1300, 910)
    assert light[:, 5] == pytest.approx(0.25)
    assert light[12, 700] == pytest.approx(PAPER_LIGHT, abs=1e-3)
    dark = PAPER_LIGHT - light.mean(axis=2)
    for dot in sheet.dots[::5]:
        x, y = (homography @ (dot.x, dot.y, 1.0))[:2]
        reach = round(dot.radius * scale) + 3
        rows = slice(round(y) - reach, round(y) + reach + 1)
        columns = slice(round(x) - reach, round(x) + reach + 1)
        part = dark[rows, columns]
        place = (
            part.sum(axis=0) @ np.arange(round(x) - reach, round(x) + reach + 1)
        ) / part.sum()
        assert place == pytest.approx(x, abs=0.03)
        area = part.sum() / (PAPER_LIGHT - INK_LIGHT)
        assert area == pytest.approx(np.pi * (dot.radius * scale) ** 2, rel=0.015)
    square = next(part for part in sheet.parts if isinstance(part, SlantedSquare))
    x, y = (homography @ (square.x + square.side / 2, square.y, 1.0))[:2]
    left, top = round(x) - 28, round(y) - 30
    edge = measure_edge(light[top : top + 60, left : left + 56])
    assert abs(edge.angle_deg) == pytest.approx(5.0, abs=0.2)
    assert edge.mtf50 == pytest.approx(0.6, abs=0.05)
    slant = scale * square.side / 2 * (1 / np.cos(np.radians(5.0)) - 1)
    middle = (top + 29.5 - y) * np.tan(np.radians(edge.angle_deg))
    assert edge.place_px == pytest.approx(x - left + slant + middle, abs=0.03)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("paper", PAPERS)
def test_every_sheet_has_a_ruler_of_its_length_on_paper(layout, paper):
    outlines = [
        one.contours[0]
        for one in make_sheet(layout, paper).labels
        if isinstance(one, FilledOutline)
    ]
    sizes = [np.ptp(outline, axis=0) * PAPERS[paper][0] / WIDTH for outline in outlines]
    assert [across for across, down in sizes if across > 100 * down] == [
        pytest.approx(80.0)
    ]


@pytest.mark.parametrize("paper", PAPERS)
def test_nothing_is_printed_over_what_is_measured(paper):
    sheet = make_sheet("wall", paper)
    outlines = [
        one.contours[0] for one in sheet.labels if isinstance(one, FilledOutline)
    ]
    for part in sheet.parts:
        if isinstance(part, LeavesSquare | SlantedSquare):
            off = [np.abs(one - (part.x, part.y)).max(axis=1).min() for one in outlines]
            assert min(off) > part.side / 2 + 1


def test_targets_are_printed(tmp_path, refused):
    targets.command.main(
        ["--out", str(tmp_path / "targets.pdf")], standalone_mode=False
    )
    (page,) = PdfReader(tmp_path / "targets.pdf").pages
    assert [round(float(side) / 72 * 25.4) for side in page.mediabox[2:]] == [297, 210]
    with refused(InputError):
        targets.command.main(["--out", "t.png"], standalone_mode=False)
