"""Line and scatter plots by matplotlib: SVG inside a page, and vector files for papers.

The colours of a plot in a page are attributes, never styles: the style sheet replaces them.
"""

import io
import itertools
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from defocus.reports.display import visible
from defocus.reports.model import Curve, Curves, Point, Scatter
from defocus.reports.scatter_names import place_names
from defocus.reports.svg import inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Kind = Literal["pdf", "svg"]

COLOURS = ("#0068a8", "#c94f00", "#007a55", "#a23b86", "#806300", "#52525b")
"""After Okabe and Ito, darkened to a contrast of at least 4.5 on white; in CSS by these values."""
MARKERS = ("o", "s", "^", "D", "v", "P")
GRID = "#e2e4e9"
AXIS = "#8a8f98"
TEXT = "#52575f"
PAPER = "#ffffff"
SIZE_INCHES = (5.2, 3.2)
"""Width and height of a file, and of points in a page."""
PAGE_INCHES = (5.2, 2.46)
"""Width and height of curves in a page."""
BESIDE_INCHES = (3.7, 3.2)
"""Width and height of each of several figures in a row."""
PAGE_FONT_PT = 6.5
LEFT = 0.55
RIGHT = 0.11
TOP = 0.07
BOTTOM = 0.23
"""Room around the axes of a page, in inches; labels and legend are text of the page."""
FEW_LINES = 4
SWATCH_INCHES = 0.56
"""Width of a swatch of a legend."""
LETTER_INCHES = 0.06
"""Mean width of a letter of a legend."""
ROW_INCHES = 0.17
"""Height of a row of a legend."""
FEW_MARKERS = 5
"""Number of markers of a line whose points are not measurements."""
SHORT_NUMBERS = 1e-4, 1e7
"""Range of the largest value of an axis whose ticks are written without powers of ten."""
SIDE_BY_SIDE = 0.014
"""Distance between points that are drawn side by side at a number, as a share of the axis."""
AT_NAMED = 0.022
"""Distance between points that are drawn side by side at a name, as a share of the axis."""
ALL_BESIDE = 0.09
"""Largest width of all points that are drawn side by side, as a share of the axis."""
CROWDED = 0.7
"""Largest share of the way to the next place that points side by side may take."""
SETTINGS: dict[Any, Any] = {
    "pdf.fonttype": 42,  # whole fonts: publishers refuse the other kind
    "svg.hashsalt": "defocus",  # the same figure gives the same bytes
    "svg.fonttype": "path",
    "figure.dpi": 72,  # a dot is a point
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": AXIS,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": AXIS,
    "xtick.labelcolor": TEXT,
    "ytick.left": False,
    "ytick.labelcolor": TEXT,
    "lines.linewidth": 1.0,
    "lines.markersize": 5.5,
    "text.usetex": False,
    "text.parse_math": False,
}

_SETTINGS_ARE_GLOBAL = Lock()
"""Lock around matplotlib's global settings: pages that are served are drawn in several threads."""


@dataclass(frozen=True)
class PagePlot:
    """A plot of a page: its SVG, itself in words, the legend's swatches, names without room."""

    svg: str
    description: str
    legend: tuple[tuple[str, str], ...] = ()  # SVG and label of each line
    unnamed: tuple[
        str, ...
    ] = ()  # names that have no room beside their points, with the numbers


def page_plot(
    figure: Curves | Scatter,
    name: str = "",
    font_pt: float = PAGE_FONT_PT,
) -> PagePlot:
    """Draw a figure for a page, where it has a name, or for a printed page."""
    import matplotlib as mpl

    words = _description(figure)
    width, height = PAGE_INCHES if isinstance(figure, Curves) else SIZE_INCHES
    settings = {**SETTINGS, "svg.fonttype": "none", "font.size": font_pt}
    with _SETTINGS_ARE_GLOBAL, mpl.rc_context(settings), warnings.catch_warnings():
        # the reader's fonts have it, or show its code
        warnings.filterwarnings("ignore", "Glyph")
        drawn = _empty(width, height)
        inner_width = 1 - (LEFT + RIGHT) / width
        inner_height = 1 - (BOTTOM + TOP) / height
        place = (LEFT / width, BOTTOM / height, inner_width, inner_height)
        axes = drawn.add_axes(place)
        unnamed = axes_of(axes, figure)
        drawn.patch.set_visible(False)
        axes.patch.set_visible(False)
        _keep_last_label_inside(axes)
        svg = inline_svg(_saved(drawn, "svg"), name, words, font_pt)
        legend = _legend(figure, name)
    return PagePlot(svg, words, legend, tuple(map(_with_numbers, unnamed)))


def _keep_last_label_inside(axes: "Axes") -> None:
    """Let the last number of the horizontal axis end at its tick if the tick is at the border."""
    last_label = axes.get_xticklabels()[-1:]
    low, high = axes.get_xlim()
    border = high - 0.04 * abs(high - low)
    for label in last_label:
        place, _ = label.get_position()
        if place > border:
            label.set_horizontalalignment("right")


def _legend(figure: Curves | Scatter, name: str) -> tuple[tuple[str, str], ...]:
    """A swatch, as SVG, and the label of each curve."""
    if not isinstance(figure, Curves):
        return ()
    legend = []
    for number, curve in enumerate(figure.curves):
        own_name = f"{name}-{number}" if name else ""
        swatch = inline_svg(_swatch(number), own_name)
        legend.append((swatch, curve.label))
    return tuple(legend)


def draw_figures(figures: Sequence[Curves | Scatter], kind: Kind) -> bytes:
    """Draw a figure as a file, or several with the same labels side by side under one legend."""
    # Fonts are embedded, and the bytes are the same each time. Lines and points differ in colour,
    # marker and dash, so that they can be told apart in grey.
    import matplotlib as mpl

    count = len(figures)
    width, height = BESIDE_INCHES if count > 1 else SIZE_INCHES
    with _SETTINGS_ARE_GLOBAL, mpl.rc_context(SETTINGS):
        drawn = _empty(width * count, height, layout="constrained")
        for number, figure in enumerate(figures, start=1):
            axes = drawn.add_subplot(1, count, number)
            axes.set_xlabel(visible(figure.x_label))
            axes.set_ylabel(visible(figure.y_label))
            if count > 1:
                axes.set_title(visible(figure.caption), fontsize=9)
            unnamed = axes_of(axes, figure)
            _add_unnamed(drawn, unnamed)
        _add_legend(drawn)
        return _saved(drawn, kind)


def _empty(
    width: float,
    height: float,
    layout: Literal["constrained"] | None = None,
) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(drawn)
    return drawn


def _saved(drawn: "Figure", kind: Kind) -> bytes:
    content = io.BytesIO()
    metadata = {"CreationDate": None} if kind == "pdf" else {"Date": None}
    drawn.savefig(content, format=kind, metadata=metadata)
    return content.getvalue()


@cache
def _swatch(number: int) -> bytes:
    """The line and the marker of a curve, for a legend."""
    drawn = _empty(0.5, 0.22)
    drawn.patch.set_visible(False)
    axes = drawn.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-1, 1), ylim=(-1, 1))
    axes.set_axis_off()
    x = [-1, 0, 1]
    y = [0, 0, 0]
    axes.plot(x, y, markevery=[1], **_style(number))
    axes.lines[0].set(linewidth=2, markersize=9)
    return _saved(drawn, "svg")


def _add_legend(drawn: "Figure") -> None:
    """Add the legend: of few lines where it fits; of many, or several figures, above them."""
    first = drawn.axes[0]
    lines, labels = first.get_legend_handles_labels()
    if len(labels) > FEW_LINES or len(drawn.axes) > 1:
        columns = _room_for(labels, SWATCH_INCHES, drawn)
        drawn.legend(
            lines,
            labels,
            loc="outside upper center",
            ncols=columns,
            frameon=False,
            fontsize=8,
        )
    elif labels:
        first.legend(frameon=False, fontsize=8)


def _room_for(labels: Sequence[str], swatch_inches: float, drawn: "Figure") -> int:
    """Make a figure higher by the rows of a legend; return how many columns the legend has."""
    letters = max(map(len, labels), default=0)
    longest = swatch_inches + LETTER_INCHES * letters
    columns = max(1, int(drawn.get_figwidth() / longest))
    rows = math.ceil(len(labels) / columns)
    height = drawn.get_figheight() + ROW_INCHES * rows
    drawn.set_figheight(height)
    return columns


def _with_numbers(point: Point) -> str:
    """A name that has no room in a figure, and where its point is: upwards, then to the right."""
    name = visible(point.label)
    return f"{name} ({point.y:.4g} at {point.x:.3g})"


def _add_unnamed(drawn: "Figure", points: Sequence[Point]) -> None:
    """Add, below a scatter plot, the names that have no room beside their points."""
    from matplotlib.lines import Line2D

    if not points:
        return
    labels = [_with_numbers(point) for point in points]
    columns = _room_for(labels, 0.0, drawn)
    unseen = [Line2D([], [], linestyle="none") for _ in labels]
    drawn.legend(
        unseen,
        labels,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=7,
        handlelength=0,
        handletextpad=0,
    )


def axes_of(axes: "Axes", figure: Curves | Scatter) -> list[Point]:
    """Draw a figure into axes; return the points whose names have no room.

    Values that are not finite, and values <= 0 on a logarithmic axis, leave a gap."""
    if isinstance(figure, Scatter):
        return _draw_points(axes, figure)
    _draw_curves(axes, figure)
    return []


def _draw_curves(axes: "Axes", figure: Curves) -> None:
    shifts = _side_by_side(figure)
    for number, (curve, shift) in enumerate(zip(figure.curves, shifts, strict=True)):
        _draw_curve(axes, curve, number, shift, log=figure.log_y, floor=figure.floor)
    if axes.dataLim.width < 0:  # nothing was drawn
        axes.set(xticks=[], yticks=[])
        return
    if figure.x_least:
        axes.dataLim.update_from_data_x(figure.x_least, ignore=False)
        axes.autoscale_view()
    _scale(axes.xaxis, ticks=6)
    _scale(axes.yaxis, ticks=5, log=figure.log_y)
    if figure.places:
        names = [visible(name) for name in figure.places]
        axes.set_xticks(range(len(names)), names)
        axes.set_xlim(-0.5, len(names) - 0.5)
    _add_ground(axes, figure.floor)


def _add_ground(axes: "Axes", floor: float | None) -> None:
    """Let the vertical axis begin at its floor, and draw a line at 0 if 0 is inside."""
    lowest = axes.dataLim.y0
    if floor is not None:
        axes.set_ylim(bottom=floor)
        lowest = max(lowest, floor)
    if lowest < 0 < axes.dataLim.y1:
        axes.axhline(0, color=AXIS, linewidth=0.8, zorder=1)


def _style(number: int) -> dict[str, Any]:
    """Colour, marker and dash of a curve: those of one colour, every sixth, differ in the rest."""
    rounds = number // len(COLOURS)
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[(number + rounds * 3) % len(MARKERS)],
        "markeredgecolor": PAPER,
        "markeredgewidth": 0.6,
        "linestyle": "--" if rounds else "-",
    }


def _draw_curve(
    axes: "Axes",
    curve: Curve,
    number: int,
    shift: float,
    *,
    log: bool,
    floor: float | None,
) -> None:
    seen = _seen(curve, log=log)
    if not seen.any():
        return
    x = np.where(seen, curve.x, math.nan) + shift
    y = np.where(seen, curve.y, math.nan)
    style = _style(number)
    marked = _marked(seen, number, every=curve.measured)
    axes.plot(x, y, label=visible(curve.label), markevery=marked, **style)
    bars = _error_bars(curve, x, y, -math.inf if floor is None else floor)
    if bars:
        xs, ys, *ends = zip(*bars, strict=True)
        axes.errorbar(
            xs,
            ys,
            ends,
            fmt="none",
            ecolor=style["color"],
            elinewidth=0.8,
            capsize=2,
        )


def _error_bars(
    curve: Curve,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    least: float,
) -> list[tuple[float, float, float, float]]:
    """Place, value and lengths below and above of each error bar that can be drawn."""
    bars = []
    for place, value, error in zip(x, y, curve.errors, strict=bool(curve.errors)):
        below, above = error if isinstance(error, tuple) else (error, error)
        bar = (place, value, below, above)
        finite = all(map(math.isfinite, bar))
        if finite and value >= least and below + above > 0:
            bars.append(bar)
    return bars


def _seen(curve: Curve, *, log: bool) -> NDArray[np.bool_]:
    """Which points of a curve can be drawn."""
    x = np.array(curve.x, float)
    y = np.array(curve.y, float)
    seen = np.isfinite(x) & np.isfinite(y)
    if log:
        seen &= y > 0
    return np.asarray(seen)


def _marked(seen: NDArray[np.bool_], number: int, *, every: bool) -> list[int]:
    """Points with a marker: those alone, both ends and a few, shifted between curves; or all."""
    at = np.flatnonzero(seen)
    if not every and len(at) > FEW_MARKERS:
        framed = np.pad(seen, 1)
        seen_before = framed[:-2]
        seen_after = framed[2:]
        alone = np.flatnonzero(seen & ~seen_before & ~seen_after)
        ends = at[[0, -1]]
        step = len(at) / FEW_MARKERS
        colour = number % len(COLOURS)
        first = step * (colour + 0.5) / len(COLOURS)
        even = first + step * np.arange(FEW_MARKERS)
        few = at[even.astype(int)]
        at = np.unique(np.concatenate([alone, few, ends]))
    marked: list[int] = at.tolist()
    return marked


def _side_by_side(figure: Curves) -> list[float]:
    """How far the points of each curve are moved to the right."""
    count = len(figure.curves)
    positions: set[float] = set()
    for curve in figure.curves:
        positions.update(filter(math.isfinite, curve.x))
    if not figure.apart or not positions:
        return [0.0] * count
    if figure.places:
        step = min(AT_NAMED * len(figure.places), CROWDED / count)
    else:
        axis = max(positions) - min(positions) or 1.0
        room = ALL_BESIDE * axis
        for left, right in itertools.pairwise(sorted(positions)):
            room = min(room, CROWDED * (right - left))
        step = min(SIDE_BY_SIDE * axis, room / count)
    middle = (count - 1) / 2
    return [(number - middle) * step for number in range(count)]


def _draw_points(axes: "Axes", figure: Scatter) -> list[Point]:
    points = []
    for point in figure.points:
        finite = math.isfinite(point.x) and math.isfinite(point.y)
        if finite and (point.x > 0 or not figure.log_x):
            points.append(point)
    if not points:
        axes.set(xticks=[], yticks=[])
        return []
    axes.margins(0.08)
    front = sorted((point.x, point.y) for point in points if point.marked)
    if front:
        xs, ys = zip(*front, strict=True)
        axes.plot(
            xs,
            ys,
            color=COLOURS[0],
            linestyle="--",
            label=visible(figure.marked_as),
        )
    for point in points:
        _draw_point(axes, point)
    _scale(axes.xaxis, ticks=6, log=figure.log_x)
    _scale(axes.yaxis, ticks=5)
    return place_names(axes, points)


def _draw_point(axes: "Axes", point: Point) -> None:
    fill, edge = PAPER, COLOURS[5]
    if point.marked:
        fill, edge = COLOURS[0], PAPER
    axes.plot(
        [point.x],
        [point.y],
        "o",
        color=fill,
        markeredgecolor=edge,
        markeredgewidth=0.8,
    )


def _scale(axis: "Axis", *, ticks: int, log: bool = False) -> None:
    """Round ticks with plain numbers such as 100, at 1, 2 and 5 between few powers of ten."""
    from matplotlib import ticker

    axes = axis.axes
    across = axis is axes.xaxis
    low, high = axes.dataLim.intervalx if across else axes.dataLim.intervaly
    locator: ticker.Locator = ticker.MaxNLocator(ticks, steps=[1, 2, 5, 10])
    if log:
        set_scale = axes.set_xscale if across else axes.set_yscale
        set_scale("log")
        decades = math.log10(high / low)
        if decades >= 0.7:
            subs = _between_powers(decades)
            locator = ticker.LogLocator(subs=subs, numticks=ticks + 2)
        axis.set_minor_locator(ticker.NullLocator())
    axis.set_major_locator(locator)
    least, most = SHORT_NUMBERS
    largest = max(-low, high)
    if not log and least <= largest < most:
        alike = ticker.ScalarFormatter(useOffset=False)  # all with as many decimals
        alike.set_scientific(False)
        axis.set_major_formatter(alike)
    else:
        apart = ticker.FuncFormatter(lambda value, _: _tick_text(value))
        axis.set_major_formatter(apart)


def _between_powers(decades: float) -> tuple[int, ...]:
    """Ticks of a logarithmic axis, as multiples of powers of ten."""
    if decades > 3:
        return (1,)
    if decades > 1.5:
        return (1, 3)
    return (1, 2, 5)


def _tick_text(value: float) -> str:
    text = f"{value:.6g}".replace("-", "−")
    return text.replace("e−0", "e−").replace("e+0", "e")


def _description(figure: Curves | Scatter) -> str:
    """The figure in words, for readers who do not see it."""
    sentences = [f"{figure.y_label} over {figure.x_label}."]
    if isinstance(figure, Curves):
        sentences += [_curve_words(curve, figure) for curve in figure.curves]
    else:
        for point in figure.points:
            name = point.label
            if point.marked and figure.marked_as:
                name += f" ({figure.marked_as})"
            sentences.append(f"{name}: {point.y:.4g} at {point.x:.4g}.")
    return visible(" ".join(sentences))


def _curve_words(curve: Curve, figure: Curves) -> str:
    at = np.flatnonzero(_seen(curve, log=figure.log_y))
    if not len(at):
        return f"{curve.label}: nothing to draw."
    first = _place_words(curve.x[at[0]], figure)
    last = _place_words(curve.x[at[-1]], figure)
    ys = [curve.y[index] for index in at]
    lowest = min(ys)
    highest = max(ys)
    return (
        f"{curve.label}: from {ys[0]:.4g} at {first} to {ys[-1]:.4g} at {last}, between "
        f"{lowest:.4g} and {highest:.4g}."
    )


def _place_words(x: float, figure: Curves) -> str:
    if figure.places:
        return figure.places[int(x)]
    return f"{x:.6g}"
