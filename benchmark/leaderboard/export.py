"""Export of a study's numbers: CSV, Parquet, LaTeX and JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from defocus.benchmark.leaderboard.rows import CSV_DIGITS, REVISION_DIGITS, Row, leaderboard
from defocus.benchmark.results.store import Entry, Results
from defocus.errors import InputError
from defocus.extra_packages import require
from defocus.files import make_folder, write_bytes
from defocus.reports.text import csv_text

__all__ = ["SUFFIXES", "export_study", "image_lines", "leaderboard_lines"]

SUFFIXES = (".csv", ".parquet", ".tex", ".json")
"""Formats by the name of the file."""

Line = Mapping[str, str | int | float | None]

_ENTRY_COLUMNS = (
    "run", "system", "input", "weights", "train_dataset", "dataset", "split", "budget", "seed",
)  # fmt: skip
_TEX_COLUMNS = (
    "system", "dataset", "data_revision", "budget", "profile", "protocol", "flow", "metric",
    "value", "ci_low", "ci_high", "images", "scenes", "seeds",
)  # fmt: skip
_TEX_DIGITS = 5


def export_study(results: Results, path: Path, *, images: bool = False) -> int:
    """Write the leaderboard, or every picture's scores, in the format of the file's suffix."""
    # JSON of the leaderboard is an object with ``rows`` and ``tracks``; all other formats are a
    # list of rows. Returns the number of rows.
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path}: unknown format; use a name that ends in {', '.join(SUFFIXES)}")
    if images and suffix == ".tex":
        raise InputError(f"{path}: scores of single pictures are not written as LaTeX; choose .csv")
    lines = image_lines(results) if images else leaderboard_lines(leaderboard(results))
    if not lines:
        raise InputError(f"{path}: nothing to write; the study has no results yet")
    if suffix == ".json":
        content = _json(lines if images else {"rows": lines, "tracks": _tracks(results)})
    elif suffix == ".parquet":
        content = _parquet(lines)
    else:
        content = (_csv(lines) if suffix == ".csv" else _latex(lines)).encode()
    make_folder(path.parent)
    write_bytes(path, content)
    return len(lines)


def leaderboard_lines(rows: Iterable[Row]) -> list[Line]:
    """The rows with all their columns."""
    return [asdict(row) for row in rows]


def image_lines(results: Results) -> list[Line]:
    """Every score of every picture with the facts of its run, in the order of the store."""
    return [
        _facts(entry) | asdict(score)
        for entry in results.entries()
        for score in results.scores(entry.run)
    ]


def _facts(entry: Entry) -> dict[str, Any]:
    facts = {name: getattr(entry, name) for name in _ENTRY_COLUMNS}
    versions = {
        "data_revision": entry.data_hash[:REVISION_DIGITS],
        "recipe": entry.grouping[:REVISION_DIGITS],
        "evaluation": entry.evaluation,
        "status": entry.status,
    }
    return facts | versions


def _tracks(results: Results) -> list[dict[str, Any]]:
    from defocus.benchmark.statistics.standings import tracks

    return [track.to_json() for track in tracks(results)]


def _json(document: Any) -> bytes:  # noqa: ANN401 - any JSON document
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _csv(lines: Sequence[Line]) -> str:
    return csv_text([lines[0], *(line.values() for line in lines)], CSV_DIGITS)


def _parquet(lines: Sequence[Line]) -> bytes:
    require("pyarrow", "parquet", "18")
    import pandas as pd

    return bytes(pd.DataFrame.from_records(lines).to_parquet(index=False))


def _latex(lines: Sequence[Line]) -> str:
    """A plain ``tabular`` of the rows with a value; ``table`` has the styles of papers."""
    from defocus.reports.latex import escape_latex

    rows = [[line[name] for name in _TEX_COLUMNS] for line in lines if line["value"] is not None]
    body = [" & ".join(escape_latex(_tex_cell(cell)) for cell in row) + r" \\" for row in rows]
    head = " & ".join(escape_latex(name) for name in _TEX_COLUMNS) + r" \\ \hline"
    words = _TEX_COLUMNS.index("value")
    alignment = "l" * words + "r" * (len(_TEX_COLUMNS) - words)
    begin = rf"\begin{{tabular}}{{{alignment}}}"
    return "\n".join([begin, head, *body, r"\end{tabular}", ""])


def _tex_cell(cell: str | float | None) -> str:
    if isinstance(cell, float):
        return f"{cell:.{_TEX_DIGITS}g}"
    return "" if cell is None else str(cell)
