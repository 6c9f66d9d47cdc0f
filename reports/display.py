"""Display of text and numbers: hidden characters made visible, digits aligned."""

import csv
import hashlib
import io
import math
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import TypeAlias

from defocus.reports.model import Cell, Column, Link, Measured

MISSING = "n/a"
"""How a value that does not exist is shown."""

CsvCell: TypeAlias = str | float | Decimal | None
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
# blank, but letters to Unicode
_HIDDEN_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")


def visible(text: str) -> str:
    """Replace each character that cannot be seen by its code point, such as ``⟨U+202E⟩``."""
    # Control, bidirectional, zero-width, private and unassigned characters and lone surrogates
    # (from file names that are not UTF-8) could hide or reorder what is beside them. Line ends
    # and tabs become spaces.
    # a picture in a page has a million letters
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_seen, re.sub(r"\r\n|[\r\n\t]", " ", text)))


def _seen(sign: str) -> str:
    is_control = unicodedata.category(sign) in _HIDDEN_CATEGORIES
    is_hidden = is_control or sign in _HIDDEN_LETTERS
    return code_point(sign) if is_hidden else sign


def code_point(sign: str) -> str:
    """A character that is not shown, as ``⟨U+200B⟩``."""
    return f"⟨U+{ord(sign):04X}⟩"


def capital(sentence: str) -> str:
    """The sentence with a capital letter; its names keep theirs."""
    return sentence[:1].upper() + sentence[1:]


def spreadsheet_text(text: str) -> str:
    """Text as a cell of CSV, on one line: an apostrophe before what a spreadsheet would run."""
    # Source: OWASP, CSV Injection.
    line = ""
    if text.startswith(("=", "+", "-", "@", "\t", "\r")):
        line = "'"
    if text.isprintable():
        return line + text
    for character in text:
        line += character if character.isprintable() else " "
    return line


def csv_text(lines: Iterable[Iterable[CsvCell]], digits: int | None = None) -> str:
    """Lines of cells as CSV with LF line ends, safe in a spreadsheet; floats with some digits."""

    def written(cell: CsvCell) -> object:
        if isinstance(cell, str):
            return spreadsheet_text(cell)
        if isinstance(cell, float) and digits:
            return f"{cell:.{digits}g}"
        return cell

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for line in lines:
        writer.writerow(map(written, line))
    return text.getvalue()


def anchor(kind: str, *names: str) -> str:
    """A permanent anchor of lower-case letters, digits and hyphens, determined by the names."""
    last = names[-1].lower() if names else ""
    words = re.sub(r"[^a-z0-9]+", "-", last).strip("-")
    readable = words[:40].strip("-")
    identity = "\0".join(names)
    encoded = identity.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(encoded).hexdigest()
    return "-".join(filter(None, (kind, readable, digest[:8])))


def plain(cell: Cell) -> str | float | None:
    """The text or number of a cell without its additions."""
    if isinstance(cell, Measured):
        return cell.value
    return cell.text if isinstance(cell, Link) else cell


def cell_text(cell: Cell, column: Column) -> str:
    """A cell as plain text: numbers with the column's decimals, None and NaN as n/a."""
    content = plain(cell)
    if isinstance(content, str):
        return visible(content)
    text = number_text(content, column.decimals)
    signed = column.bar or column.signed
    positive = content is not None and content > 0
    return f"+{text}" if signed and positive else text


def number_text(number: float | None, decimals: int) -> str:
    """A number with a fixed number of decimals and a true minus sign; None and NaN as n/a."""
    if number is None or math.isnan(number):
        return MISSING
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    text = f"{number:.{decimals}f}"
    digits = text.removeprefix("-")
    is_zero = float(text) == 0.0  # no "-0.000"
    is_negative = digits != text and not is_zero
    return f"−{digits}" if is_negative else digits


def interval_text(interval: tuple[float, float], decimals: int) -> str:
    """Both ends of an interval, each as :func:`number_text` writes it."""
    low, high = (number_text(end, decimals) for end in interval)
    return f"{low} – {high}"


def signed_text(number: float | None, decimals: int) -> str:
    """A difference with its sign, as :func:`number_text` writes it."""
    text = number_text(number, decimals)
    if text == MISSING or text.startswith("−"):
        return text
    return f"+{text}"


def shown_difference(
    one: float, other: float, decimals: int, exact: float | None = None
) -> float:
    """What readers get who subtract two numbers as they are shown.

    ``exact`` is the difference that is meant. It stays where it is about other items than the two
    numbers, that is, where rounding cannot explain how far it is from what readers get.
    """
    if exact is None:
        exact = one - other
    if not all(map(math.isfinite, (exact, one, other))):
        return exact
    shown_one = round(one, decimals)
    shown_other = round(other, decimals)
    shown = round(shown_one - shown_other, decimals)
    # half a unit of each number, and the noise of floats
    by_rounding = 1.01 * 10**-decimals
    return shown if abs(shown - exact) <= by_rounding else exact


def column_is_numeric(rows: tuple[tuple[Cell, ...], ...], index: int) -> bool:
    """Whether a column has a number, so that it is aligned to the right."""
    contents = (plain(row[index]) for row in rows)
    return any(isinstance(content, int | float) for content in contents)


def better_text(column: Column) -> str:
    """The better direction of a column in words, for screen readers; empty if there is none."""
    return f"{column.better} is better" if column.better else ""
