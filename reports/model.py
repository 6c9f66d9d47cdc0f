"""Page model: contents of a report, all plain text; HTML and PDF renderers escape it."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError, InputError

Labelled: TypeAlias = tuple[str, NDArray[np.uint8]]
"""A picture with its label."""


@dataclass(frozen=True)
class Curve:
    """One line of a figure; the errors are half lengths, or lengths below and above."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    # empty for none; not for figures with ``log_y``
    errors: tuple[float | tuple[float, float], ...] = ()
    measured: bool = (
        False  # each point is a measurement with a marker; else a few have one
    )

    def __post_init__(self) -> None:
        points = len(self.y)
        if len(self.x) != points:
            raise InputError(
                f"curve {self.label!r}: {len(self.x)} x for {points} y; give as many of each"
            )
        if self.errors and len(self.errors) != points:
            raise InputError(
                f"curve {self.label!r}: {len(self.errors)} errors for {points} y; give as "
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
    floor: float | None = (
        None  # where the vertical axis begins, and lines end; None for all values
    )
    apart: bool = False  # points at one place are side by side, to show all error bars
    places: tuple[
        str, ...
    ] = ()  # names of 0, 1, 2 … on the horizontal axis; empty for numbers
    # the horizontal axis holds at least this range; left out of stamps of drawn charts
    x_least: tuple[float, float] | None = field(default=None, repr=False)
    note: str = ""

    def __post_init__(self) -> None:
        if self.log_y and any(curve.errors for curve in self.curves):
            raise InputError(f"figure {self.caption!r}: error bars need a linear axis")
        if not self.places:
            return
        places = set(range(len(self.places)))
        for curve in self.curves:
            drawn = {x for x in curve.x if not math.isnan(x)}
            if not drawn <= places:
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

    @property
    def has_front(self) -> bool:
        """Whether the figure has a line that its caption names."""
        return bool(self.marked_as) and any(point.marked for point in self.points)


_ANCHOR = re.compile(r"[a-z0-9][a-z0-9-]*")
_TARGET = re.compile(
    r"(?:(?:\.\./)?[a-z0-9][a-z0-9-]*(?:/[a-z0-9][a-z0-9-]*)*\.(?:html|pdf|csv))?(?:#[a-z0-9-]+)?"
)


@dataclass(frozen=True)
class Measured:
    """A cell with a number and its uncertainty."""

    value: float | None
    interval: tuple[float, float] | None = (
        None  # lower and upper end of the confidence interval
    )
    place: Literal[1, 2] | None = (
        None  # 1 marks the best of its column, 2 the second best
    )
    beside: str = ""  # smaller text, such as a published number
    notes: tuple[int, ...] = ()  # the page's notes, from 1, that belong to ``beside``
    spread: float | None = None  # standard deviation over trainings, for papers
    # whether it differs significantly from what it is compared with; None if nothing tested it
    differs: bool | None = None


@dataclass(frozen=True)
class Link:
    """A cell with a link to another place of the report."""

    text: str
    target: (
        str  # ``#anchor``, or a file such as ``pages/a.html``; one folder up at most
    )
    marks: tuple[str, ...] = ()  # short words beside the text, such as ``official``
    notes: tuple[int, ...] = ()  # the page's notes, from 1, that are about the marks

    def __post_init__(self) -> None:
        if not self.target or not _TARGET.fullmatch(self.target):
            raise InputError(
                f"link {self.text!r}: target {self.target!r} is not a place in a report"
            )


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
        among: The set of columns that the HTML page shows it with; empty for always.
        signed: Whether positive numbers have a plus, as differences do; those with a bar do.
        notes: Those of the table's notes that are about this column; the HTML page has their
            numbers beside its name.

    Examples:
        >>> import defocus
        >>> gain = defocus.Column("Gain", "dB", "higher", decimals=2, signed=True)
        >>> gain.name, gain.unit, gain.better
        ('Gain', 'dB', 'higher')
    """

    name: str
    unit: str = ""
    better: Literal["higher", "lower"] | None = None
    decimals: int = 3
    choose: Literal["value", "limit", "column"] | None = None
    bar: bool = False
    extra: bool = False
    among: Literal["", "Gain", "Scores", "Cost"] = ""
    signed: bool = False
    notes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Heading:
    """A heading over some rows of a table: its title and what can be said of all of them."""

    title: str  # empty for rows before the first heading
    rows: int
    line: str = ""


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
        headings: Headings between the rows, in order; together they have all rows, or there is
            none.

    Raises:
        InputError: A row does not have a cell for each column, or ``anchors`` or ``headings`` do
            not fit the rows.

    Examples:
        >>> import defocus
        >>> columns = (defocus.Column("System"), defocus.Column("Time", "s", "lower"))
        >>> table = defocus.Table("One picture", columns, (("wiener", 0.2), ("unet", None)))
        >>> len(table.rows), table.columns[1].unit
        (2, 's')
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
    headings: tuple[Heading, ...] = ()

    @classmethod
    def of(
        cls,
        caption: str,
        columns: "Iterable[Column | str]",
        rows: Iterable[Iterable[Cell]],
        note: str = "",
        **more: Any,  # noqa: ANN401 - the other fields
    ) -> "Table":
        """A table; a column of words is its name."""
        heads = []
        for column in columns:
            head = Column(column) if isinstance(column, str) else column
            heads.append(head)
        return cls(caption, tuple(heads), tuple(map(tuple, rows)), note, **more)

    @property
    def own_notes(self) -> tuple[int, ...]:
        """The notes that are about no single column or row."""
        elsewhere: set[int] = set()
        for column in self.columns:
            elsewhere.update(column.notes)
        for head, *_ in self.rows:
            if isinstance(head, Link):
                elsewhere.update(head.notes)
        return tuple(number for number in self.notes if number not in elsewhere)

    def __post_init__(self) -> None:
        if self.anchors and len(self.anchors) != len(self.rows):
            raise InputError(
                f"table {self.caption!r}: {len(self.anchors)} anchors for {len(self.rows)} rows"
            )
        _require_anchors(self.caption, self.anchors)
        below = sum(heading.rows for heading in self.headings)
        if self.headings and below != len(self.rows):
            raise InputError(
                f"table {self.caption!r}: headings for {below} rows, but it has {len(self.rows)}"
            )
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise InputError(
                    f"table {self.caption!r}: row {number} has {len(row)} cells for "
                    f"{len(self.columns)} columns; give one cell per column"
                )


@dataclass(frozen=True)
class Slider:
    """A picture compared in several states (blurry, restored by …, sharp) under one slider."""

    caption: str
    # label and ``(H, W, 3)`` RGB, two or more, all of one size
    states: tuple[Labelled, ...]
    # label and ``(H, W, 4)`` RGBA, such as flow arrows
    overlay: Labelled | None = None
    anchor: str = ""  # a permanent name, for links to the picture; empty for none

    def __post_init__(self) -> None:
        if self.anchor:
            _require_anchors(self.caption, (self.anchor,))
        if len(self.states) < 2:
            raise InputError(
                f"slider {self.caption!r}: needs two states or more to compare"
            )
        _, first_picture = self.states[0]
        first = first_picture.shape
        for label, picture in self.states:
            self._require_state(label, picture, first)
        if self.overlay is not None:
            self._require_overlay(self.overlay, first)

    def _require_overlay(self, overlay: Labelled, first: tuple[int, ...]) -> None:
        """Refuse an overlay that is not RGBA of the first state's size."""
        _, picture = overlay
        wanted = (*first[:2], 4)
        if picture.shape != wanted:
            raise ImageError(
                f"slider {self.caption!r}: the overlay is {picture.shape}; "
                f"give {wanted} uint8"
            )

    def _require_state(
        self,
        label: str,
        picture: NDArray[np.uint8],
        first: tuple[int, ...],
    ) -> None:
        """Refuse a state that is not RGB of 8 bits, or has another size than the first one."""
        is_rgb = picture.ndim == 3 and picture.shape[2] == 3
        if picture.dtype != np.uint8 or not is_rgb:
            raise ImageError(
                f"slider {self.caption!r}: {label!r} is {picture.dtype} {picture.shape}; "
                "give (H, W, 3) uint8"
            )
        if picture.shape != first:
            height, width, _ = picture.shape
            first_height, first_width, _ = first
            raise ImageError(
                f"slider {self.caption!r}: {label!r} is {width}x{height} "
                f"but the first state is {first_width}x{first_height}; give one size"
            )


@dataclass(frozen=True)
class Tile:
    """A small picture of a gallery, ``(H, W, 3)`` uint8 RGB, with a line below its label."""

    label: str
    picture: NDArray[np.uint8]
    line: str = ""
    target: str = ""  # a place of the page that the tile leads to; empty for none


@dataclass(frozen=True)
class Gallery:
    """Small pictures side by side: crops and error maps pixel by pixel, thumbnails smoothed."""

    caption: str
    tiles: tuple[Tile, ...]
    note: str = ""
    smooth: bool = False


@dataclass(frozen=True)
class Facts:
    """Name and value pairs: settings, provenance."""

    caption: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Paragraph:
    """Running text.

    Attributes:
        text: Plain sentences, without HTML or Markdown: a page shows each character as it is.

    Examples:
        >>> import defocus
        >>> defocus.Paragraph("Small networks are not always fast.").text
        'Small networks are not always fast.'
    """

    text: str


@dataclass(frozen=True)
class Folded:
    """Parts under a heading, folded until a reader opens them."""

    title: str
    anchor: str  # a permanent name, for links that open it
    parts: "tuple[Part, ...]"
    line: str = ""  # text beside the title, empty for none

    def __post_init__(self) -> None:
        _require_anchors(self.title, (self.anchor,))


@dataclass(frozen=True)
class Tabs:
    """Parts of which the HTML page shows one at a time; print has them one after another."""

    label: str  # what one chooses, such as ``Compared with``
    tabs: "tuple[tuple[str, tuple[Part, ...]], ...]"  # name and parts of each; the first is shown


@dataclass(frozen=True)
class Beside:
    """Parts in two columns where the page is wide enough: first ``aside``, then ``parts``."""

    aside: "tuple[Part, ...]"
    parts: "tuple[Part, ...]"


def _require_anchors(owner: str, anchors: tuple[str, ...]) -> None:
    for anchor in anchors:
        if not _ANCHOR.fullmatch(anchor):
            raise InputError(
                f"{owner!r}: anchor {anchor!r} is not lower-case letters and digits"
            )


Part: TypeAlias = (
    Table
    | Curves
    | Scatter
    | Slider
    | Gallery
    | Facts
    | Paragraph
    | Folded
    | Tabs
    | Beside
)


def parts_inside(part: Part) -> tuple[Part, ...]:
    """The parts directly inside a part, in order."""
    match part:
        case Folded():
            return part.parts
        case Tabs():
            return tuple(chain.from_iterable(parts for _, parts in part.tabs))
        case Beside():
            return (*part.aside, *part.parts)
    return ()


def all_parts(parts: Iterable[Part]) -> Iterator[Part]:
    """All parts in order, including those inside other parts."""
    for part in parts:
        yield part
        yield from all_parts(parts_inside(part))


@dataclass(frozen=True)
class Figure:
    """A number that answers a question, such as ``+1.18 dB``, and what it is."""

    number: str
    name: str
    line: str = ""  # smaller text, such as its interval


@dataclass(frozen=True)
class Page:
    """A report."""

    title: str
    notice: str  # at the top and on every printed page; empty for none
    sections: tuple[tuple[str, tuple[Part, ...]], ...]  # heading and parts, in order
    summary: str = ""  # the result in a sentence or a few lines, under the title
    notes: tuple[
        str, ...
    ] = ()  # at the end, numbered from 1; tables and cells refer to them
    in_menu: int | None = (
        None  # how many of the first sections the menu has; None = all
    )
    figures: tuple[Figure, ...] = ()  # the numbers behind the summary, below it
