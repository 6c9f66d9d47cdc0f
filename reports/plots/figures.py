"""Vector figures for papers, in colour-blind safe colours."""

import io
from typing import TYPE_CHECKING, Any, Literal

from defocus.reports.model import Curves, Scatter
from defocus.reports.plots.plot import COLOURS
from defocus.reports.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.transforms import Transform

__all__ = ["draw_figure"]

MARKERS = ("o", "s", "^", "D", "v", "P")
SIZE_INCHES = (5.2, 3.2)
SIDE_BY_SIDE_INCHES = 0.05
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


def draw_figure(figure: Curves | Scatter, kind: Literal["pdf", "svg"]) -> bytes:
    """Draw a figure of the page model as a file.

    Lines and points differ in colour, marker and dash, so that they can be told apart in grey. In
    the same environment, the same figure gives the same bytes.

    Args:
        figure: The figure; its text is plain text.
        kind: Format.

    Returns:
        The file's content; fonts are embedded.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(SETTINGS):
        drawn = Figure(figsize=SIZE_INCHES, layout="constrained")
        FigureCanvasAgg(drawn)
        axes = drawn.add_subplot()
        if isinstance(figure, Curves):
            _draw_curves(axes, figure)
        else:
            _draw_points(axes, figure)
        axes.set_xlabel(visible(figure.x_label))
        axes.set_ylabel(visible(figure.y_label))
        axes.grid(axis="y", color="#e2e4e9", linewidth=0.6)
        axes.set_axisbelow(True)
        content = io.BytesIO()
        metadata = {"CreationDate": None} if kind == "pdf" else {"Date": None}
        drawn.savefig(content, format=kind, metadata=metadata)
    return content.getvalue()


def _draw_curves(axes: "Axes", figure: Curves) -> None:
    for index, curve in enumerate(figure.curves):
        style = index % len(COLOURS)
        beside = _beside(axes, index, len(figure.curves)) if figure.apart else axes.transData
        axes.plot(
            curve.x,
            curve.y,
            color=COLOURS[style],
            marker=MARKERS[style],
            markevery=1 if curve.measured else max(1, len(curve.x) // 8),
            markersize=4,
            linewidth=1.2,
            linestyle="--" if index >= len(COLOURS) else "-",
            label=visible(curve.label),
            transform=beside,
        )
        if curve.errors:
            colour = COLOURS[style]
            ends = [one if isinstance(one, tuple) else (one, one) for one in curve.errors]
            below, above = zip(*ends, strict=True)
            axes.errorbar(
                curve.x, curve.y, (below, above),
                fmt="none", ecolor=colour, elinewidth=0.8, capsize=2, transform=beside,
            )  # fmt: skip
    if figure.log_y:
        axes.set_yscale("log")
        _plain_numbers(axes.yaxis)
    if figure.apart:  # what is drawn beside its place does not count by itself
        _hold(axes, figure)
    if figure.floor is not None:
        axes.set_ylim(bottom=figure.floor)
    if figure.curves:
        axes.legend(frameon=False, fontsize=8)


def _hold(axes: "Axes", figure: Curves) -> None:
    """Let the axes hold all points and error bars."""
    for curve in figure.curves:
        errors = curve.errors or (0.0,) * len(curve.y)
        for x, y, error in zip(curve.x, curve.y, errors, strict=True):
            below, above = error if isinstance(error, tuple) else (error, error)
            axes.update_datalim([(x, y - below), (x, y + above)])
    axes.autoscale_view()


def _beside(axes: "Axes", index: int, count: int) -> "Transform":
    """Where the points of a curve are drawn, beside those of the others."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("axes without a figure")
    moved = (index - (count - 1) / 2) * SIDE_BY_SIDE_INCHES
    return axes.transData + ScaledTranslation(moved, 0, figure.dpi_scale_trans)


def _draw_points(axes: "Axes", figure: Scatter) -> None:
    axes.margins(0.08)
    front = sorted((point.x, point.y) for point in figure.points if point.marked)
    if front:
        xs, ys = zip(*front, strict=True)
        axes.plot(xs, ys, color=COLOURS[0], linewidth=1, linestyle="--", label=figure.marked_as)
        axes.legend(frameon=False, fontsize=8)
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
