"""Figures of the page model: lines and named points, independent of rendering."""

from dataclasses import dataclass

from defocus.errors import InputError

__all__ = ["Curve", "Curves", "Point", "Scatter"]


@dataclass(frozen=True)
class Curve:
    """One line of a figure; the errors are half lengths, or lengths below and above."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    # empty for none; not for figures with ``log_y``
    errors: tuple[float | tuple[float, float], ...] = ()
    measured: bool = False  # each point is a measurement with a marker; else a few have one

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
    """A figure with lines, its caption above and its note below."""

    caption: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    log_y: bool = False  # as for losses
    floor: float | None = None  # where the vertical axis begins, and lines end; None for all values
    apart: bool = False  # points at one place stand side by side, to show all error bars
    places: tuple[str, ...] = ()  # names of 0, 1, 2 … on the horizontal axis; empty for numbers
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
    """A scatter plot with named points; those first in the order have their names placed first."""

    caption: str
    x_label: str
    y_label: str
    points: tuple[Point, ...]
    marked_as: str = ""  # the line through the marked points; empty for none
    log_x: bool = False
