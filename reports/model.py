"""Page model: contents of a report, independent of rendering.

Callers fill the model; :mod:`defocus.reports.html` and :mod:`defocus.reports.pdf` render it. All
text is plain text: the renderers escape it.
"""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError, InputError
from defocus.reports.figure import Curve, Curves, Point, Scatter

__all__ = [
    "Beside",
    "Cell",
    "Column",
    "Curve",
    "Curves",
    "Facts",
    "Folded",
    "Gallery",
    "Link",
    "Measured",
    "Page",
    "Paragraph",
    "Part",
    "Point",
    "Scatter",
    "Slider",
    "Table",
    "Tabs",
    "Tile",
    "parts_inside",
]

_ANCHOR = re.compile(r"[a-z0-9][a-z0-9-]*")
_TARGET = re.compile(
    r"(?:(?:\.\./)?[a-z0-9][a-z0-9-]*(?:/[a-z0-9][a-z0-9-]*)*\.(?:html|pdf|csv))?(?:#[a-z0-9-]+)?"
)


@dataclass(frozen=True)
class Measured:
    """A cell with a number and its uncertainty.

    Attributes:
        value: The number; None if there is none.
        interval: Lower and upper end of its confidence interval.
        place: 1 marks the best of its column, 2 the second best; None is unmarked.
        beside: Smaller text beside it, such as a published number; empty for none.
        notes: Numbers of the page's notes, counted from 1, that belong to ``beside``.
        spread: Standard deviation over trainings, for papers; None if there is none.
    """

    value: float | None
    interval: tuple[float, float] | None = None
    place: Literal[1, 2] | None = None
    beside: str = ""
    notes: tuple[int, ...] = ()
    spread: float | None = None


@dataclass(frozen=True)
class Link:
    """A cell with a link to another place of the report.

    Attributes:
        text: Text of the link.
        target: ``#anchor`` of the same page, or a file of the report such as ``pages/a.html``; one
            folder up at most.
        marks: Short words beside the text, such as ``official``.
    """

    text: str
    target: str
    marks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.target or not _TARGET.fullmatch(self.target):
            raise InputError(f"link {self.text!r}: target {self.target!r} is no place in a report")


Cell: TypeAlias = str | float | Measured | Link | None


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: Header text, such as ``PSNR``.
        unit: Shown beside the name; empty for none.
        better: Better direction, shown as an arrow; None for none.
        decimals: Digits after the point of numbers.
        choose: Filter of the column on the HTML page: ``value`` filters rows by its texts,
            ``limit`` by a largest number, and ``column`` shows or hides these columns.
        bar: Whether the HTML page also draws its numbers and intervals, all on one scale with 0.
        extra: Whether the HTML page shows it only on demand.
    """

    name: str
    unit: str = ""
    better: Literal["higher", "lower"] | None = None
    decimals: int = 3
    choose: Literal["value", "limit", "column"] | None = None
    bar: bool = False
    extra: bool = False


@dataclass(frozen=True)
class Table:
    """A table; a cell is text, a number or None (shown as n/a).

    Attributes:
        caption: Text above the table.
        columns: Columns; the first one names the row.
        rows: Rows of cells, each as long as ``columns``.
        note: Text below the table, empty for none.
        notes: Numbers of the page's notes that belong to the table, counted from 1.
        anchors: A permanent name for each row, for links; empty for none.
        facets: Properties of the table, such as ``("Protocol", "gt")``, by which readers of the
            HTML page choose tables.
        large: Whether to sort by the digits shown, which halves the size of pages with many rows.
        references: Indices of rows that are drawn as lines across: nobody competes there.
        stacked: Whether a phone shows each row as a card, for tables with sentences.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    notes: tuple[int, ...] = ()
    anchors: tuple[str, ...] = ()
    facets: tuple[tuple[str, str], ...] = ()
    large: bool = False
    references: tuple[int, ...] = ()
    stacked: bool = False

    def __post_init__(self) -> None:
        if self.anchors and len(self.anchors) != len(self.rows):
            raise InputError(
                f"table {self.caption!r}: {len(self.anchors)} anchors for {len(self.rows)} rows"
            )
        _require_anchors(self.caption, self.anchors)
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise InputError(
                    f"table {self.caption!r}: row {number} has {len(row)} cells for "
                    f"{len(self.columns)} columns; give one cell per column"
                )


@dataclass(frozen=True)
class Slider:
    """A picture compared in several states (blurry, restored by …, sharp) under one slider.

    Attributes:
        caption: The picture and its origin.
        states: Label and ``(H, W, 3)`` uint8 RGB picture, two or more, all of one size.
        overlay: Label and ``(H, W, 4)`` uint8 RGBA picture of the same size that can be laid over
            all states, such as flow arrows; None for none.
        anchor: A permanent name, for links to the picture; empty for none.
    """

    caption: str
    states: tuple[tuple[str, NDArray[np.uint8]], ...]
    overlay: tuple[str, NDArray[np.uint8]] | None = None
    anchor: str = ""

    def __post_init__(self) -> None:
        if self.anchor:
            _require_anchors(self.caption, (self.anchor,))
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
        if self.overlay is not None and self.overlay[1].shape != (*first[:2], 4):
            raise ImageError(
                f"slider {self.caption!r}: the overlay is {self.overlay[1].shape}; "
                f"give {(*first[:2], 4)} uint8"
            )


@dataclass(frozen=True)
class Tile:
    """A small picture of a gallery, ``(H, W, 3)`` uint8 RGB, with a line below its label."""

    label: str
    picture: NDArray[np.uint8]
    line: str = ""


@dataclass(frozen=True)
class Gallery:
    """Small pictures side by side: crops, error maps; shown pixel by pixel, not smoothed."""

    caption: str
    tiles: tuple[Tile, ...]
    note: str = ""


@dataclass(frozen=True)
class Facts:
    """Name and value pairs: settings, provenance."""

    caption: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Folded:
    """Parts under a heading, folded until a reader opens them.

    Attributes:
        title: Heading, always shown.
        anchor: A permanent name, for links that open it.
        parts: The parts inside.
        line: Text beside the title, empty for none.
    """

    title: str
    anchor: str
    parts: "tuple[Part, ...]"
    line: str = ""

    def __post_init__(self) -> None:
        _require_anchors(self.title, (self.anchor,))


@dataclass(frozen=True)
class Tabs:
    """Parts of which the HTML page shows one at a time; print has them one after another.

    Attributes:
        label: What one chooses, such as ``Compared with``.
        tabs: Name and parts of each; the first is shown.
    """

    label: str
    tabs: "tuple[tuple[str, tuple[Part, ...]], ...]"


@dataclass(frozen=True)
class Beside:
    """Parts in two columns where the page is wide enough: first ``aside``, then ``parts``."""

    aside: "tuple[Part, ...]"
    parts: "tuple[Part, ...]"


def _require_anchors(owner: str, anchors: tuple[str, ...]) -> None:
    for anchor in anchors:
        if not _ANCHOR.fullmatch(anchor):
            raise InputError(f"{owner!r}: anchor {anchor!r} is not lower-case letters and digits")


Part: TypeAlias = (
    Table | Curves | Scatter | Slider | Gallery | Facts | Paragraph | Folded | Tabs | Beside
)


def parts_inside(part: Part) -> tuple[Part, ...]:
    """The parts directly inside a part, in order."""
    match part:
        case Folded():
            return part.parts
        case Tabs():
            return tuple(each for _, parts in part.tabs for each in parts)
        case Beside():
            return (*part.aside, *part.parts)
    return ()


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        title: Title of the page.
        notice: Notice at the top and on every printed page, such as "demo budget, not a
            comparison"; empty for none.
        sections: Heading and parts, in order.
        summary: The result in a sentence, under the title, or in a few lines; empty for none.
        notes: Notes at the end, numbered from 1; tables and cells refer to them.
        in_menu: How many of the first sections the menu of the HTML page has; None = all.
    """

    title: str
    notice: str
    sections: tuple[tuple[str, tuple[Part, ...]], ...]
    summary: str = ""
    notes: tuple[str, ...] = ()
    in_menu: int | None = None
