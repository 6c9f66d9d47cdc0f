"""Vector figures for papers, in colour-blind safe colours."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from defocus.reports.model import Curve, Curves, Scatter
from defocus.reports.plots.plot import COLOURS, CROWDED, shape_number
from defocus.reports.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

__all__ = ["draw_beside", "draw_figure"]

Kind = Literal["pdf", "svg"]

MARKERS = ("o", "s", "^", "D", "v", "P")
"""In the order of the shapes of the pages."""
SIZE_INCHES = (5.2, 3.2)
BESIDE_INCHES = (3.7, 3.2)
"""Of each figure beside others."""
FEW_LINES = 4
SWATCH_INCHES, LETTER_INCHES, ROW_INCHES = 0.45, 0.06, 0.17
"""Of a legend."""
SIDE_BY_SIDE_INCHES, AT_NAMED_INCHES = 0.05, 0.08
"""Between two points that stand side by side, and at most where places have names."""
SETTINGS: dict[Any, Any] = {
    "pdf.fonttype": 42,  # whole fonts: publishers refuse the other kind
    "svg.hashsalt": "defocus",  # the same figure gives the same bytes
    "svg.fonttype": "path",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.usetex": False,
    "text.parse_math": False,
    "axes.formatter.use_mathtext": False,
}


def draw_figure(figure: Curves | Scatter, kind: Kind) -> bytes:
    """Draw a figure of the page model as a file, with fonts embedded; the same bytes each time."""
    # Lines and points differ in colour, marker and dash, so that they can be told apart in grey.
    return _drawn([figure], kind)


def draw_beside(figures: Sequence[Curves], kind: Kind) -> bytes:
    """Draw figures with the same labels side by side, with one legend above their captions."""
    return _drawn(figures, kind)


def _drawn(figures: Sequence[Curves | Scatter], kind: Kind) -> bytes:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    several = len(figures) > 1
    width, height = BESIDE_INCHES if several else SIZE_INCHES
    with mpl.rc_context(SETTINGS):
        drawn = Figure(figsize=(width * len(figures), height), layout="constrained")
        FigureCanvasAgg(drawn)
        for number, figure in enumerate(figures, start=1):
            axes = drawn.add_subplot(1, len(figures), number)
            _draw(axes, figure)
            if several:
                axes.set_title(visible(figure.caption), fontsize=9)
        _add_legend(drawn)
        content = io.BytesIO()
        metadata = {"CreationDate": None} if kind == "pdf" else {"Date": None}
        drawn.savefig(content, format=kind, metadata=metadata)
    return content.getvalue()


def _draw(axes: "Axes", figure: Curves | Scatter) -> None:
    if isinstance(figure, Curves):
        _draw_curves(axes, figure)
    else:
        _draw_points(axes, figure)
    axes.set_xlabel(visible(figure.x_label))
    axes.set_ylabel(visible(figure.y_label))
    axes.grid(axis="y", color="#e2e4e9", linewidth=0.6)
    axes.set_axisbelow(True)


def _add_legend(drawn: "Figure") -> None:
    """Of few lines where it fits; of many, or of several figures, above: there it hides nothing."""
    first = drawn.axes[0]
    lines, labels = first.get_legend_handles_labels()
    if len(labels) > FEW_LINES or len(drawn.axes) > 1:
        longest = SWATCH_INCHES + LETTER_INCHES * max(map(len, labels), default=0)
        columns = max(1, int(drawn.get_figwidth() / longest))
        rows = -(-len(labels) // columns)
        drawn.set_figheight(drawn.get_figheight() + ROW_INCHES * rows)
        drawn.legend(
            lines, labels, loc="outside upper center", ncols=columns, frameon=False, fontsize=8
        )
    elif labels:
        first.legend(frameon=False, fontsize=8)


def _draw_curves(axes: "Axes", figure: Curves) -> None:
    count = len(figure.curves)
    for number, curve in enumerate(figure.curves):
        beside = _beside(axes, figure, number, count) if figure.apart else axes.transData
        _draw_curve(axes, curve, number, beside)
        _draw_bars(axes, curve, figure.floor, COLOURS[number % len(COLOURS)], beside)
    if figure.log_y:
        axes.set_yscale("log")
        _plain_numbers(axes.yaxis)
    if figure.apart:  # what is drawn beside its place does not count by itself
        _hold(axes, figure)
    if figure.places:
        axes.set_xticks(range(len(figure.places)), [visible(name) for name in figure.places])
        axes.set_xlim(-0.5, len(figure.places) - 0.5)
    if figure.floor is not None:
        axes.set_ylim(bottom=figure.floor)
    if axes.dataLim.y0 < 0 < axes.dataLim.y1:
        axes.axhline(0, color="#8a8f98", linewidth=0.8, zorder=1)


def _draw_curve(axes: "Axes", curve: Curve, number: int, beside: "Transform") -> None:
    colour = COLOURS[number % len(COLOURS)]
    axes.plot(
        curve.x,
        curve.y,
        color=colour,
        marker=MARKERS[shape_number(number)],
        markevery=1 if curve.measured else max(1, len(curve.x) // 8),
        markersize=4,
        linewidth=1.2,
        linestyle="--" if number >= len(COLOURS) else "-",
        label=visible(curve.label),
        transform=beside,
    )


def _draw_bars(
    axes: "Axes", curve: Curve, floor: float | None, colour: str, beside: "Transform"
) -> None:
    """Error bars of a curve, but not those of points below the figure."""
    bars = [
        (x, y, *(error if isinstance(error, tuple) else (error, error)))
        for x, y, error in zip(curve.x, curve.y, curve.errors or (), strict=bool(curve.errors))
        if floor is None or y >= floor
    ]
    if bars:
        x, y, below, above = zip(*bars, strict=True)
        axes.errorbar(
            x, y, (below, above),
            fmt="none", ecolor=colour, elinewidth=0.8, capsize=2, transform=beside,
        )  # fmt: skip


def _hold(axes: "Axes", figure: Curves) -> None:
    """Let the axes hold all points and error bars."""
    for curve in figure.curves:
        errors = curve.errors or (0.0,) * len(curve.y)
        for x, y, error in zip(curve.x, curve.y, errors, strict=True):
            below, above = error if isinstance(error, tuple) else (error, error)
            axes.update_datalim([(x, y - below), (x, y + above)])
    axes.autoscale_view()


def _beside(axes: "Axes", figure: Curves, number: int, count: int) -> "Transform":
    """Where the points of a curve are drawn, beside those of the others."""
    from matplotlib.transforms import ScaledTranslation

    drawn = axes.get_figure(root=True)
    if drawn is None:
        raise ValueError("axes without a figure")
    step = SIDE_BY_SIDE_INCHES
    if figure.places:
        width = axes.get_position().width * drawn.get_figwidth()
        step = min(AT_NAMED_INCHES, CROWDED * width / len(figure.places) / count)
    moved = (number - (count - 1) / 2) * step
    return axes.transData + ScaledTranslation(moved, 0, drawn.dpi_scale_trans)


def _draw_points(axes: "Axes", figure: Scatter) -> None:
    axes.margins(0.08)
    front = sorted((point.x, point.y) for point in figure.points if point.marked)
    if front:
        xs, ys = zip(*front, strict=True)
        axes.plot(xs, ys, color=COLOURS[0], linewidth=1, linestyle="--", label=figure.marked_as)
    for point in figure.points:
        filled = COLOURS[0] if point.marked else "#ffffff"
        edge = COLOURS[0] if point.marked else COLOURS[5]
        axes.plot([point.x], [point.y], "o", markersize=5, color=filled, markeredgecolor=edge)
        axes.annotate(
            visible(point.label),
            (point.x, point.y),
            xytext=(4, -9),
            textcoords="offset points",
            fontsize=7,
        )
    if figure.log_x:
        axes.set_xscale("log")
        _plain_numbers(axes.xaxis)


def _plain_numbers(axis: "Axis") -> None:
    """Label ticks with plain numbers such as 100, and between powers of ten if there are few."""
    from matplotlib.ticker import LogFormatter

    axis.set_major_formatter(LogFormatter())
    axis.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(1.5, 0.5)))
