"""LaTeX tables with booktabs: best bold, second underlined."""

from dataclasses import dataclass
from itertools import accumulate, pairwise

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
    "⟨": r"\textlangle{}",
    "⟩": r"\textrangle{}",
    '"': r"\textquotedbl{}",
    "−": "$-$",
    "×": r"$\times$",
    "∞": r"$\infty$",
    "–": "--",
    "[": "{[}",  # after a line end, LaTeX would take it for a length
    "]": "{]}",
}

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
    parts: tuple[int, ...] = ()  # rows above which a thin rule is drawn, such as between tracks
    note: str = ""
    images: tuple[int, ...] = ()  # pictures behind each row, for CSV

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
        return tuple(column for group in self.groups for column in group.columns)


def _marks_note(table: PaperTable) -> str:
    """That ranks end at a rule: the best of one part can be below another part's."""
    marked = any(cell and cell.place for _, cells in table.rows for cell in cells)
    return "Bold, underlined: the best two between rules." if marked and table.parts[1:] else ""


def escape_latex(text: str) -> str:
    """Escape text for LaTeX, with hidden characters made visible."""
    return "".join(_SIGNS.get(sign, sign) for sign in visible(text))


def render_latex(table: PaperTable) -> str:
    """Render a LaTeX table environment (UTF-8); it needs ``booktabs`` and ``textcomp``."""
    texts = (f"{table.caption}.", table.note, _marks_note(table))
    caption = escape_latex(" ".join(filter(None, texts)))
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{caption}}}",
        rf"\label{{{table.label}}}",
        rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"\toprule",
        *_heads(table),
        r"\midrule",
    ]
    for number, (name, cells) in enumerate(table.rows):
        lines += [r"\midrule"] if number in table.parts else []
        numbers = [_cell(cell, c) for cell, c in zip(cells, table.columns, strict=True)]
        lines.append(" & ".join([escape_latex(name), *numbers]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _heads(table: PaperTable) -> list[str]:
    names = [escape_latex(c.name) + ARROWS[c.better] for c in table.columns]
    last = " & ".join(["System", *names]) + r" \\"
    if not any(group.name for group in table.groups):
        return [last]
    spans = [
        rf"\multicolumn{{{len(g.columns)}}}{{c}}{{{escape_latex(g.name)}}}" for g in table.groups
    ]
    ends = list(accumulate((len(group.columns) for group in table.groups), initial=1))
    rules = [rf"\cmidrule(lr){{{start + 1}-{end}}}" for start, end in pairwise(ends)]
    return [" & ".join(["", *spans]) + r" \\", "".join(rules), last]


def _cell(cell: Measured | None, column: Column) -> str:
    if cell is None or cell.value is None:
        return MISSING
    sign = "+" if column.bar and cell.value > 0 else ""
    text = escape_latex(sign + number_text(cell.value, column.decimals))
    marks = {1: rf"\textbf{{{text}}}", 2: rf"\underline{{{text}}}", None: text}
    return marks[cell.place] + _beside(cell, column)


def _beside(cell: Measured, column: Column) -> str:
    """The spread over trainings, or the interval in small print."""
    if cell.spread is not None:
        return rf" $\pm$ {number_text(cell.spread, column.decimals)}"
    if cell.interval is None:
        return ""
    ends = ", ".join(number_text(end, column.decimals) for end in cell.interval)
    return rf" {{\scriptsize {escape_latex(f'[{ends}]')}}}"
