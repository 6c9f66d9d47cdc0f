"""What a reader sees of text and numbers: hostile characters made visible, digits aligned."""

import math
import re
import unicodedata

from defocus.reports.model import Cell, Column

__all__ = ["MISSING", "better_text", "cell_text", "column_is_numeric", "sort_value", "visible"]

MISSING = "n/a"
"""How a value that does not exist is shown."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_HIDDEN_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # blank, but letters to Unicode


def visible(text: str) -> str:
    """Replace each character that cannot be seen by its code point, such as ``⟨U+202E⟩``.

    Control, bidirectional, zero-width, private and unassigned characters and lone surrogates (from
    file names that are not UTF-8) could hide or reorder what stands beside them. Line breaks and
    tabs become spaces.

    Args:
        text: Anything.

    Returns:
        Text that encodes as UTF-8 and displays in the order in which it is stored.
    """
    return "".join(
        f"⟨U+{ord(sign):04X}⟩"
        if unicodedata.category(sign) in _HIDDEN_CATEGORIES or sign in _HIDDEN_LETTERS
        else sign
        for sign in re.sub(r"\r\n|[\r\n\t]", " ", text)
    )


def cell_text(cell: Cell, column: Column) -> str:
    """A cell as it is printed: numbers with the column's decimals, None and NaN as n/a.

    Args:
        cell: Text, number or None.
        column: Its column.

    Returns:
        Plain text, not escaped for any format.
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return MISSING
    if isinstance(cell, str):
        return visible(cell)
    if math.isinf(cell):
        return "∞" if cell > 0 else "−∞"
    text = f"{cell:.{column.decimals}f}"
    negative = text.startswith("-") and float(text) != 0.0  # no "-0.000"
    return ("−" if negative else "") + text.lstrip("-")


def sort_value(cell: Cell) -> str:
    """The full number behind a cell for sorting; empty for text and for what is missing."""
    if cell is None or isinstance(cell, str) or math.isnan(cell):
        return ""
    return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(cell) or repr(float(cell))


def column_is_numeric(rows: tuple[tuple[Cell, ...], ...], index: int) -> bool:
    """Whether a column has a number, so that it is aligned to the right."""
    return any(isinstance(row[index], int | float) for row in rows)


def better_text(column: Column) -> str:
    """The direction of a column in words for screen readers, empty where there is none."""
    return f"{column.better} is better" if column.better else ""
