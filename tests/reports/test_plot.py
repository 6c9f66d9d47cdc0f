"""The geometry of line and scatter plots."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus.errors import InputError
from defocus.reports.model import Curve, Curves, Point, Scatter
from defocus.reports.plots.figures import draw_beside, draw_figure
from defocus.reports.plots.plot import Line, plot
from defocus.reports.plots.scatter import ScatterPlot, scatter

numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)


def figure(*ys: Sequence[float], log_y: bool = False) -> Curves:
    curves = tuple(
        Curve(f"c{index}", tuple(map(float, range(len(y)))), tuple(y)) for index, y in enumerate(ys)
    )
    return Curves("loss", "step", "loss", curves, log_y=log_y)


def points(line: Line) -> list[tuple[float, float]]:
    return [
        tuple(map(float, point.split(","))) for part in line.stretches for point in part.split()
    ]


def test_an_error_bar_reaches_as_far_as_the_error() -> None:
    curve = Curve("c", (0.0, 1.0, 2.0), (0.0, 10.0, 10.0), (0.0, 5.0, math.nan))
    figure_with_bars = Curves("drift", "time", "change", (curve,))
    drawn = plot(figure_with_bars)
    heights = {tick.text: tick.position for tick in drawn.y_ticks}
    ((x, low, high),) = drawn.lines[0].bars
    assert (low, high) == pytest.approx((heights["5"], heights["15"]), abs=0.1)
    assert x == drawn.lines[0].markers[1][0], "where the point is; none has no length or is unknown"
    assert b"LineCollection" in draw_figure(figure_with_bars, "svg")
    assert b"LineCollection" not in draw_figure(figure(curve.y), "svg")
    with pytest.raises(InputError, match="2 errors for 3 y"):
        replace(curve, errors=(1.0, 2.0))
    with pytest.raises(InputError, match="linear axis"):
        replace(figure_with_bars, log_y=True)


def test_an_error_bar_may_reach_further_to_one_side() -> None:
    curve = Curve("c", (0.0, 1.0), (0.0, 10.0), ((0.0, 0.0), (5.0, 2.0)), measured=True)
    drawn = plot(Curves("gain", "dose", "dB", (curve,)))
    heights = {tick.text: tick.position for tick in drawn.y_ticks}
    ((_, low, high),) = drawn.lines[0].bars
    above = heights["10"] - (heights["5"] - heights["10"]) * 2 / 5
    assert (low, high) == pytest.approx((heights["5"], above), abs=0.1)
    assert b"LineCollection" in draw_figure(Curves("gain", "dose", "dB", (curve,)), "svg")


def test_nothing_to_draw_says_so() -> None:
    drawn = plot(figure([], [math.nan]))
    assert not drawn.x_ticks
    assert "nothing to draw" in drawn.description


def test_a_line_leaves_the_figure_at_its_floor() -> None:
    low = Curve("low", (0.0, 2.0, 4.0), (1.0, -3.0, 1.0), ((0.5, 0.5),) * 3, measured=True)
    high = Curve("high", (0.0, 2.0, 4.0), (1.0, 0.9, 0.8), measured=True)
    drawn = plot(Curves("gain", "dose", "dB", (low, high), floor=-1.0))
    (first, last), (whole,) = (line.stretches for line in drawn.lines)
    ends = [
        tuple(map(float, part.split(" ")[at].split(","))) for part, at in ((first, 1), (last, 0))
    ]
    places = {tick.text: tick.position for tick in drawn.x_ticks}
    assert [x for x, _ in ends] == pytest.approx([places["1"], places["3"]], abs=0.1)
    assert {y for _, y in ends} == {drawn.bottom}
    assert [x for x, _ in drawn.lines[0].markers] == [places["0"], places["4"]]
    assert [x for x, _, _ in drawn.lines[0].bars] == [places["0"], places["4"]]
    assert len(whole.split(" ")) == len(drawn.lines[1].markers) == 3
    assert "low: from 1 at 0 to 1 at 4, between -3 and 1." in drawn.description
    assert min(float(tick.text.replace("−", "-")) for tick in drawn.y_ticks) == -1


@pytest.mark.parametrize(("count", "places"), [(7, (0.0, 2.0, 8.0)), (12, (0.0, 0.5, 8.0))])
def test_points_at_one_place_stand_side_by_side(count: int, places: tuple[float, ...]) -> None:
    curves = tuple(
        Curve(f"c{index}", places, (1.0,) * len(places), (0.1,) * len(places), measured=True)
        for index in range(count)
    )
    drawn = plot(Curves("gain", "dose", "dB", curves, apart=True))
    by_place = list(zip(*([x for x, _ in line.markers] for line in drawn.lines), strict=True))
    rows = [x for row in by_place for x in row]
    assert rows == sorted(set(rows)), "side by side, and no place mixes with the next"
    assert drawn.left <= rows[0]
    assert rows[-1] <= drawn.right
    middle = {tick.text: tick.position for tick in drawn.x_ticks}["0"]
    assert sum(by_place[0]) / count == pytest.approx(middle, abs=0.1)
    assert [x for line in drawn.lines for x, _, _ in line.bars[:1]] == list(by_place[0])
    moved, still = (
        draw_figure(Curves("gain", "dose", "dB", curves, apart=apart), "svg")
        for apart in (True, False)
    )
    assert moved != still
    assert moved.count(b"<use") == still.count(b"<use"), "nothing is drawn outside the figure"


@given(
    st.lists(st.lists(numbers, max_size=8), max_size=4),
    st.lists(st.tuples(numbers, numbers), max_size=8),
    st.booleans(),
)
def test_whatever_is_drawn_lies_inside_the_frame(ys: Any, measured: Any, log_y: bool) -> None:
    values, errors = zip(*measured, strict=True) if measured else ((), ())
    bars = replace(figure(values).curves[0], errors=errors)
    for drawn in (plot(figure(*ys, log_y=log_y)), plot(Curves("d", "t", "change", (bars,)))):
        for line in drawn.lines:
            ends = [(x, y) for x, *both in line.bars for y in both]
            for x, y in points(line) + list(line.markers) + ends:
                assert drawn.left <= x <= drawn.right
                assert drawn.top <= y <= drawn.bottom
        for tick in drawn.x_ticks:
            assert drawn.left - 0.5 <= tick.position <= drawn.right + 0.5
        for tick in drawn.y_ticks:
            assert drawn.top - 0.5 <= tick.position <= drawn.bottom + 0.5


def test_ticks_are_round_and_where_they_say() -> None:
    drawn = plot(figure([0.0, 10.0, 20.0]))
    assert [tick.text for tick in drawn.y_ticks] == ["0", "5", "10", "15", "20"]
    (line,) = drawn.lines
    heights = dict(zip((0, 10, 20), (y for _, y in points(line)), strict=True))
    for tick in drawn.y_ticks[::2]:
        assert tick.position == pytest.approx(heights[int(tick.text)], abs=0.1)


def test_a_logarithmic_axis_is_logarithmic() -> None:
    drawn = plot(figure([1.0, 0.1, 0.01, 0.001], log_y=True))
    heights = [y for _, y in points(drawn.lines[0])]
    assert np.diff(heights) == pytest.approx([np.diff(heights)[0]] * 3, abs=0.2)
    assert [tick.text for tick in drawn.y_ticks] == ["0.001", "0.01", "0.1", "1"]


def test_what_cannot_be_drawn_leaves_a_gap() -> None:
    drawn = plot(figure([1.0, 2.0, math.nan, 3.0, 0.0, 2.0, 1.0], log_y=True))
    (line,) = drawn.lines
    assert len(line.stretches) == 2
    alone = [x for x, _ in line.markers]
    assert any(abs(x - (drawn.left + 0.5 * (drawn.right - drawn.left))) < 0.2 for x in alone)


def test_a_long_curve_is_thinned_and_keeps_its_extremes() -> None:
    y = np.full(20_000, 1.0)
    y[7001], y[13_333] = 9.0, -5.0
    drawn = plot(figure(y))
    placed = points(drawn.lines[0])
    assert len(placed) <= 400
    whole = plot(figure([9.0, -5.0]))
    assert min(p[1] for p in placed) == pytest.approx(points(whole.lines[0])[0][1], abs=0.1)
    assert max(p[1] for p in placed) == pytest.approx(points(whole.lines[0])[1][1], abs=0.1)


def test_many_curves_stay_apart_without_colour() -> None:
    drawn = plot(figure(*[[1.0, 2.0]] * 12))
    assert len({(line.shape, line.dashed) for line in drawn.lines}) == 12
    assert len({(line.shape, line.colour) for line in drawn.lines}) == 12, "single points too"


NAMED = ("edges", "0–2 px", "2–4 px")


def gains(label: str, *points: tuple[float, float]) -> Curve:
    xs, ys = zip(*points, strict=True)
    return Curve(label, xs, ys, (0.1,) * len(xs), measured=True)


def test_places_with_names_are_equally_far_apart_and_the_points_stand_at_them() -> None:
    curves = [gains(f"c{number}", (0.0, 1.0), (1.0, 2.0)) for number in range(9)]
    shown = Curves("gain", "part", "dB", tuple(curves), apart=True, places=NAMED)
    drawn = plot(shown)
    assert [tick.text for tick in drawn.x_ticks] == list(NAMED)
    first, second, third = (tick.position for tick in drawn.x_ticks)
    assert second - first == pytest.approx(third - second)
    by_place = list(zip(*([x for x, _ in line.markers] for line in drawn.lines), strict=True))
    assert [sum(row) / 9 for row in by_place] == pytest.approx([first, second], abs=0.1)
    assert drawn.left < by_place[0][0] < by_place[0][-1] < (first + second) / 2 < by_place[1][0]
    assert "c0: from 1 at edges to 2 at 0–2 px" in drawn.description
    svg = draw_figure(shown, "svg").decode()
    assert all(f"<!-- {name} -->" in svg for name in NAMED)


@pytest.mark.parametrize("x", [-1.0, 0.5, 3.0])
def test_a_point_at_none_of_the_places_is_refused(x: float) -> None:
    with pytest.raises(InputError, match="'c' has a point at none of its 3 places"):
        Curves("gain", "part", "dB", (gains("c", (x, 1.0)),), places=NAMED)


def test_the_line_of_0_is_drawn_between_values_above_and_below() -> None:
    drawn = plot(figure([-1.0, 2.0]))
    assert drawn.zero == {tick.text: tick.position for tick in drawn.y_ticks}["0"]
    assert plot(figure([1.0, 2.0])).zero is None
    assert plot(figure([0.1, 2.0], log_y=True)).zero is None
    floored = replace(figure([-1.0, 2.0]), floor=0.5)
    assert plot(floored).zero is None


def test_figures_side_by_side_have_one_legend() -> None:
    two = [
        Curves(f"dose {dose}", "part", "dB", (gains("JDRL", (0.0, dose)),), places=NAMED)
        for dose in (2.0, 8.0)
    ]
    svg = draw_beside(two, "svg").decode()
    assert svg.count("<!-- JDRL -->") == 1
    assert svg.count("<!-- dose 2.0 -->") == svg.count("<!-- dose 8.0 -->") == 1
    assert svg.count("<!-- edges -->") == 2


def test_many_lines_have_their_legend_outside_the_axes() -> None:
    few, many = (
        Curves("g", "x", "y", tuple(gains(f"line {n}", (0.0, 1.0), (1.0, 2.0)) for n in range(k)))
        for k in (6, 7)
    )
    heights = [
        float(
            draw_figure(one, "svg").decode().partition('viewBox="0 0 ')[2].split('"')[0].split()[1]
        )
        for one in (few, many)
    ]
    assert heights[1] > heights[0], "the file is higher by the rows of the legend"


def test_a_point_below_the_floor_leaves_no_error_bar() -> None:
    low = gains("low", (0.0, -1.05), (1.0, -1.05))
    assert b"LineCollection" in draw_figure(Curves("g", "x", "y", (low,)), "svg")
    assert b"LineCollection" not in draw_figure(Curves("g", "x", "y", (low,), floor=-1.0), "svg")


def boxes(found: ScatterPlot) -> dict[str, tuple[float, float, float, float]]:
    """Left, top, right and bottom of each text, for letters of 6 by 9 units."""
    share = {"start": 0.0, "middle": 0.5, "end": 1.0}
    return {
        one.text: (left := one.text_x - share[one.text_anchor] * 6 * len(one.text), one.text_y - 9,
                   left + 6 * len(one.text), one.text_y)
        for one in found.points
    }  # fmt: skip


def test_texts_of_a_crowd_lie_neither_on_each_other_nor_on_the_front() -> None:
    """Twenty-five systems in a third of the axes, as narrow copies stand; five are on the front."""
    random = np.random.default_rng(3)
    crowd = [
        Point(f"System number {n}", float(random.uniform(1, 2)), float(random.uniform(25.4, 25.8)))
        for n in range(18)
    ]
    front = [Point(f"Front {n}", 1.0 + 0.3 * n, 25.9 + 0.02 * n, marked=True) for n in range(5)]
    far = [Point("Best", 3.0, 27.0), Point("Worst", 0.5, 24.5)]
    found = scatter(Scatter("s", "x", "y", (*crowd, *front[::-1], *far), marked_as="front"))
    texts = boxes(found)
    assert len(texts) == len(found.points)
    assert [point.number for point in found.legend] == list(range(1, len(found.legend) + 1))
    assert len(found.legend) > 1
    for one, other in combinations(texts, 2):
        a, b = texts[one], texts[other]
        assert not (a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]), (one, other)
    corners = [tuple(map(float, each.split(","))) for each in found.front.split()]
    assert corners == sorted(corners)
    assert len(corners) == len(front)
    for (x, y), (to_x, to_y) in pairwise(corners):
        for share in np.linspace(0, 1, 50):
            at_x, at_y = x + share * (to_x - x), y + share * (to_y - y)
            for text, (left, top, right, bottom) in texts.items():
                assert not (left < at_x < right and top < at_y < bottom), text
