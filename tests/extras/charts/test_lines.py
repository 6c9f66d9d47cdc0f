"""Straight lines of the chart in pictures whose distortion is known."""

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.extras.charts.reading.geometry import ChartGeometry
from defocus.extras.charts.reading.levels import paper_and_ink
from defocus.extras.charts.reading.lines import (
    ReadLine,
    line_words,
    lines_json,
    read_lines,
)
from defocus.extras.charts.reading.read import read_chart
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, make_sheet
from defocus.extras.charts.sheet.raster import photographed
from defocus.scene.aperture import disc_psf

Floats = NDArray[np.float64]

SIZE = (1000, 667)
SHEET = np.array([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)], np.float32)
PLACES = np.array([(60, 70), (930, 40), (950, 640), (50, 600)], np.float32)
TRUTH = np.asarray(cv2.getPerspectiveTransform(SHEET, PLACES), np.float64)
BARREL = -0.03


@pytest.fixture(scope="module")
def photograph():
    """The chart in perspective, without blur or distortion."""
    return photographed(make_sheet(), TRUTH, *SIZE)


def remapped(light: Floats, x: NDArray[Any], y: NDArray[Any]) -> Floats:
    """Light from other places, px."""
    columns, rows = (np.ascontiguousarray(one, np.float32) for one in (x, y))
    return np.asarray(cv2.remap(light, columns, rows, cv2.INTER_LANCZOS4), np.float64)


def distorted(light: Floats) -> tuple[Floats, ChartGeometry]:
    """The chart through a lens that bends lines, and where it is."""
    truth = ChartGeometry(TRUTH, BARREL, *SIZE)
    centre, half = truth.middle()
    places = np.stack(np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1])), axis=-1)
    seen = (places - centre) / half
    straight = seen
    for _ in range(12):
        straight = seen / (1 + BARREL * (straight**2).sum(axis=-1, keepdims=True))
    source = (centre + half * straight).astype(np.float32)
    return remapped(light, source[..., 0], source[..., 1]), truth


def blurred(light: Floats, diameter: float) -> Floats:
    noise = 0.002 * np.random.default_rng(1).standard_normal(light.shape)
    seen = cv2.filter2D(light, -1, disc_psf(diameter)) + noise
    return np.asarray(np.clip(seen, 0, 1), np.float64)


def lines_of(light: Floats, truth: ChartGeometry) -> list[ReadLine]:
    sheet = make_sheet()
    return list(read_lines(light, sheet, truth, *paper_and_ink(light, sheet, truth)))


def test_a_lens_bends_the_rows_of_dots_by_what_it_distorts(photograph):
    light, truth = distorted(photograph)
    reading = read_chart(blurred(light, 3.0))
    assert reading is not None
    sides = [one for one in reading.straight if one.kind == "frame"]
    dots = np.array([(dot.x, dot.y) for dot in make_sheet().dots])
    first = 0
    for side, count in zip(sides, (8, 6, 8, 6), strict=True):
        true = truth.to_picture(dots[np.arange(first, first + count) % len(dots)])
        first += count - 1
        along, across = ((true - true[0]) @ _turned(true[-1] - true[0])).T
        across -= np.polyval(np.polyfit(along, across, 1), along)
        assert side.in_picture is not None
        assert side.beyond is not None
        assert side.in_picture.rms_px == pytest.approx(
            np.sqrt(np.mean(across**2)), abs=0.03
        )
        assert side.in_picture.rms_px > 0.5
        assert side.beyond.rms_px < 0.03
    assert sides[0].length == pytest.approx(WIDTH - 32)


def _turned(direction: Floats) -> Floats:
    """The matrix that turns places to along and across a direction, in columns."""
    x, y = direction / np.hypot(*direction)
    return np.array([(x, -y), (y, x)])


@pytest.mark.parametrize("diameter", [1.5, 4.0])
def test_printed_lines_are_straight_where_nothing_bends_them(photograph, diameter):
    lines = lines_of(blurred(photograph, diameter), ChartGeometry(TRUTH, 0.0, *SIZE))
    assert [one.kind for one in lines] == ["line"] * 4 + ["grid"] * 14
    assert {len(one.along) for one in lines} == {29, 6}
    for one in lines[1:]:  # the drawing cuts the thinnest, 0.6 px, into steps
        assert one.in_picture is not None
        assert one.in_picture.rms_px < 0.05


def test_a_bend_that_is_no_distortion_of_the_lens_is_left_beyond_it(photograph):
    x, y = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    period, size = 40.0, 0.6
    wavy = y + size * np.sin(2 * np.pi * x / period)
    moved = remapped(photograph, x, wavy)
    lines = lines_of(blurred(moved, 2.0), ChartGeometry(TRUTH, 0.0, *SIZE))
    lying = [one.beyond.rms_px for one in lines[1:4] if one.beyond]
    assert lying == pytest.approx([size / np.sqrt(2)] * 3, abs=0.05)


def test_a_line_without_a_number_has_a_reason(photograph):
    truth = ChartGeometry(TRUTH, 0.0, *SIZE)
    hidden = lines_of(blurred(photograph, 16.0), truth)
    assert {one.reason for one in hidden} == {
        "blur or noise hides the line; focus better, come nearer or give more light"
    }
    assert all(one.in_picture is None and one.beyond is None for one in hidden)
    cut = lines_of(np.ascontiguousarray(photograph[:, :430]), truth)
    assert {one.reason for one in cut} == {"", "outside the picture"}
    assert lines_json(hidden)["straightness"]["line"]["rms_px"] is None
    assert line_words(hidden)[0].startswith(
        "  printed lines: 0 of 4 measured; blur or noise"
    )


@pytest.mark.full
def test_the_chart_for_a_board_has_rows_of_dots_alone():
    light = photographed(make_sheet("depths"), TRUTH, *SIZE)
    reading = read_chart(blurred(light, 3.0))
    assert reading is not None
    assert [one.kind for one in reading.straight] == ["frame"] * 4
    assert list(reading.to_json()["straightness"]) == ["frame"]


def test_dots_that_blur_mixes_with_the_wall_do_not_bend_a_straight_chart(photograph):
    """A disc of 26 px is 12 mm wide: the window around a dot leaves it 9 mm."""
    reading = read_chart(blurred(photograph, 26.0))
    assert reading is not None
    sides = [one for one in reading.straight if one.kind == "frame"]
    assert all(one.beyond is None for one in sides)
    assert "blur mixes its dots" in next(
        line
        for line in reading.lines()
        if line.startswith("  rows of dots: 0 of 4 measured")
    )


def test_a_dot_that_the_geometry_rejects_is_no_bend_of_its_row(photograph):
    stained = photograph.copy()
    dot = make_sheet().dots[3]
    (x, y), *_ = ChartGeometry(TRUTH, 0.0, *SIZE).to_picture(np.array([(dot.x, dot.y)]))
    cv2.circle(stained, (round(x) + 14, round(y)), 3, (0.0, 0.0, 0.0), -1)
    reading = read_chart(blurred(stained, 3.0))
    assert reading is not None
    assert reading.geometry.used.sum() == 23
    top = reading.straight[0]
    assert np.isnan(top.places[3]).all()
    assert top.beyond is not None
    assert top.beyond.largest_px < 0.05
