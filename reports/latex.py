"""LaTeX tables with booktabs: best bold, second underlined."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import chain, groupby

from defocus.errors import InputError
from defocus.reports.display import MISSING, number_text, visible
from defocus.reports.model import Column, Measured

_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "⟨": r"$\langle$",
    "⟩": r"$\rangle$",
    '"': r"{\char34}",  # \textquotedbl is undefined in the default encoding
    "−": "$-$",
    "×": r"$\times$",
    "∞": r"$\infty$",
    "±": r"$\pm$",
    "°": r"$^\circ$",
    "²": "$^2$",
    "³": "$^3$",
    "µ": r"$\mu$",
    "·": r"$\cdot$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "→": r"$\rightarrow$",
    "Δ": r"$\Delta$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "[": "{[}",  # after a line end, LaTeX would take it for a length
    "]": "{]}",
}

_LETTERS = (
    "¡¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõö÷øùúûüýÿ"
    "ĀāĂăĆćĈĉĊċČčĎďĒēĔĕĖėĚěĜĝĞğĠġĢģĤĥĨĩĪīĬĭİıĲĳĴĵĶķĹĺĻļĽľŁłŃńŅņŇňŌōŎŏŐőŒœŔŕŖŗŘřŚśŜŝŞşŠš"
    "ŢţŤťŨũŪūŬŭŮůŰűŴŵŶŷŸŹźŻżŽž"
)
"""Characters beyond ASCII that LaTeX sets in its default encoding with the fonts that it always
has."""

_LIGATURES = re.compile(
    r"(?<=-)(?=-)|(?<=')(?=')|(?<=`)(?=`)|(?<=,)(?=,)|(?<=[?!])(?=`)"
)
"""Places between two characters that a font would join into another one: two hyphens become a
dash."""

_DEFINITION = (
    r"\providecommand{\unicodetext}[2]"
    r"{\ifdefined\directlua#1\else\ifdefined\XeTeXrevision#1\else#2\fi\fi}"
)
"""Command that sets text as it is where the engine knows Unicode (LuaTeX, XeTeX), else its code
points."""

_CHECK_MARK = r"\providecommand{\checkmark}{\ensuremath{\surd}}"
"""Command for the check mark of ``amssymb``; without that package, it sets a sign that every font
has."""

ARROWS = {"higher": r"$\uparrow$", "lower": r"$\downarrow$", None: ""}


@dataclass(frozen=True)
class ColumnGroup:
    """Columns under one head, such as the metrics of a dataset; an empty name has no head."""

    name: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class PaperTable:
    """A table for papers: a row per system, with groups of numbers."""

    caption: str
    label: str  # of LaTeX, such as ``tab:methods``
    groups: tuple[ColumnGroup, ...]
    # name, and a number or None for each column of all groups
    rows: tuple[tuple[str, tuple[Measured | None, ...]], ...]
    parts: tuple[
        int, ...
    ] = ()  # rows above which a thin rule is drawn, such as between tracks
    note: str = ""
    images: tuple[int, ...] = ()  # pictures behind each row, for CSV
    checks: tuple[
        tuple[str, tuple[bool, ...]], ...
    ] = ()  # columns of check marks behind the names

    def __post_init__(self) -> None:
        for name, cells in self.rows:
            if len(cells) != len(self.columns):
                raise InputError(
                    f"table {self.caption!r}: {name!r} has {len(cells)} numbers for "
                    f"{len(self.columns)} columns"
                )

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of all groups."""
        return tuple(chain.from_iterable(group.columns for group in self.groups))


def _marks_note(table: PaperTable) -> str:
    """Note that ranks end at a rule: the best of one part can be below another part's."""
    cells = chain.from_iterable(cells for _, cells in table.rows)
    marked = any(cell and cell.place for cell in cells)
    if not marked or not table.parts[1:]:
        return ""
    return "Bold, underlined: the best two between rules."


def escape_latex(text: str) -> str:
    """Escape text for LaTeX, with hidden characters made visible; see :func:`with_definition`."""
    composed = unicodedata.normalize("NFC", visible(text))
    parts = _LIGATURES.split(composed)
    return "{}".join(_escaped(part) for part in parts)


def _escaped(text: str) -> str:
    known = {*_SIGNS, *_LETTERS}
    escaped: list[str] = []
    for is_known, signs in groupby(text, lambda sign: sign.isascii() or sign in known):
        run = "".join(signs)
        if is_known:
            escaped += [_SIGNS.get(sign, sign) for sign in run]
        else:
            codes = " ".join(f"U+{ord(sign):04X}" for sign in run)
            escaped.append(rf"\unicodetext{{{run}}}{{{codes}}}")
    return "".join(escaped)


def with_definition(latex: str) -> str:
    """The LaTeX, after the definition of the command of :func:`escape_latex` if that is used."""
    return f"{_DEFINITION}\n{latex}" if r"\unicodetext" in latex else latex


def render_latex(table: PaperTable) -> str:
    """Render a LaTeX table environment (UTF-8); it needs ``booktabs``."""
    texts = (f"{table.caption}.", table.note, _marks_note(table))
    caption = escape_latex(" ".join(filter(None, texts)))
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{caption}}}",
        rf"\label{{{table.label}}}",
        rf"\begin{{tabular}}{{l{'c' * len(table.checks)}{'r' * len(table.columns)}}}",
        r"\toprule",
        *_heads(table),
        r"\midrule",
    ]
    for number in range(len(table.rows)):
        if number in table.parts:
            lines.append(r"\midrule")
        lines.append(_row(table, number))
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    if table.checks:
        lines.insert(0, _CHECK_MARK)
    return with_definition("\n".join(lines))


def _row(table: PaperTable, number: int) -> str:
    """A row of a table as a line: its name, check marks and numbers."""
    name, cells = table.rows[number]
    texts = [escape_latex(name)]
    for _, had in table.checks:
        texts.append(r"\checkmark{}" if had[number] else "")
    for cell, column in zip(cells, table.columns, strict=True):
        texts.append(_cell(cell, column))
    return " & ".join(texts) + r" \\"


def _heads(table: PaperTable) -> list[str]:
    names = [escape_latex(c.name) + ARROWS[c.better] for c in table.columns]
    checks = [escape_latex(name) for name, _ in table.checks]
    last = " & ".join(["System", *checks, *names]) + r" \\"
    if not any(group.name for group in table.groups):
        return [last]
    before = 1 + len(checks)
    spans, rules = [""] * before, ""
    end = before
    for group in table.groups:
        count = len(group.columns)
        spans.append(rf"\multicolumn{{{count}}}{{c}}{{{escape_latex(group.name)}}}")
        rules += rf"\cmidrule(lr){{{end + 1}-{end + count}}}"
        end += count
    return [" & ".join(spans) + r" \\", rules, last]


def _cell(cell: Measured | None, column: Column) -> str:
    if cell is None or cell.value is None:
        return MISSING
    sign = "+" if (column.bar or column.signed) and cell.value > 0 else ""
    text = escape_latex(sign + number_text(cell.value, column.decimals))
    marks = {1: rf"\textbf{{{text}}}", 2: rf"\underline{{{text}}}", None: text}
    star = "$^*$" if cell.differs else ""
    return marks[cell.place] + star + _beside(cell, column)


def _beside(cell: Measured, column: Column) -> str:
    """The spread over trainings, or the interval in small print."""
    if cell.spread is not None:
        return rf" $\pm$ {number_text(cell.spread, column.decimals)}"
    if cell.interval is None:
        return ""
    ends = ", ".join(number_text(end, column.decimals) for end in cell.interval)
    return rf" {{\scriptsize {escape_latex(f'[{ends}]')}}}"
