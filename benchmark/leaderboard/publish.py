"""Write a study's leaderboard and reports; files whose content would not change stay untouched."""

import hashlib
import time
from pathlib import Path

from defocus.benchmark.leaderboard.rows import Row, leaderboard, to_csv
from defocus.benchmark.results.provenance import package_version
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.store import Results
from defocus.files import sha256_file, write_bytes, write_bytes_if_changed, write_json
from defocus.reading import read_json

__all__ = ["Publisher", "publish"]

_REPORTS = ("report.html", "report.pdf")


WORK_PER_REPORT = 20
"""In the course of a study its reports are made anew once it has worked so many times as long as
making them took: those of fifty systems take several seconds."""

FIRST_REPORT_S = 2.0
"""A study that works no longer makes its reports once, at its end."""


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
        _render(out, results, rows)
        write_json(stamp, _stamp(out, basis))
    return rows


def _basis(out: Path, results: Results, leaderboard_text: str) -> str:
    """Hash of everything that the reports show, and of the version that renders them."""
    from defocus.benchmark.section.registry import all_sections, needed_files

    digest = hashlib.sha256(leaderboard_text.encode())
    for entry in results.entries():
        path = run_folder(out, entry.run) / "run.json"
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


def _render(out: Path, results: Results, rows: list[Row]) -> None:
    from defocus.benchmark.reporting.page import build_appendix, build_page
    from defocus.reports.html import write_html
    from defocus.reports.pdf import render_pdf

    write_html(build_page(out, results, rows), out / "report.html")
    write_bytes(out / "report.pdf", render_pdf(build_appendix(out, results, rows)))
