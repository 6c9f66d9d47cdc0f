"""Render a page as PDF/UA-1 with typst; data are passed as JSON, never as markup."""

import itertools
import json
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from defocus.pictures import PICTURE_FORMAT, picture_name
from defocus.reports import display
from defocus.reports.environment import TEMPLATES
from defocus.reports.model import (
    Beside,
    Cell,
    Column,
    Curves,
    Facts,
    Figure,
    Folded,
    Gallery,
    Link,
    Measured,
    Page,
    Paragraph,
    Part,
    Scatter,
    Slider,
    Table,
    Tabs,
)
from defocus.reports.pictures import Encoded, encode_states, encode_tiles, laid_over
from defocus.reports.plot import PAGE_FONT_PT, page_plot

if TYPE_CHECKING:
    from typst import Fonts

Typst = dict[str, Any]
"""A part as the template of the document gets it."""

PICTURE_BUDGET_BYTES = 120_000
"""Largest size of each picture of a comparison in the document, in bytes."""

PICTURE_WIDTH_PX = 800
HALF_FONT_PT = 11.5
"""Size of the numbers at the axes of a half-width figure, in units of 1/720 of the figure's
width."""

LONG_WORD = 18
LATER_BREAK = 12


def render_pdf(page: Page) -> bytes:
    """Render a page as a tagged A4 PDF (PDF/UA-1), numbered, with the notice on every page."""
    # Fonts come from typst and matplotlib, never from the system, so that the same page gives the
    # same bytes in the same environment. A character without a glyph is shown by its code point.
    import typst

    with tempfile.TemporaryDirectory(prefix="defocus-report-") as name:
        folder = Path(name)
        content: bytes = typst.compile(
            write_typst(page, folder),
            root=folder,
            font_paths=_fonts(),
            pdf_standards=["ua-1"],
        )
    return content


def write_typst(page: Page, folder: Path) -> Path:
    """Write the input of typst into an empty folder; return the template's path in it."""
    sections = []
    for number, (heading, parts) in enumerate(page.sections):
        written = _parts(parts, folder, str(number))
        sections.append({"heading": _printable(heading), "parts": written})
    lines = page.summary.split("\n")
    document = {
        "title": _printable(page.title),
        "summary": "\n".join(map(_printable, lines)),
        "notice": _printable(page.notice),
        "figures": [_printable_fields(figure) for figure in page.figures],
        "sections": sections,
        "notes": [_printable(note) for note in page.notes],
    }
    (folder / "page.json").write_text(json.dumps(document), encoding="utf-8")
    template = folder / "report.typ"
    template.write_bytes((TEMPLATES / "report.typ").read_bytes())
    return template


def _parts(parts: Sequence[Part], folder: Path, stem: str) -> list[Typst]:
    """All parts in order; several curves in a row are two beside each other."""
    grouped: list[Typst] = []
    runs = itertools.groupby(
        enumerate(parts), key=lambda numbered: isinstance(numbered[1], Curves)
    )
    for are_curves, run in runs:
        members = list(run)
        in_pairs = are_curves and len(members) > 2
        font_pt = HALF_FONT_PT if in_pairs else PAGE_FONT_PT
        written = []
        for index, part in members:
            written.append(_part(part, folder, f"{stem}-{index}", font_pt))
        if in_pairs:
            grouped.append({"kind": "pairs", "parts": written})
        else:
            grouped += written
    return grouped


def _part(part: Part, folder: Path, stem: str, font_pt: float) -> Typst:
    match part:
        case Table():
            return _table(part)
        case Slider():
            return _comparison(part, folder, stem)
        case Gallery():
            return _gallery(part, folder, stem)
        case Curves():
            return _curves(part, folder, stem, font_pt)
        case Scatter():
            return _scatter(part, folder, stem)
        case Folded():
            heading = f"{part.title}, {part.line}" if part.line else part.title
            return _folded(heading, part.parts, folder, stem)
        case Tabs():
            return {"kind": "group", "parts": _tabs(part, folder, stem)}
        case Beside():
            return {"kind": "group", "parts": _parts(_in_print(part), folder, stem)}
        case Facts():
            return _facts(part)
        case Paragraph():
            return {"kind": "paragraph", "text": _printable(part.text)}


def _facts(facts: Facts) -> Typst:
    lines = []
    for name, value in facts.facts:
        lines.append([_printable(name), _printable(value)])
    return {"kind": "facts", "caption": _printable(facts.caption), "facts": lines}


def _folded(heading: str, parts: Sequence[Part], folder: Path, stem: str) -> Typst:
    return {
        "kind": "folded",
        "heading": _printable(heading),
        "parts": _parts(parts, folder, stem),
    }


def _tabs(tabs: Tabs, folder: Path, stem: str) -> list[Typst]:
    folded = []
    for number, (name, parts) in enumerate(tabs.tabs):
        tab = _folded(name, parts, folder, f"{stem}-{number}")
        folded.append(tab)
    return folded


def _in_print(beside: Beside) -> tuple[Part, ...]:
    """The order in print: first tab of the parts beside, main parts, other tabs."""
    first: list[Part] = []
    later: list[Part] = []
    for part in beside.aside:
        if isinstance(part, Tabs):
            first.append(replace(part, tabs=part.tabs[:1]))
            later.append(replace(part, tabs=part.tabs[1:]))
        else:
            first.append(part)
    return (*first, *beside.parts, *later)


def _printable_fields(figure: Figure) -> dict[str, str]:
    fields = {}
    for name, text in vars(figure).items():
        fields[name] = _printable(text)
    return fields


def _table(table: Table) -> Typst:
    columns = []
    for index, column in enumerate(table.columns):
        head = {
            "name": _printable(column.name),
            "unit": _printable(column.unit),
            "better": display.better_text(column),
            "numeric": display.column_is_numeric(table.rows, index),
        }
        columns.append(head)
    rows = []
    for row in table.rows:
        cells = []
        for cell, column in zip(row, table.columns, strict=True):
            cells.append(_cell(cell, column))
        rows.append(cells)
    numbers = ", ".join(map(str, table.notes))
    several = "s" if len(table.notes) > 1 else ""
    referred = f"Note{several} {numbers} at the end." if numbers else ""
    return {
        "kind": "table",
        "caption": _printable(table.caption),
        "columns": columns,
        "rows": rows,
        "notes": [_printable(note) for note in (table.note, referred) if note],
        "references": list(table.references),
        "headings": _headings(table),
    }


def _headings(table: Table) -> dict[str, list[str]]:
    """The headings of a table, title and line, by the number of the row that they are above."""
    headings: dict[str, list[str]] = {}
    row = 0
    for heading in table.headings:
        if heading.title:
            texts = [_printable(heading.title), _printable(heading.line)]
            headings[str(row)] = texts
        row += heading.rows
    return headings


def _cell(cell: Cell, column: Column) -> Typst:
    inline = ""
    asides: list[str] = []
    if isinstance(cell, Link):
        inline = ", ".join(cell.marks)
    elif isinstance(cell, Measured):
        if cell.interval:
            ends = display.interval_text(cell.interval, column.decimals)
            if column.bar or column.decimals == 0:
                inline = ends
            else:
                asides.append(ends)
        beside = [_printable(cell.beside)] if cell.beside else []
        beside += [f"[{number}]" for number in cell.notes]
        if beside:
            asides.append(" ".join(beside))
    return {
        "text": _printable(display.cell_text(cell, column)),
        "place": cell.place if isinstance(cell, Measured) else None,
        "asides": asides,
        "inline": _printable(inline),
    }


def _gallery(gallery: Gallery, folder: Path, stem: str) -> Typst:
    pictures = []
    labels = []
    for tile in gallery.tiles:
        pictures.append(tile.picture)
        texts = filter(None, (tile.label, tile.line))
        labels.append(", ".join(texts))
    encoded = encode_tiles(pictures, kind=PICTURE_FORMAT)
    name = picture_name(f"{stem}-{{}}")
    return {
        "kind": "gallery",
        "caption": _printable(gallery.caption),
        "note": _printable(gallery.note),
        "states": _states(labels, encoded, folder, name),
    }


def _states(
    labels: Iterable[str],
    encoded: Iterable[Encoded],
    folder: Path,
    name: str,
) -> list[Typst]:
    """Write encoded pictures into files whose names have their number."""
    states: list[Typst] = []
    for label, (content, width, height) in zip(labels, encoded, strict=True):
        file = name.format(len(states))
        (folder / file).write_bytes(content)
        state = {
            "label": _printable(label),
            "file": file,
            "width": width,
            "height": height,
        }
        states.append(state)
    return states


def _scatter(figure: Scatter, folder: Path, stem: str) -> Typst:
    plot = page_plot(figure)
    (folder / f"{stem}.svg").write_text(plot.svg, encoding="utf-8")
    front = f" (dashed: {figure.marked_as})" if figure.has_front else ""
    return {
        "kind": "scatter",
        "caption": _printable(f"{figure.caption}{front}"),
        "x_label": _axis_label(figure.x_label, log=figure.log_x),
        "y_label": _printable(figure.y_label),
        "file": f"{stem}.svg",
        "alt": _printable(plot.description),
        "legend": [_printable(name) for name in plot.unnamed],
    }


def _axis_label(label: str, *, log: bool) -> str:
    scale = ", logarithmic scale" if log else ""
    return _printable(label) + scale


def _comparison(slider: Slider, folder: Path, stem: str) -> Typst:
    labels = [label for label, _ in slider.states]
    pictures = [picture for _, picture in slider.states]
    if slider.overlay is not None:
        name, overlay = slider.overlay
        labels.append(f"{labels[0]}, {name}")
        pictures.append(laid_over(pictures[0], overlay))
    encoded = encode_states(
        pictures,
        kind="jpeg",
        max_width_px=PICTURE_WIDTH_PX,
        budget_bytes=PICTURE_BUDGET_BYTES,
    )
    return {
        "kind": "comparison",
        "caption": _printable(slider.caption),
        "states": _states(labels, encoded, folder, f"{stem}-{{}}.jpg"),
    }


def _curves(figure: Curves, folder: Path, stem: str, font_pt: float) -> Typst:
    plot = page_plot(figure, font_pt=font_pt)
    (folder / f"{stem}.svg").write_text(plot.svg, encoding="utf-8")
    legend = []
    for index, (swatch, label) in enumerate(plot.legend):
        file = f"{stem}-{index}.svg"
        (folder / file).write_text(swatch, encoding="utf-8")
        legend.append({"label": _printable(label), "file": file})
    return {
        "kind": "curves",
        "caption": _printable(figure.caption),
        "x_label": _printable(figure.x_label),
        "y_label": _axis_label(figure.y_label, log=figure.log_y),
        "file": f"{stem}.svg",
        "alt": _printable(plot.description),
        "legend": legend,
        "note": _printable(figure.note),
    }


def _printable(content: str) -> str:
    """Text limited to characters of the fonts, with break points in long words."""
    shown = "".join(map(_drawn, display.visible(content)))
    long_word = rf"\S{{{LONG_WORD},}}"
    return re.sub(long_word, _breakable, shown)


def _drawn(sign: str) -> str:
    if ord(sign) in _glyphs():
        return sign
    return display.code_point(sign)


def _breakable(word: re.Match[str]) -> str:
    """Add zero-width spaces after separators, and inside words that are still too long."""
    piece = rf"[^-_/.,:=]{{1,{LATER_BREAK}}}[-_/.,:=]*|[-_/.,:=]+"
    return "\u200b".join(re.findall(piece, word.group()))


@cache
def _fonts() -> "Fonts":
    import typst

    return typst.Fonts(include_system_fonts=False, font_paths=[_fallback_fonts()])


def _fallback_fonts() -> Path:
    """The folder with DejaVu Sans, for signs that typst's own text font lacks."""
    import matplotlib as mpl  # slow to import, and only printing needs it

    return Path(mpl.get_data_path()) / "fonts" / "ttf"


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    font = FT2Font(str(_fallback_fonts() / "DejaVuSans.ttf"))
    return frozenset(font.get_charmap())
