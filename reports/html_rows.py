"""HTML rows of a table; no template, for tables of 100,000 rows."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median

from markupsafe import Markup, escape

from defocus.reports.display import (
    MISSING,
    cell_text,
    column_is_numeric,
    interval_text,
    visible,
)
from defocus.reports.model import Cell, Column, Heading, Link, Measured, Table

WIDTH = 220.0
HEIGHT = 16.0
"""A bar's size in the units of its drawing, which are about pixels of a wide screen."""

EDGE = 3.0
FAR = 8.0
"""Multiple of the median size above which a number has no bar: its bar would flatten all others."""


@dataclass(frozen=True)
class Scale:
    """The range of a column's bars, with 0 in it."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value is inside."""
        return self.low <= value <= self.high

    def place(self, value: float) -> float:
        """Position of a value, which may be outside, in units of the drawing."""
        width = WIDTH - 2 * EDGE
        length = self.high - self.low
        share = (value - self.low) / length
        inside = min(1.0, max(0.0, share))
        return round(EDGE + inside * width, 1)


def bar_scale(cells: Sequence[Cell]) -> Scale | None:
    """The scale that holds 0 and all numbers with their intervals but those far out, if any."""
    spans = list(filter(None, map(_value_and_interval, cells)))
    if not spans:
        return None
    typical = median(abs(value) for value, *_ in spans)
    far = FAR * typical or math.inf
    ends: list[float] = []
    for span in spans:
        value = span[0]
        if abs(value) <= far:
            ends += span
    low, high = min(0.0, *ends), max(0.0, *ends)
    return Scale(low, high if high > low else low + 1.0)


def _value_and_interval(cell: Cell) -> tuple[float, ...]:
    """The value of a cell and the ends of its interval, as far as it has them."""
    if not isinstance(cell, Measured) or cell.value is None:
        return ()
    if cell.interval is None:
        return (cell.value,)
    return (cell.value, *cell.interval)


def bar_of(cell: Cell, scale: Scale) -> Markup:
    """A bar from 0 to the number, with its interval as a line; none where it leaves the scale."""
    zero = scale.place(0.0)
    drawn = ""
    value = cell.value if isinstance(cell, Measured) else None
    if value is not None and scale.holds(value):
        end = scale.place(value)
        kind = "up" if value >= 0 else "down"
        drawn = f'<path class="{kind}" d="M{zero:g} 4H{end:g}v8H{zero:g}z"/>'
        drawn += _interval_line(cell, scale)
    zero_line = f'<path class="zero" d="M{zero:g} 0v{HEIGHT:g}"/>'
    return Markup(  # noqa: S704 - numbers alone
        f'<svg class="bar" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" aria-hidden="true">'
        f"{drawn}{zero_line}</svg>"
    )


def _interval_line(cell: Cell, scale: Scale) -> str:
    if not isinstance(cell, Measured) or not cell.interval:
        return ""
    low, high = cell.interval
    left = scale.place(low)
    right = scale.place(high)
    return f'<path d="M{left:g} 8H{right:g}M{left:g} 5v6M{right:g} 5v6"/>'


PLACES = {1: ("b", "best"), 2: ("u", "second")}
"""How a marked cell is written, and how a screen reader names it."""

SENTENCE = 40
"""Number of characters from which a text needs a wide column on a phone: a column of short words
gets tall rows."""

AMONG = {"Gain": "gain-set", "Scores": "scores", "Cost": "cost"}
"""Class of the cells of each set of columns."""

SHORT_ASIDE = 14
"""Number of characters up to which the text next to a number stays on one line, such as ``or 1 to
35``."""

Writer = Callable[[Cell], str]


def numeric_columns(table: Table) -> tuple[bool, ...]:
    """Which columns have a number."""
    indices = range(len(table.columns))
    return tuple(column_is_numeric(table.rows, index) for index in indices)


def table_bodies(table: Table) -> Iterator[tuple[Heading | None, Iterator[Markup]]]:
    """The rows of a table as markup below their headings; without any, all rows are one body."""
    rows = table_rows(table)
    if not table.headings:
        yield None, rows
    for heading in table.headings:
        yield heading, islice(rows, heading.rows)


def table_rows(table: Table) -> Iterator[Markup]:
    """The rows of a table's body as markup, all text in it escaped."""
    numeric = numeric_columns(table)
    writers = []
    for index, column in enumerate(table.columns[1:], start=1):
        writer = _writer(index, column, numeric[index], table)
        writers.append(writer)
    names = table.anchors or ("",) * len(table.rows)
    for number, (row, name) in enumerate(zip(table.rows, names, strict=True)):
        head = _head(row[0], table.columns[0], name)
        cells = ""
        for write, cell in zip(writers, row[1:], strict=True):
            cells += write(cell)
        attributes = f' id="{name}"' if name else ""
        if number in table.references:
            attributes += ' class="reference"'
        yield Markup(  # noqa: S704 - every text in it went through escape()
            f"<tr{attributes}>{head}{cells}</tr>"
        )


def _head(cell: Cell, column: Column, anchor: str) -> str:
    text = cell_text(cell, column)
    shown = escape(text)
    if isinstance(cell, Link):
        shown = _linked(cell, text)
    link = ""
    if anchor:
        words = Markup("Link to this row: {}").format(text)
        link = f'<a class="permalink" href="#{anchor}" aria-label="{words}">#</a>'
    return f'<th scope="row">{shown}{link}</th>'


def _linked(cell: Link, text: str) -> Markup:
    mark = Markup(' <span class="mark">{}</span>')
    marks = Markup("")
    for word in cell.marks:
        marks += mark.format(visible(word))
    notes = _note_links(cell.notes, text)
    return Markup('<a href="{}">{}</a>{}{}').format(cell.target, text, marks, notes)


def _note_links(notes: Sequence[int], about: str) -> Markup:
    """Numbers of the page's notes, which open beside them."""
    if not notes:
        return Markup("")
    link = Markup('<a href="#note-{}" aria-label="Note {} on {}">{}</a>')
    links = [link.format(number, number, about, number) for number in notes]
    return Markup("<sup>{}</sup>").format(Markup(",").join(links))


def _writer(index: int, column: Column, number: bool, table: Table) -> Writer:
    def write_large(cell: Cell) -> str:
        text = escape(cell_text(cell, column))
        return f"<td>{text}{_interval(cell, column)}</td>"

    if table.large:
        return write_large

    scale = _scale(index, column, table)
    label = f' data-label="{escape(column.name)}"' if table.stacked else ""

    def write(cell: Cell) -> str:
        text = cell_text(cell, column)
        shown = str(escape(text))
        classes = _classes(text, column, number=number)
        if isinstance(cell, Link):
            shown = str(_linked(cell, text))
        elif isinstance(cell, Measured):
            shown = _marked(shown, cell) + _beside(cell, column)
        if scale:
            classes.append("gain")
            shown = f"{bar_of(cell, scale)}{shown}"
        attributes = f' class="{" ".join(classes)}"' if classes else ""
        return f"<td{attributes}{label}>{shown}</td>"

    return write


def _scale(index: int, column: Column, table: Table) -> Scale | None:
    """The scale of the bars of a column; None without bars."""
    if not column.bar:
        return None
    competing = []
    for number, row in enumerate(table.rows):
        if number not in table.references:
            competing.append(row[index])
    return bar_scale(competing)


def _classes(text: str, column: Column, *, number: bool) -> list[str]:
    """The classes of a cell in the order in which the page has them."""
    classes = []
    if number:
        classes.append("number")
    elif column.choose == "value":
        classes.append("choice")
    classes += column_classes(column)
    if text == MISSING:
        classes.append("missing")
    if len(text) > SENTENCE:
        classes.append("sentence")
    return classes


def column_classes(column: Column) -> list[str]:
    """Classes of all cells of a column that the page does not always show."""
    classes = []
    if column.extra:
        classes.append("extra")
    if column.among:
        classes.append(AMONG[column.among])
    return classes


def _interval(cell: Cell, column: Column) -> str:
    """The interval of a number in a large table, whose caption says what it is."""
    if not isinstance(cell, Measured) or not cell.interval:
        return ""
    return f"<small>{interval_text(cell.interval, column.decimals)}</small>"


def _marked(shown: str, cell: Measured) -> str:
    """Mark the best in bold and the second by underlining, both also in words."""
    if cell.place is None:
        return shown
    tag, word = PLACES[cell.place]
    return f'<{tag}>{shown}</{tag}><span class="unseen"> ({word})</span>'


def _beside(cell: Measured, column: Column) -> str:
    parts = ""
    if cell.interval:
        ends = interval_text(cell.interval, column.decimals)
        parts += f'<span class="aside"><span class="unseen">95 % interval </span>{ends}</span>'
    if cell.beside or cell.notes:
        links = ",".join(f'<a href="#note-{n}">{n}</a>' for n in cell.notes)
        notes = f"<sup>{links}</sup>" if links else ""
        is_long = len(cell.beside) > SHORT_ASIDE
        kind = "aside long" if is_long else "aside"
        text = escape(visible(cell.beside))
        parts += f'<span class="{kind}">{text}{notes}</span>'
    return parts
