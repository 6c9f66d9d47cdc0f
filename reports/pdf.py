"""Render a page as PDF/UA-1 with typst: data travels as JSON, so that none of it becomes markup."""

import json
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import typst

from defocus.reports import text
from defocus.reports.environment import TEMPLATES, environment
from defocus.reports.model import Curves, Facts, Page, Paragraph, Part, Slider, Table
from defocus.reports.pictures import encode_states
from defocus.reports.plot import plot

__all__ = ["PICTURE_BUDGET_BYTES", "render_pdf", "write_typst"]

PICTURE_BUDGET_BYTES = 120_000
"""Each picture of a comparison takes at most this much in the document."""

PICTURE_WIDTH_PX = 800
LONG_WORD = 18
LATER_BREAK = 12


def render_pdf(page: Page) -> bytes:
    """A page as a PDF document: A4, tagged, numbered tables and figures with the page's notice.

    Fonts are typst's own and matplotlib's, never the system's: the same page gives the same bytes
    in the same environment. A character that none of them has is shown by its code point.

    Args:
        page: What to show; its text is plain text.

    Returns:
        The document, PDF/UA-1.
    """
    with tempfile.TemporaryDirectory(prefix="defocus-report-") as name:
        folder = Path(name)
        content: bytes = typst.compile(
            write_typst(page, folder),
            root=folder,
            font_paths=[_fallback_fonts()],
            ignore_system_fonts=True,
            pdf_standards=["ua-1"],
        )
    return content


def write_typst(page: Page, folder: Path) -> Path:
    """Write what typst compiles: the template, the page as JSON, and its pictures.

    Args:
        page: What to show.
        folder: An empty folder; typst must not read outside it.

    Returns:
        The template's path in ``folder``.
    """
    sections = [
        {
            "heading": _printable(heading),
            "parts": [_part(part, folder, f"{number}-{index}") for index, part in enumerate(parts)],
        }
        for number, (heading, parts) in enumerate(page.sections)
    ]
    document = {
        "title": _printable(page.title),
        "summary": _printable(page.summary),
        "notice": _printable(page.notice),
        "sections": sections,
    }
    (folder / "page.json").write_text(json.dumps(document), encoding="utf-8")
    template = folder / "report.typ"
    template.write_bytes((TEMPLATES / "report.typ").read_bytes())
    return template


def _part(part: Part, folder: Path, stem: str) -> dict[str, Any]:
    match part:
        case Table():
            return _table(part)
        case Slider():
            return _comparison(part, folder, stem)
        case Curves():
            return _curves(part, folder, stem)
        case Facts():
            facts = [[_printable(name), _printable(value)] for name, value in part.facts]
            return {"kind": "facts", "caption": _printable(part.caption), "facts": facts}
        case Paragraph():
            return {"kind": "paragraph", "text": _printable(part.text)}


def _table(table: Table) -> dict[str, Any]:
    columns = [
        {
            "name": _printable(column.name),
            "unit": _printable(column.unit),
            "better": text.better_text(column),
            "numeric": text.column_is_numeric(table.rows, index),
        }
        for index, column in enumerate(table.columns)
    ]
    rows = [
        [
            _printable(text.cell_text(cell, column))
            for cell, column in zip(row, table.columns, strict=True)
        ]
        for row in table.rows
    ]
    return {
        "kind": "table",
        "caption": _printable(table.caption),
        "columns": columns,
        "rows": rows,
        "note": _printable(table.note),
    }


def _comparison(slider: Slider, folder: Path, stem: str) -> dict[str, Any]:
    encoded = encode_states(
        [picture for _, picture in slider.states],
        kind="jpeg",
        max_width_px=PICTURE_WIDTH_PX,
        budget_bytes=PICTURE_BUDGET_BYTES,
    )
    states = []
    for index, ((label, _), (content, width, height)) in enumerate(
        zip(slider.states, encoded, strict=True)
    ):
        file = f"{stem}-{index}.jpg"
        (folder / file).write_bytes(content)
        states.append({"label": _printable(label), "file": file, "width": width, "height": height})
    return {"kind": "comparison", "caption": _printable(slider.caption), "states": states}


def _curves(figure: Curves, folder: Path, stem: str) -> dict[str, Any]:
    geometry = plot(figure)
    drawings: Any = environment().get_template("plot.svg.j2").module
    (folder / f"{stem}.svg").write_text(drawings.drawing(geometry), encoding="utf-8")
    legend = []
    for index, line in enumerate(geometry.lines):
        file = f"{stem}-{index}.svg"
        (folder / file).write_text(drawings.swatch(line), encoding="utf-8")
        legend.append({"label": _printable(line.label), "file": file})
    return {
        "kind": "curves",
        "caption": _printable(figure.caption),
        "x_label": _printable(figure.x_label),
        "y_label": _printable(figure.y_label) + (", logarithmic scale" if figure.log_y else ""),
        "file": f"{stem}.svg",
        "alt": _printable(geometry.description),
        "legend": legend,
    }


def _printable(content: str) -> str:
    """Visible characters that the fonts have, with places at which a long word may break."""
    glyphs = _glyphs()
    shown = "".join(
        sign if ord(sign) in glyphs else f"⟨U+{ord(sign):04X}⟩" for sign in text.visible(content)
    )
    return re.sub(rf"\S{{{LONG_WORD},}}", _breakable, shown)


def _breakable(word: re.Match[str]) -> str:
    """Zero-width spaces after separators, and in what is still too long."""
    pieces = re.findall(rf"[^-_/.,:=]{{1,{LATER_BREAK}}}[-_/.,:=]*|[-_/.,:=]+", word.group())
    return "\u200b".join(pieces)


def _fallback_fonts() -> Path:
    """The folder with DejaVu Sans, for signs that typst's own text font lacks."""
    import matplotlib as mpl  # slow to import, and only printing needs it

    return Path(mpl.get_data_path()) / "fonts" / "ttf"


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(_fallback_fonts() / "DejaVuSans.ttf")).get_charmap())
