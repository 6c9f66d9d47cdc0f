"""The page model: what a report shows, without any word about how it is rendered.

Callers fill it; :mod:`defocus.reports.html` and :mod:`defocus.reports.pdf` render it. All text is
plain text: the renderers escape it.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError, InputError

__all__ = [
    "Cell",
    "Column",
    "Curve",
    "Curves",
    "Facts",
    "Page",
    "Paragraph",
    "Part",
    "Slider",
    "Table",
]

Cell: TypeAlias = str | float | None


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: Header text, such as ``PSNR``.
        unit: Shown beside the name; empty for none.
        better: Which way is better; shown as an arrow, None for none.
        decimals: Digits after the point of numbers.
    """

    name: str
    unit: str = ""
    better: Literal["higher", "lower"] | None = None
    decimals: int = 3


@dataclass(frozen=True)
class Table:
    """A table; a cell is text, a number or None (shown as n/a).

    Attributes:
        caption: Above the table.
        columns: Headers; the first column heads its row.
        rows: Cells, each row as long as ``columns``.
        note: Below the table, empty for none.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise InputError(
                    f"table {self.caption!r}: row {number} has {len(row)} cells for "
                    f"{len(self.columns)} columns; give one cell per column"
                )


@dataclass(frozen=True)
class Curve:
    """One line of a figure: ``x`` and ``y`` of equal length."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise InputError(
                f"curve {self.label!r}: {len(self.x)} x for {len(self.y)} y; give as many of each"
            )


@dataclass(frozen=True)
class Curves:
    """A figure with lines; ``log_y`` for losses."""

    caption: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    log_y: bool = False


@dataclass(frozen=True)
class Slider:
    """A picture compared in several states (blurry, restored by …, sharp) under one slider.

    Attributes:
        caption: Which picture, from where.
        states: Label and ``(H, W, 3)`` uint8 RGB picture, two or more, all of one size.
    """

    caption: str
    states: tuple[tuple[str, NDArray[np.uint8]], ...]

    def __post_init__(self) -> None:
        if len(self.states) < 2:
            raise InputError(f"slider {self.caption!r}: needs two states or more to compare")
        first = self.states[0][1].shape
        for label, picture in self.states:
            if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
                raise ImageError(
                    f"slider {self.caption!r}: {label!r} is {picture.dtype} {picture.shape}; "
                    "give (H, W, 3) uint8"
                )
            if picture.shape != first:
                raise ImageError(
                    f"slider {self.caption!r}: {label!r} is {picture.shape[1]}x{picture.shape[0]} "
                    f"but the first state is {first[1]}x{first[0]}; give one size"
                )


@dataclass(frozen=True)
class Facts:
    """Name and value pairs: settings, provenance."""

    caption: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


Part: TypeAlias = Table | Curves | Slider | Facts | Paragraph


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        title: Of the page.
        notice: Shown at the top, under every table and in every figure (such as
            "demo budget, not a comparison"); empty for none.
        sections: Heading and parts, in order.
        summary: One line under the title, empty for none.
    """

    title: str
    notice: str
    sections: tuple[tuple[str, tuple[Part, ...]], ...]
    summary: str = ""
