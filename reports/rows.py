"""HTML rows of a table; no template, for tables of 100,000 rows."""

from collections.abc import Callable, Iterator

from markupsafe import Markup, escape

from defocus.reports.model import Cell, Column, Link, Measured, Table
from defocus.reports.text import (
    MISSING,
    cell_text,
    column_is_numeric,
    number_text,
    sort_value,
    visible,
)

__all__ = ["numeric_columns", "table_rows"]

PLACES = {1: ("b", "best"), 2: ("u", "second")}
"""How a marked cell is written, and what a screen reader says of it."""

Writer = Callable[[Cell], str]


def numeric_columns(table: Table) -> tuple[bool, ...]:
    """Which columns have a number."""
    return tuple(column_is_numeric(table.rows, index) for index in range(len(table.columns)))


def table_rows(table: Table, id: str) -> Iterator[Markup]:  # noqa: A002 - the template's name for it
    """The rows of a table's body as markup, all text in it escaped.

    Args:
        table: The table.
        id: Id of the table on the page; its footnotes are ``{id}-note-1`` and so on.
    """
    numeric = numeric_columns(table)
    writers = [
        _writer(column, number, table, id)
        for column, number in zip(table.columns, numeric, strict=True)
    ]
    for row, name in zip(table.rows, table.anchors or ("",) * len(table.rows), strict=True):
        cells = "".join(write(cell) for write, cell in zip(writers[1:], row[1:], strict=True))
        start = f'<tr id="{name}">' if name else "<tr>"
        yield Markup(f"{start}{_head(row[0], table.columns[0], name)}{cells}</tr>")  # noqa: S704 - every text in it went through escape()


def _head(cell: Cell, column: Column, anchor: str) -> str:
    shown = escape(cell_text(cell, column))
    if isinstance(cell, Link):
        shown = Markup('<a href="{}">{}</a>').format(cell.target, cell_text(cell, column))
    link = ""
    if anchor:
        words = Markup("Link to this row: {}").format(cell_text(cell, column))
        link = f'<a class="permalink" href="#{anchor}" aria-label="{words}">#</a>'
    value = _sorted_by(cell)
    return f'<th scope="row"{value}>{shown}{link}</th>'


def _writer(column: Column, number: bool, table: Table, id: str) -> Writer:  # noqa: A002 - as above
    if table.large:
        return lambda cell: f"<td>{escape(cell_text(cell, column))}</td>"

    def write(cell: Cell) -> str:
        text = cell_text(cell, column)
        shown = str(escape(text))
        classes = ["number"] if number else ["choice"] if column.choose == "value" else []
        if text == MISSING:
            classes.append("missing")
        if isinstance(cell, Link):
            shown = Markup('<a href="{}">{}</a>').format(cell.target, text)
        elif isinstance(cell, Measured):
            shown = _marked(shown, cell) + _beside(cell, column, id)
        known = f' class="{" ".join(classes)}"' if classes else ""
        return f"<td{known}{_sorted_by(cell)}>{shown}</td>"

    return write


def _sorted_by(cell: Cell) -> str:
    value = sort_value(cell)
    return f' data-value="{value}"' if value else ""


def _marked(shown: str, cell: Measured) -> str:
    """Mark the best in bold and the second by underlining, both also in words."""
    if cell.place is None:
        return shown
    tag, word = PLACES[cell.place]
    return f'<{tag}>{shown}</{tag}><span class="unseen"> ({word})</span>'


def _beside(cell: Measured, column: Column, id: str) -> str:  # noqa: A002 - as above
    parts = []
    if cell.interval:
        low, high = (number_text(end, column.decimals) for end in cell.interval)
        parts.append(
            f'<span class="aside"><span class="unseen">95 % interval </span>{low} – {high}</span>'
        )
    if cell.beside:
        notes = ",".join(f'<a href="#{id}-note-{n}">{n}</a>' for n in cell.footnotes)
        notes = f"<sup>{notes}</sup>" if notes else ""
        parts.append(f'<span class="aside long">{escape(visible(cell.beside))}{notes}</span>')
    return "".join(parts)
