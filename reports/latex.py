"""LaTeX tables with booktabs: best bold, second underlined."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import chain, groupby

from defocus.errors import InputError
from defocus.reports.display import MISSING, cell_text, number_text, visible
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
        columns: list[Column] = []
        for group in self.groups:
            columns += group.columns
        return tuple(columns)


def _marks_note(table: PaperTable) -> str:
    """Note that ranks end at a rule: the best of one part can be below another part's."""
    if len(table.parts) < 2:
        return ""
    cells = chain.from_iterable(cells for _, cells in table.rows)
    if not any(cell and cell.place for cell in cells):
        return ""
    return "Bold, underlined: the best two between rules."


def escape_latex(text: str) -> str:
    """Escape text for LaTeX, with hidden characters made visible; see :func:`with_definition`."""
    composed = unicodedata.normalize("NFC", visible(text))
    parts = _LIGATURES.split(composed)
    return "{}".join(map(_escaped, parts))


def _escaped(text: str) -> str:
    known = {*_SIGNS, *_LETTERS}

    def is_set(sign: str) -> bool:
        return sign.isascii() or sign in known

    escaped = ""
    for can_be_set, signs in groupby(text, is_set):
        run = "".join(signs)
        if can_be_set:
            escaped += "".join(_SIGNS.get(sign, sign) for sign in run)
        else:
            code_points = " ".join(f"U+{ord(sign):04X}" for sign in run)
            escaped += rf"\unicodetext{{{run}}}{{{code_points}}}"
    return escaped


def with_definition(latex: str) -> str:
    """The LaTeX, after the definition of the command of :func:`escape_latex` if that is used."""
    return f"{_DEFINITION}\n{latex}" if r"\unicodetext" in latex else latex


def render_latex(table: PaperTable) -> str:
    """Render a LaTeX table environment (UTF-8); it needs ``booktabs``."""
    texts = (f"{table.caption}.", table.note, _marks_note(table))
    caption = escape_latex(" ".join(filter(None, texts)))
    alignment = "l" + "c" * len(table.checks) + "r" * len(table.columns)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{caption}}}",
        rf"\label{{{table.label}}}",
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        *_heads(table),
        r"\midrule",
    ]
    for number in range(len(table.rows)):
        if number in table.parts:
            lines.append(r"\midrule")
        lines.append(_row(table, number))
    lines += [
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
        "",
    ]
    if table.checks:
        lines.insert(0, _CHECK_MARK)
    return with_definition("\n".join(lines))


def _row(table: PaperTable, number: int) -> str:
    """A row of a table as a line: its name, check marks and numbers."""
    name, cells = table.rows[number]
    texts = [escape_latex(name)]
    for _, checked in table.checks:
        mark = r"\checkmark{}" if checked[number] else ""
        texts.append(mark)
    for cell, column in zip(cells, table.columns, strict=True):
        texts.append(_cell(cell, column))
    return _line(texts)


def _heads(table: PaperTable) -> list[str]:
    """The names of all columns; above them, if any has a name, those of the groups."""
    texts = ["System"]
    texts += [escape_latex(name) for name, _ in table.checks]
    before = len(texts)
    for column in table.columns:
        texts.append(escape_latex(column.name) + ARROWS[column.better])
    names = _line(texts)
    if not any(group.name for group in table.groups):
        return [names]
    return [*_group_heads(table.groups, before), names]


def _group_heads(groups: tuple[ColumnGroup, ...], before: int) -> tuple[str, str]:
    """Names of groups, each across its columns, and the rules below them."""
    names = [""] * before
    rules = ""
    end = before
    for group in groups:
        start = end + 1
        end += len(group.columns)
        name = escape_latex(group.name)
        names.append(rf"\multicolumn{{{len(group.columns)}}}{{c}}{{{name}}}")
        rules += rf"\cmidrule(lr){{{start}-{end}}}"
    return _line(names), rules


def _line(texts: list[str]) -> str:
    return " & ".join(texts) + r" \\"


def _cell(cell: Measured | None, column: Column) -> str:
    if cell is None or cell.value is None:
        return MISSING
    text = escape_latex(cell_text(cell, column))
    if cell.place == 1:
        text = rf"\textbf{{{text}}}"
    elif cell.place == 2:
        text = rf"\underline{{{text}}}"
    if cell.differs:
        text += "$^*$"
    return text + _beside(cell, column)


def _beside(cell: Measured, column: Column) -> str:
    """The spread over trainings, or the interval in small print."""
    if cell.spread is not None:
        return rf" $\pm$ {number_text(cell.spread, column.decimals)}"
    if cell.interval is None:
        return ""
    ends = ", ".join(number_text(end, column.decimals) for end in cell.interval)
    interval = escape_latex(f"[{ends}]")
    return rf" {{\scriptsize {interval}}}"
