"""Line and scatter plots, as matplotlib has drawn them and as a page shows them."""

import math
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations, pairwise

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from defocus.errors import InputError
from defocus.reports.model import Curve, Curves, Point, Scatter
from defocus.reports.plot import PAGE_FONT_PT, axes_of, draw_figures, page_plot

numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)


def figure(*ys: Sequence[float], log_y: bool = False) -> Curves:
    curves = tuple(
        Curve(f"c{index}", tuple(map(float, range(len(y)))), tuple(y))
        for index, y in enumerate(ys)
    )
    return Curves("loss", "step", "loss", curves, log_y=log_y)


def drawn(shown: Curves | Scatter) -> Axes:
    axes = Figure(figsize=(5.2, 3.2), dpi=72).add_subplot()
    axes_of(axes, shown)
    return axes


def lines(axes: Axes) -> list[Line2D]:
    """The curves, without the ends of error bars and the line of 0."""
    return [line for line in axes.lines if line.get_markevery() is not None]


def marks(line: Line2D) -> list[float]:
    """Where a curve has markers."""
    return [float(x) for x in np.asarray(line.get_xdata())[line.get_markevery()]]


def bars(axes: Axes) -> list[tuple[float, float, float]]:
    """Place and both ends of all error bars."""
    segments = [
        np.asarray(part) for one in axes.collections for part in one.get_segments()
    ]
    return [
        (float(part[0, 0]), float(part[0, 1]), float(part[1, 1])) for part in segments
    ]


def y_texts(axes: Axes) -> list[str]:
    """The labels at the vertical axis that can be seen."""
    low, high = axes.get_ylim()
    ticks = axes.yaxis.get_major_ticks()
    axes.figure.draw_without_rendering()
    return [t.label1.get_text() for t in ticks if low <= t.get_loc() <= high]


def test_error_bars_reach_as_far_as_the_errors_on_each_side(refused):
    curve = Curve(
        "c",
        (0.0, 1.0, 2.0, 3.0),
        (0.0, 10.0, 10.0, 9.0),
        (0.0, 5.0, math.nan, (5.0, 2.0)),
    )
    shown = Curves("drift", "time", "change", (curve,))
    assert bars(drawn(shown)) == [(1.0, 5.0, 15.0), (3.0, 4.0, 11.0)], (
        "none where it is 0 or unknown"
    )
    assert not bars(drawn(figure(curve.y)))
    with refused(InputError):
        replace(curve, errors=(1.0, 2.0))
    with refused(InputError):
        replace(shown, log_y=True)


def test_nothing_to_draw_says_so():
    shown = page_plot(figure([], [math.nan]))
    assert "<text" not in shown.svg
    assert shown.description.count("nothing to draw") == 2
    assert (
        "<text"
        not in page_plot(
            Scatter("s", "x", "y", (Point("p", -1.0, 1.0),), log_x=True)
        ).svg
    )


def test_a_line_leaves_the_figure_at_its_floor():
    low = Curve(
        "low", (0.0, 2.0, 4.0), (1.0, -3.0, 1.0), ((0.5, 0.5),) * 3, measured=True
    )
    shown = Curves("gain", "dose", "dB", (low,), floor=-1.0)
    axes = drawn(shown)
    assert axes.get_ylim()[0] == -1
    assert lines(axes)[0].get_clip_on()
    assert [x for x, _, _ in bars(axes)] == [0, 4]
    assert (
        "low: from 1 at 0 to 1 at 4, between -3 and 1." in page_plot(shown).description
    )


@pytest.mark.parametrize(
    ("count", "places"), [(7, (0.0, 2.0, 8.0)), (12, (0.0, 0.5, 8.0))]
)
def test_points_at_one_place_stand_side_by_side(count, places):
    curves = tuple(
        Curve(
            f"c{index}",
            places,
            (1.0,) * len(places),
            (0.1,) * len(places),
            measured=True,
        )
        for index in range(count)
    )
    axes = drawn(Curves("gain", "dose", "dB", curves, apart=True))
    by_place = list(zip(*map(marks, lines(axes)), strict=True))
    rows = [x for row in by_place for x in row]
    assert rows == sorted(set(rows)), "side by side, and no place mixes with the next"
    assert axes.get_xlim()[0] <= rows[0]
    assert rows[-1] <= axes.get_xlim()[1]
    assert sum(by_place[0]) / count == pytest.approx(0)
    assert sorted(x for x, _, _ in bars(axes)) == pytest.approx(rows)


@settings(max_examples=12)
@given(
    st.lists(st.lists(numbers, max_size=8), max_size=4),
    st.lists(st.tuples(numbers, numbers.map(abs)), max_size=8),
    st.booleans(),
)
def test_whatever_the_values_are_a_plot_can_be_drawn(ys, measured, log_y):
    values, errors = zip(*measured, strict=True) if measured else ((), ())
    barred = replace(figure(values).curves[0], errors=errors)
    for shown in (figure(*ys, log_y=log_y), Curves("d", "t", "change", (barred,))):
        svg = page_plot(shown).svg
        assert "nan" not in svg
        assert "inf" not in svg


def test_ticks_are_round():
    assert y_texts(drawn(figure([0.0, 10.0, 20.0]))) == ["0", "5", "10", "15", "20"]
    assert y_texts(drawn(figure([-0.2, 0.2]))) == ["−0.2", "−0.1", "0.0", "0.1", "0.2"]
    assert y_texts(drawn(figure([0.0, 2e6])))[:3] == ["0", "500000", "1000000"]
    assert y_texts(drawn(figure([0.0, 2e9])))[:3] == ["0", "5e8", "1e9"]
    assert y_texts(drawn(figure([0.0, 2e-7])))[:3] == ["0", "5e−8", "1e−7"]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (
            [1.0, 0.1, 0.01, 0.001],
            ["0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1"],
        ),
        ([1.0, 20.0], ["1", "2", "5", "10", "20"]),
        ([1.0, 3.0], ["1", "1.5", "2", "2.5", "3"]),
    ],
)
def test_a_logarithmic_axis_has_plain_numbers(values, texts):
    axes = drawn(figure(values, log_y=True))
    assert axes.get_yscale() == "log"
    assert y_texts(axes) == texts


def test_what_cannot_be_drawn_leaves_a_gap_and_points_alone_have_a_marker():
    long = [1.0] * 20
    axes = drawn(figure([1.0, 2.0, math.nan, 3.0, 0.0, *long], log_y=True))
    (line,) = lines(axes)
    assert list(np.flatnonzero(~np.isfinite(np.asarray(line.get_ydata())))) == [2, 4]
    assert {0.0, 3.0, 24.0} <= set(marks(line))
    assert len(marks(line)) < 10


def test_a_long_curve_is_thinned_and_keeps_its_extremes():
    y = np.full(20_000, 1.0)
    y[7001], y[13_333] = 9.0, -5.0
    paths = re.findall(r' d="([ML\d. ]*)"', page_plot(figure(y)).svg)
    heights = [float(number) for number in max(paths, key=len).split()[2::3]]
    assert len(heights) <= 400
    bottom, top = (177.12 * (1 - share) for share in (0.0935, 1 - 0.0285))
    assert min(heights) == pytest.approx(top + (bottom - top) / 22, abs=1)
    assert max(heights) == pytest.approx(bottom - (bottom - top) / 22, abs=1)


def test_many_curves_stay_apart_without_colour():
    shown = lines(drawn(figure(*[[1.0, 2.0]] * 12)))
    assert len({(line.get_marker(), line.get_linestyle()) for line in shown}) == 12
    assert len({(line.get_marker(), line.get_color()) for line in shown}) == 12, (
        "single points too"
    )


NAMED = ("edges", "0–2 px", "2–4 px")


def gains(label: str, *points: tuple[float, float]) -> Curve:
    xs, ys = zip(*points, strict=True)
    return Curve(label, xs, ys, (0.1,) * len(xs), measured=True)


def test_places_with_names_are_equally_far_apart_and_the_points_stand_at_them():
    curves = [gains(f"c{number}", (0.0, 1.0), (1.0, 2.0)) for number in range(9)]
    shown = Curves("gain", "part", "dB", tuple(curves), apart=True, places=NAMED)
    axes = drawn(shown)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list(NAMED)
    by_place = list(zip(*map(marks, lines(axes)), strict=True))
    assert [sum(row) / 9 for row in by_place] == pytest.approx([0, 1])
    assert axes.get_xlim()[0] < by_place[0][0] < by_place[0][-1] < 0.5 < by_place[1][0]
    assert "c0: from 1 at edges to 2 at 0–2 px" in page_plot(shown).description
    svg = draw_figures([shown], "svg").decode()
    assert all(f"<!-- {name} -->" in svg for name in NAMED)


@pytest.mark.parametrize("x", [-1.0, 0.5, 3.0])
def test_a_point_at_none_of_the_places_is_refused(x, refused):
    with refused(InputError):
        Curves("gain", "part", "dB", (gains("c", (x, 1.0)),), places=NAMED)


def test_the_line_of_0_is_drawn_between_values_above_and_below():
    below = figure([-1.0, 2.0])
    floored = replace(below, floor=0.5)
    shown = (below, figure([1.0, 2.0]), figure([0.1, 2.0], log_y=True), floored)
    assert [len(drawn(one).lines) for one in shown] == [2, 1, 1, 1]


def test_figures_side_by_side_have_one_legend():
    two = [
        Curves(
            f"dose {dose}", "part", "dB", (gains("JDRL", (0.0, dose)),), places=NAMED
        )
        for dose in (2.0, 8.0)
    ]
    svg = draw_figures(two, "svg").decode()
    assert svg.count("<!-- JDRL -->") == 1
    assert svg.count("<!-- dose 2.0 -->") == svg.count("<!-- dose 8.0 -->") == 1
    assert svg.count("<!-- edges -->") == 2


def test_many_lines_have_their_legend_outside_the_axes():
    few, many = (
        Curves(
            "g",
            "x",
            "y",
            tuple(gains(f"line {n}", (0.0, 1.0), (1.0, 2.0)) for n in range(k)),
        )
        for k in (5, 6)
    )
    drawings = [draw_figures([one], "svg").decode() for one in (few, many)]
    heights = [
        float(re.findall(r'viewBox="0 0 \S+ (\S+)"', one)[0]) for one in drawings
    ]
    assert heights[1] > heights[0], "the file is higher by the rows of the legend"


def test_all_points_of_a_front_with_room_around_them_have_their_names():
    """Three points on a line that is flat first and then rises; the other ones lie below."""
    front = [
        Point("NAFNet + JDRL", 0.354, 25.38, marked=True),
        Point("IFAN + JDRL", 0.46, 25.41, marked=True),
        Point("U-Net on registered pairs", 1.08, 25.70, marked=True),
    ]
    others = [Point("NAFNet", 0.354, 25.04), Point("MPRNet", 1.3, 24.81)]
    shown = Scatter("s", "x", "y", (*front, *others), log_x=True, marked_as="front")
    with mpl.rc_context({"font.size": PAGE_FONT_PT}):
        axes = Figure(figsize=(5.2, 3.2), dpi=72).add_subplot()
        assert axes_of(axes, shown) == []


def test_texts_of_a_crowd_lie_neither_on_each_other_nor_on_the_front():
    """Twenty-five systems in a third of the axes, as narrow copies stand; five are on the front."""
    random = np.random.default_rng(3)
    crowd = [
        Point(
            f"System number {n}",
            float(random.uniform(1, 2)),
            float(random.uniform(25.4, 25.8)),
        )
        for n in range(18)
    ]
    front = [
        Point(f"Front {n}", 1.0 + 0.3 * n, 25.9 + 0.02 * n, marked=True)
        for n in range(5)
    ]
    far = [Point("Best", 3.0, 27.0), Point("Worst", 0.5, 24.5)]
    shown = Scatter("s", "x", "y", (*crowd, *front[::-1], *far), marked_as="front")
    with mpl.rc_context({"font.size": PAGE_FONT_PT}):
        axes = Figure(figsize=(5.2, 3.2), dpi=72).add_subplot()
        unnamed = [point.label for point in axes_of(axes, shown)]
    texts = {one.get_text(): one.get_window_extent().extents for one in axes.texts}
    assert set(texts) == {point.label for point in shown.points} - set(unnamed)
    assert 1 < len(unnamed) < len(crowd), (
        "a name is beside its point or below the figure"
    )
    for one, other in combinations(texts, 2):
        a, b = texts[one], texts[other]
        assert not (a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]), (
            one,
            other,
        )
    (line,) = (one for one in axes.lines if one.get_linestyle() == "--")
    corners = [
        tuple(each) for each in axes.transData.transform(np.asarray(line.get_xydata()))
    ]
    assert corners == sorted(corners)
    assert len(corners) == len(front)
    for (x, y), (to_x, to_y) in pairwise(corners):
        for share in np.linspace(0, 1, 50):
            at_x, at_y = x + share * (to_x - x), y + share * (to_y - y)
            for text, (left, bottom, right, top) in texts.items():
                assert not (left < at_x < right and bottom < at_y < top), text
    svg = draw_figures([shown], "svg").decode()
    below = re.findall(r"<!-- (.*?) \(([\d.]+) at ([\d.]+)\) -->", svg)
    assert below
    places = {point.label: (point.y, point.x) for point in shown.points}
    for name, *numbers in below:
        assert tuple(map(float, numbers)) == pytest.approx(places[name], rel=0.01)
        assert f"<!-- {name} -->" not in svg, "each name is there once"


def test_plots_of_a_page_share_no_identifiers_and_have_no_styles():
    one, other = (page_plot(figure([1.0, 2.0]), name) for name in ("part-1", "part-2"))
    identifiers = [
        re.findall(
            r' id="([^"]+)"', "".join((each.svg, *(svg for svg, _ in each.legend)))
        )
        for each in (one, other)
    ]
    assert len(identifiers[0]) == len(set(identifiers[0]))
    assert not set(identifiers[0]) & set(identifiers[1])
    for plot in (one, other):
        references = re.findall(r"#(part-[^\")]+)", plot.svg)
        assert references
        assert all(f' id="{each}"' in plot.svg for each in references)
        assert "style" not in plot.svg + plot.legend[0][0], (
            "the page's policy forbids them"
        )
        assert "<text" in plot.svg, "letters are text"


def test_threads_draw_what_one_draws():
    shown = figure([1.0, 3.0, 2.0])
    alone = {size: page_plot(shown, font_pt=size) for size in (6.5, 11.5)}
    sizes = (6.5, 11.5) * 8
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda size: page_plot(shown, font_pt=size), sizes))
    assert together == [alone[size] for size in sizes]
