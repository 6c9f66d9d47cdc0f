"""Text in the cells of a terminal: characters of East Asia take two, marks none."""

import itertools
import re
import shutil
import sys
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence

PAGE_CELLS = 100
"""Width of a line of words, in characters, where stdout is not a terminal."""

BETWEEN = "   "
"""Blanks between columns."""

_NARROWEST = 5
"""Width, in characters, that a column of words keeps where there is no room for it."""

_ITEM = re.compile(r"(\s*)(?:[-*]|(\d+\.)) ")
_INLINE = (
    (re.compile(r"\*\*(.+?)\*\*"), r"\1"),
    (re.compile(r"(?<![\w*])\*([^*]+)\*(?![\w*])"), r"\1"),
    (re.compile(r"\[([^]]+)\]\(([^)]+)\)"), r"\1 (\2)"),
    (re.compile(r"`|\\(?=[|*_])"), ""),
)
"""Bold, italic, links, code and escapes of Markdown, and what a terminal shows."""


def stdout_cells(elsewhere: int = PAGE_CELLS) -> int:
    """Cells of a line of the terminal; ``elsewhere`` if stdout is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else elsewhere


def cell_width(text: str) -> int:
    """How many cells a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(sign: str) -> int:
    if unicodedata.category(sign) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in {"W", "F"} else 1


def cut(text: str, cells: int) -> str:
    """As much of a text as ``cells`` cells hold."""
    used = 0
    for place, sign in enumerate(text):
        used += _cells(sign)
        if used > cells:
            return text[:place]
    return text


def padded(
    text: str,
    cells: int,
    *,
    right: bool = False,
) -> str:
    """A text with blanks to a number of cells: behind it, or before it."""
    blanks = " " * (cells - cell_width(text))
    return blanks + text if right else text + blanks


def wrapped(text: str, cells: int) -> list[str]:
    """The words of a text in lines of at most ``cells`` cells; a longer word is cut."""
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_width(joined) <= cells:
            lines[-1] = joined
            continue
        lines += _pieces(word, cells)
    return [line.rstrip() for line in lines if line.strip()] or [""]


def _pieces(word: str, cells: int) -> list[str]:
    """A word cut into pieces that fit; a character that is too wide stays whole."""
    pieces = []
    rest = word
    while cell_width(rest) > cells:
        piece = cut(rest, cells)
        if not piece:
            break
        pieces.append(piece)
        rest = rest[len(piece) :]
    return [*pieces, rest]


def column_widths(
    rows: Iterable[Sequence[str]],
    cells: int,
    fixed: Collection[int] = (),
) -> list[int]:
    """Cells of each column, so that all fit; columns that are not fixed shrink, widest first."""
    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
    giving = [at for at in range(len(widths)) if at not in fixed]
    room = cells - 1 - len(BETWEEN) * (len(widths) - 1)
    while giving and sum(widths) > room:
        widest = max(giving, key=widths.__getitem__)
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return widths


def row_lines(
    row: Sequence[str],
    widths: Sequence[int],
    right: Collection[int] = (),
) -> Iterator[str]:
    """The lines of a row, whose cells are wrapped; some columns are aligned to the right."""
    cells = [wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    for line in itertools.zip_longest(*cells, fillvalue=""):
        placed = (
            padded(line[at], width, right=at in right)
            for at, width in enumerate(widths)
        )
        yield f" {BETWEEN.join(placed)}".rstrip()


def markdown_lines(text: str, cells: int) -> Iterator[str]:
    """A text in Markdown as people read it: headings, paragraphs, lists, tables and code."""
    for number, part in enumerate(text.split("```")):
        if number % 2:
            yield from (f"    {line}" for line in part.rstrip().split("\n")[1:])
            yield ""
            continue
        for kind, lines in itertools.groupby(part.split("\n"), _kind):
            if kind:
                form = _table_lines if kind == "|" else _text_lines
                yield from form(lines, cells)
                yield ""


def _kind(line: str) -> str:
    """The kind of part that a line of Markdown belongs to: a table, a heading, a text; or empty."""
    begin = line.strip()[:1]
    return begin if begin in {"", "|", "#"} else "text"


def _table_lines(lines: Iterable[str], cells: int) -> Iterator[str]:
    rows = [_table_row(line) for line in lines]
    rows = [row for row in rows if not set("".join(row)) <= set("-: ")]
    columns = max(map(len, rows), default=0)
    rows = [[*row, *[""] * (columns - len(row))] for row in rows]
    widths = column_widths(rows, cells)
    for row in rows:
        yield from row_lines(row, widths)


def _table_row(line: str) -> list[str]:
    """The cells of a line of a table."""
    cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [_plain(cell.strip()) for cell in cells]


def _text_lines(lines: Iterable[str], cells: int) -> Iterator[str]:
    import click

    for marker, words in _items(lines):
        is_heading = words.startswith("#")
        text = _plain(words.lstrip("# "))
        begin = marker
        for line in wrapped(text, cells - len(marker)):
            shown = f"{begin}{line}"
            yield click.style(shown, bold=True) if is_heading else shown
            begin = " " * len(marker)


def _items(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Marker and words of each item of a list, each heading and a paragraph."""
    items: list[tuple[str, str]] = []
    for line in lines:
        item = _ITEM.match(line)
        words = line.strip()
        if item is not None:
            marker = f"{item[1]} {item[2] or '•'} "
            items.append((marker, line[item.end() :].strip()))
        elif not items or words.startswith("#"):
            items.append(("", words))
        else:
            begin, before = items[-1]
            items[-1] = (begin, f"{before} {words}")
    return iter(items)


def _plain(text: str) -> str:
    for form, shown in _INLINE:
        text = form.sub(shown, text)
    return text
