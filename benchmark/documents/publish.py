"""Write a study's leaderboard, reports and exports; files that would not change stay untouched."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from defocus.benchmark.leaderboard.rows import (
    CSV_DIGITS,
    REVISION_DIGITS,
    Row,
    leaderboard,
    to_csv,
)
from defocus.benchmark.results.run_folder import RECORD, package_version, run_folder
from defocus.benchmark.results.store import Results
from defocus.errors import InputError
from defocus.extra_packages import require
from defocus.near_names import meant
from defocus.reading import read_json
from defocus.reports.display import csv_text
from defocus.storage.files import (
    make_folder,
    sha256_file,
    write_bytes,
    write_bytes_if_changed,
    write_json,
)

SUFFIXES = (".csv", ".parquet", ".tex", ".json")
"""Formats by the name of the file."""

Line = Mapping[str, str | int | float | None]

_ENTRY_COLUMNS = (
    "run",
    "system",
    "input",
    "weights",
    "train_dataset",
    "dataset",
    "split",
    "budget",
    "seed",
)
_TEX_COLUMNS = (
    "system",
    "dataset",
    "data_revision",
    "budget",
    "profile",
    "protocol",
    "flow",
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "images",
    "scenes",
    "seeds",
)
_TEX_DIGITS = 5


def export_study(results: Results, path: Path, *, images: bool = False) -> int:
    """Write the leaderboard, or every picture's scores, in the format of the file's suffix."""
    # JSON of the leaderboard is an object with ``rows`` and ``tracks``; all other formats are a
    # list of rows. Returns the number of rows.
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"{path}: unknown format '{suffix}'; {meant(suffix, SUFFIXES)}"
        )
    if images and suffix == ".tex":
        raise InputError(
            f"{path}: scores of single pictures are not written as LaTeX; choose .csv"
        )
    lines = image_lines(results) if images else leaderboard_lines(leaderboard(results))
    if not lines:
        raise InputError(f"{path}: nothing to write; the study has no results yet")
    if suffix == ".parquet":
        content = _parquet(lines)
    elif suffix == ".json":
        content = (_json(lines) if images else _json_board(results, lines)).encode()
    elif suffix == ".csv":
        table = [lines[0], *(line.values() for line in lines)]
        content = csv_text(table, CSV_DIGITS).encode()
    else:
        content = _latex(lines).encode()
    make_folder(path.parent)
    write_bytes(path, content)
    return len(lines)


def _json_board(results: Results, rows: list[Line]) -> str:
    from defocus.benchmark.statistics.standings import tracks

    of_rows = [track.to_json() for track in tracks(results)]
    return _json({"rows": rows, "tracks": of_rows})


def _json(document: object) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def leaderboard_lines(rows: Iterable[Row]) -> list[Line]:
    """The rows with all their columns."""
    return list(map(asdict, rows))


def image_lines(results: Results) -> list[Line]:
    """Every score of every picture with the facts of its run, in the order of the store."""
    lines: list[Line] = []
    for entry in results.entries():
        facts = {name: getattr(entry, name) for name in _ENTRY_COLUMNS}
        facts["data_revision"] = entry.data_hash[:REVISION_DIGITS]
        facts["recipe"] = entry.grouping[:REVISION_DIGITS]
        facts["evaluation"] = entry.evaluation
        facts["status"] = entry.status
        for score in results.scores(entry.run):
            line = facts | asdict(score)
            lines.append(line)
    return lines


def _parquet(lines: Sequence[Line]) -> bytes:
    require("pyarrow", "parquet", "18")
    import pandas as pd

    return bytes(pd.DataFrame.from_records(lines).to_parquet(index=False))


def _latex(lines: Sequence[Line]) -> str:
    """A plain ``tabular`` of the rows with a value; ``table`` has the styles of papers."""
    from defocus.reports.latex import escape_latex, with_definition

    words = _TEX_COLUMNS.index("value")
    numbers = len(_TEX_COLUMNS) - words
    alignment = "l" * words + "r" * numbers
    head = " & ".join(map(escape_latex, _TEX_COLUMNS))
    latex = [
        rf"\begin{{tabular}}{{{alignment}}}",
        rf"{head} \\ \hline",
    ]
    for line in lines:
        if line["value"] is not None:
            cells = [_tex_cell(line[name]) for name in _TEX_COLUMNS]
            row = " & ".join(map(escape_latex, cells))
            latex.append(rf"{row} \\")
    latex += [r"\end{tabular}", ""]
    return with_definition("\n".join(latex))


def _tex_cell(cell: str | float | None) -> str:
    if isinstance(cell, float):
        return f"{cell:.{_TEX_DIGITS}g}"
    return "" if cell is None else str(cell)


_REPORTS = ("report.html", "report.pdf")

WORK_PER_REPORT = 20
"""Working time of a study between two reports, as a multiple of the time that the last report took:
those of fifty systems take several seconds."""

FIRST_REPORT_S = 2.0
"""A study that has worked for less than this many seconds makes its reports only once, at its
end."""


class Publisher:
    """Updates the outputs during a study."""

    # Reports take at most about a twentieth of the time, after the first two seconds, so call
    # ``publish`` at the end of the study.

    def __init__(self, out: Path, results: Results) -> None:
        self._out, self._results = out, results
        self._due = time.monotonic() + FIRST_REPORT_S

    def __call__(self) -> None:
        """Update the outputs; call this after each run."""
        started = time.monotonic()
        reports = started >= self._due
        publish(self._out, self._results, reports=reports)
        if reports:
            ended = time.monotonic()
            self._due = ended + WORK_PER_REPORT * (ended - started)


def publish(out: Path, results: Results, *, reports: bool = True) -> list[Row]:
    """Update the leaderboard, and the reports if wanted, from the store; return the leaderboard."""
    rows = leaderboard(results)
    text = to_csv(rows)
    write_bytes_if_changed(out / "leaderboard.csv", text.encode())
    if not reports:
        return rows
    basis = _basis(out, results, text)
    stamp = out / ".report.json"
    if _read_stamp(stamp) != _stamp(out, basis):
        render_reports(out, results, rows, out / "report")
        write_json(stamp, _stamp(out, basis))
    return rows


def _basis(out: Path, results: Results, leaderboard_text: str) -> str:
    """Hash of everything that the reports show, and of the version that renders them."""
    from defocus.benchmark.documents.section_registry import all_sections, needed_files

    digest = hashlib.sha256(leaderboard_text.encode())
    for entry in results.entries():
        path = run_folder(out, entry.run) / RECORD
        versions = results.versions(entry.run)
        digest.update(f"{entry}\n{versions}\n{_sha256(path)}\n".encode())
    for section in all_sections():
        digest.update(f"{section.name} {section.source_hash}\n".encode())
    for path in needed_files(out):
        digest.update(f"{path.relative_to(out)} {_sha256(path)}\n".encode())
    digest.update(package_version().encode())
    return digest.hexdigest()


def _stamp(out: Path, basis: str) -> dict[str, str]:
    """Record of what the reports were made from, and of their content."""
    return {"basis": basis} | {name: _sha256(out / name) for name in _REPORTS}


def _sha256(path: Path) -> str:
    return sha256_file(path) if path.exists() else ""


def _read_stamp(path: Path) -> dict[str, str] | None:
    try:
        document = read_json(path)
    except (FileNotFoundError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def render_reports(
    out: Path,
    results: Results,
    rows: Sequence[Row],
    target: Path,
) -> None:
    """Write the report of a study as ``target`` with the endings ``.html`` and ``.pdf``."""
    from defocus.benchmark.documents.page import build_page
    from defocus.reports.html import write_html
    from defocus.reports.pdf import render_pdf

    write_html(build_page(out, results, rows), target.with_suffix(".html"))
    printed = build_page(out, results, rows, printed=True)
    write_bytes(target.with_suffix(".pdf"), render_pdf(printed))
