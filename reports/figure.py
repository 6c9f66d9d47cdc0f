"""Figures of the page model: lines and named points, independent of rendering."""

from dataclasses import dataclass

from defocus.errors import InputError

__all__ = ["Curve", "Curves", "Point", "Scatter"]


@dataclass(frozen=True)
class Curve:
    """One line of a figure.

    Attributes:
        label: Its name.
        x: Places of its points.
        y: Their values, as many.
        errors: Half the length of the error bar of each point, or how far it reaches below and
            above; empty for none. Not for figures with ``log_y``.
        measured: Whether each point is a measurement and gets a marker; else a few points do.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    errors: tuple[float | tuple[float, float], ...] = ()
    measured: bool = False

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise InputError(
                f"curve {self.label!r}: {len(self.x)} x for {len(self.y)} y; give as many of each"
            )
        if self.errors and len(self.errors) != len(self.y):
            raise InputError(
                f"curve {self.label!r}: {len(self.errors)} errors for {len(self.y)} y; give as "
                "many of each"
            )


@dataclass(frozen=True)
class Curves:
    """A figure with lines.

    Attributes:
        caption: Text above the figure.
        x_label, y_label: Labels of its axes.
        curves: The lines.
        log_y: Whether the vertical axis is logarithmic, as for losses.
        floor: Where the vertical axis begins: lines leave the figure there; None for all values.
        apart: Whether the points at one place stand side by side, to show all error bars.
        places: Names of the places 0, 1, 2 … of the horizontal axis; empty for a scale of numbers.
        note: Text below the figure, empty for none.
    """

    caption: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    log_y: bool = False
    floor: float | None = None
    apart: bool = False
    places: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if self.log_y and any(curve.errors for curve in self.curves):
            raise InputError(f"figure {self.caption!r}: error bars need a linear axis")
        for curve in self.curves:
            if self.places and any(x == x and x not in range(len(self.places)) for x in curve.x):
                raise InputError(
                    f"figure {self.caption!r}: curve {curve.label!r} has a point at none of its "
                    f"{len(self.places)} places"
                )


@dataclass(frozen=True)
class Point:
    """One point of a scatter plot; ``marked`` ones are joined by a line (the Pareto front)."""

    label: str
    x: float
    y: float
    marked: bool = False


@dataclass(frozen=True)
class Scatter:
    """A scatter plot with named points.

    Attributes:
        caption: Text above the figure.
        x_label, y_label: Labels of its axes.
        points: Points; those first in the order have their names placed first.
        marked_as: Name of the line through the marked points; empty for none.
        log_x: Whether the horizontal axis is logarithmic.
    """

    caption: str
    x_label: str
    y_label: str
    points: tuple[Point, ...]
    marked_as: str = ""
    log_x: bool = False
