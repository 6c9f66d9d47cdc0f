"""The files of an audit: three tables, and the blur map of each measured pair."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from defocus.align.compensation.blur_map import blur_map, write_blur_map
from defocus.align.flow.by_name import flow_estimator
from defocus.datasets.audit.page import build_page
from defocus.datasets.audit.run import Audit
from defocus.datasets.audit.table import COLUMNS, document, row_of
from defocus.datasets.measuring.kept import kept_in_session, pair_keys
from defocus.datasets.pair import Dataset
from defocus.files import make_folder, sync_folder, write_json, write_text
from defocus.freed_memory import return_freed_memory
from defocus.progress import track
from defocus.reports.html import render_html
from defocus.reports.text import csv_text
from defocus.staging import staging_folder

__all__ = ["write_audit"]

BLUR = "blur"
WRITERS = 2
"""Blur maps that are compressed at once."""
NAMES = ("audit.csv", "audit.json", "audit.html")


def write_audit(out: Path, dataset: Dataset, audit: Audit, limit_px: float | None) -> list[str]:
    """Write ``audit.csv``, ``audit.json`` and ``audit.html`` into ``out``; return their names.

    The folder ``blur`` beside them gets the blur map of each pair, see
    :func:`defocus.align.compensation.blur_map.write_blur_map`.

    Raises:
        StorageError: The folder cannot be created or written.
    """
    make_folder(out)
    _write_blur_maps(out / BLUR, dataset, audit)
    with staging_folder(out, ".audit-") as staging:  # new tables never stand beside an old page
        write_text(staging / "audit.csv", _csv(audit))
        write_json(staging / "audit.json", document(audit, limit_px))
        write_text(staging / "audit.html", render_html(build_page(dataset, audit, limit_px)))
        for name in NAMES:
            (staging / name).replace(out / name)
        sync_folder(out)
    return list(NAMES)


def _write_blur_maps(folder: Path, dataset: Dataset, audit: Audit) -> None:
    """Write ``<id>/`` with the maps of each pair that was measured on this computer."""
    measured = {row.id for row in audit.pairs if row.status == "ok"}
    keys = pair_keys(dataset, flow_estimator(audit.estimator)) if measured else {}

    def write(name: str) -> None:
        known = kept_in_session(keys[name], dataset)
        found = None if known is None else blur_map(known)
        if found is not None:
            write_blur_map(make_folder(folder / name), found)
            return_freed_memory(found.diameter_px.size)

    names = [pair.id for pair in dataset.pairs if pair.id in measured]
    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in track(pool.map(write, names), "writing blur maps", total=len(names)):
            pass


def _csv(audit: Audit) -> str:
    return csv_text([COLUMNS, *(row_of(pair).values() for pair in audit.pairs)])
