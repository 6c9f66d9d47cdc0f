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
    document = {
        "title": _printable(page.title),
        "summary": "\n".join(map(_printable, page.summary.split("\n"))),
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
    named = [(f"{stem}-{index}", part) for index, part in enumerate(parts)]
    grouped: list[Typst] = []
    for _, members in itertools.groupby(
        named, key=lambda each: isinstance(each[1], Curves)
    ):
        some = list(members)
        curves = [(name, part) for name, part in some if isinstance(part, Curves)]
        if curves[2:]:
            halves = [
                _curves(part, folder, name, HALF_FONT_PT) for name, part in curves
            ]
            grouped.append({"kind": "pairs", "parts": halves})
        else:
            grouped += [_part(part, folder, name) for name, part in some]
    return grouped


def _part(part: Part, folder: Path, stem: str) -> Typst:
    match part:
        case Table():
            return _table(part)
        case Slider():
            return _comparison(part, folder, stem)
        case Gallery():
            return _gallery(part, folder, stem)
        case Curves():
            return _curves(part, folder, stem)
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
            facts = [
                [_printable(name), _printable(value)] for name, value in part.facts
            ]
            return {
                "kind": "facts",
                "caption": _printable(part.caption),
                "facts": facts,
            }
        case Paragraph():
            return {"kind": "paragraph", "text": _printable(part.text)}


def _folded(heading: str, parts: Sequence[Part], folder: Path, stem: str) -> Typst:
    inside = _parts(parts, folder, stem)
    return {"kind": "folded", "heading": _printable(heading), "parts": inside}


def _tabs(tabs: Tabs, folder: Path, stem: str) -> list[Typst]:
    folded = []
    for number, (name, parts) in enumerate(tabs.tabs):
        folded.append(_folded(name, parts, folder, f"{stem}-{number}"))
    return folded


def _in_print(beside: Beside) -> tuple[Part, ...]:
    """The first tab of what lies beside, then the parts, then the other tabs."""
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
    return {name: _printable(text) for name, text in vars(figure).items()}


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
        pairs = zip(row, table.columns, strict=True)
        rows.append([_cell(cell, column) for cell, column in pairs])
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
    headings, row = dict[str, list[str]](), 0
    for heading in table.headings:
        if heading.title:
            headings[str(row)] = [_printable(heading.title), _printable(heading.line)]
        row += heading.rows
    return headings


def _cell(cell: Cell, column: Column) -> Typst:
    asides: list[str] = []
    inline = ", ".join(cell.marks) if isinstance(cell, Link) else ""
    if isinstance(cell, Measured):
        if cell.interval:
            ends = display.interval_text(cell.interval, column.decimals)
            if column.bar or column.decimals == 0:
                inline = ends
            else:
                asides.append(ends)
        if cell.beside or cell.notes:
            said = [_printable(cell.beside), *(f"[{n}]" for n in cell.notes)]
            asides.append(" ".join(filter(None, said)))
    place = cell.place if isinstance(cell, Measured) else None
    shown = _printable(display.cell_text(cell, column))
    return {
        "text": shown,
        "place": place,
        "asides": asides,
        "inline": _printable(inline),
    }


def _gallery(gallery: Gallery, folder: Path, stem: str) -> Typst:
    encoded = encode_tiles(
        [tile.picture for tile in gallery.tiles], kind=PICTURE_FORMAT
    )
    labels = [
        ", ".join(filter(None, (tile.label, tile.line))) for tile in gallery.tiles
    ]
    return {
        "kind": "gallery",
        "caption": _printable(gallery.caption),
        "note": _printable(gallery.note),
        "states": _states(labels, encoded, folder, picture_name(f"{stem}-{{}}")),
    }


def _states(
    labels: Iterable[str],
    encoded: Iterable[Encoded],
    folder: Path,
    name: str,
) -> list[Typst]:
    """Write encoded pictures into files whose names have their number."""
    states = []
    for index, (label, (content, width, height)) in enumerate(
        zip(labels, encoded, strict=True)
    ):
        file = name.format(index)
        (folder / file).write_bytes(content)
        states.append(
            {"label": _printable(label), "file": file, "width": width, "height": height}
        )
    return states


def _scatter(figure: Scatter, folder: Path, stem: str) -> Typst:
    plot = page_plot(figure)
    (folder / f"{stem}.svg").write_text(plot.svg, encoding="utf-8")
    front = f" (dashed: {figure.marked_as})" if figure.has_front else ""
    return {
        "kind": "scatter",
        "caption": _printable(f"{figure.caption}{front}"),
        "x_label": _printable(figure.x_label)
        + (", logarithmic scale" if figure.log_x else ""),
        "y_label": _printable(figure.y_label),
        "file": f"{stem}.svg",
        "alt": _printable(plot.description),
        "legend": [_printable(name) for name in plot.unnamed],
    }


def _comparison(slider: Slider, folder: Path, stem: str) -> Typst:
    pictures = list(slider.states)
    if slider.overlay is not None:
        label, picture = slider.states[0]
        name, overlay = slider.overlay
        pictures.append((f"{label}, {name}", laid_over(picture, overlay)))
    encoded = encode_states(
        [picture for _, picture in pictures],
        kind="jpeg",
        max_width_px=PICTURE_WIDTH_PX,
        budget_bytes=PICTURE_BUDGET_BYTES,
    )
    states = _states(
        [label for label, _ in pictures],
        encoded,
        folder,
        f"{stem}-{{}}.jpg",
    )
    return {
        "kind": "comparison",
        "caption": _printable(slider.caption),
        "states": states,
    }


def _curves(
    figure: Curves,
    folder: Path,
    stem: str,
    font_pt: float = PAGE_FONT_PT,
) -> Typst:
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
        "y_label": _printable(figure.y_label)
        + (", logarithmic scale" if figure.log_y else ""),
        "file": f"{stem}.svg",
        "alt": _printable(plot.description),
        "legend": legend,
        "note": _printable(figure.note),
    }


def _printable(content: str) -> str:
    """Text limited to characters of the fonts, with break points in long words."""
    shown = "".join(map(_drawn, display.visible(content)))
    return re.sub(rf"\S{{{LONG_WORD},}}", _breakable, shown)


def _drawn(sign: str) -> str:
    return sign if ord(sign) in _glyphs() else display.code_point(sign)


def _breakable(word: re.Match[str]) -> str:
    """Add zero-width spaces after separators, and inside words that are still too long."""
    pieces = re.findall(
        rf"[^-_/.,:=]{{1,{LATER_BREAK}}}[-_/.,:=]*|[-_/.,:=]+", word.group()
    )
    return "\u200b".join(pieces)


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

    return frozenset(FT2Font(str(_fallback_fonts() / "DejaVuSans.ttf")).get_charmap())
