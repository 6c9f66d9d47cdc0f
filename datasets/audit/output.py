"""The files of an audit: three tables, and the blur map of each measured pair."""

import hashlib
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from defocus.align.compensation.blur_map import blur_map_of, write_blur_map
from defocus.align.flow.by_name import flow_estimator
from defocus.datasets.audit.page import build_page
from defocus.datasets.audit.run import Audit
from defocus.datasets.audit.table import COLUMNS, document, row_of
from defocus.datasets.checksums import CHECKSUMS
from defocus.datasets.curation_rules import Usable
from defocus.datasets.manifest import MANIFEST
from defocus.datasets.measuring.kept import kept_blur, pair_keys, session_key
from defocus.datasets.pair import Dataset
from defocus.errors import InputError
from defocus.files import make_folder, sync_folder, write_json, write_text
from defocus.freed_memory import return_freed_memory
from defocus.progress import track
from defocus.reading import intact, read_json, read_text
from defocus.reports.display import csv_text
from defocus.reports.html import render_html
from defocus.staging import staging_folder

BLUR = "blur"
LARGEST = 2**30
"""Bytes of an audit that is read."""
WRITERS = 2
"""Blur maps that are compressed at once."""
DOCUMENT = "audit.json"
PLACE = ".place"
"""File that says of which folder the audit is: content may change, and names are alike."""
NAMES = ("audit.csv", DOCUMENT, "audit.html")
OF_DATASETS = (MANIFEST, CHECKSUMS, "journal.jsonl", "blurry", "sharp")
"""What the folder of a dataset, a release or a session has."""


def claim_audit_folder(out: Path, dataset: Dataset, command: str) -> None:
    """Refuse a folder of a dataset, or one with another dataset's audit, even of the same name."""
    place, root = out.resolve(), dataset.root.resolve()
    held = next((name for name in OF_DATASETS if (place / name).exists()), None)
    if place.is_relative_to(root):
        outside = shlex.quote(str(root.parent / f"{root.name}-audit"))
        raise InputError(f"{out}: inside the dataset; run '{command} --out {outside}'")
    if held is not None:
        raise InputError(f"{out}: the folder of a dataset, with {held}; give another with --out")
    path = out / DOCUMENT
    if not path.exists():
        return
    with intact(path, "remove it, or give another --out", InputError, OSError):
        other = {name: str(read_json(path, LARGEST)[name]) for name in ("dataset", "content_hash")}
        elsewhere = (out / PLACE).is_file() and read_text(out / PLACE) != _place_of(dataset)
    if dataset.content_hash == other["content_hash"]:
        return
    namesake = dataset.name == other["dataset"]
    if elsewhere or not namesake:
        which = f"another folder called {dataset.name}" if namesake else other["dataset"]
        raise InputError(
            f"{out}: has the audit of {which}; give another folder with --out, or remove it"
        )


def _place_of(dataset: Dataset) -> str:
    """A mark of a dataset's folder among others of its name, which does not say where it is."""
    return hashlib.sha256(str(dataset.root.resolve()).encode()).hexdigest()


def write_audit(
    out: Path, dataset: Dataset, audit: Audit, limit_px: float | None, usable: Usable
) -> list[str]:
    """Write ``audit.csv``, ``.json``, ``.html`` and the folder ``blur``; the names of the files."""
    make_folder(out)
    _write_blur_maps(out / BLUR, dataset, audit)
    with staging_folder(out, ".audit-") as staging:  # new tables are never beside an old page
        rows = (row_of(pair).values() for pair in audit.pairs)
        write_text(staging / "audit.csv", csv_text([COLUMNS, *rows]))
        write_json(staging / DOCUMENT, document(audit, limit_px))
        write_text(
            staging / "audit.html", render_html(build_page(dataset, audit, limit_px, usable))
        )
        for name in NAMES:
            (staging / name).replace(out / name)
        write_text(out / PLACE, _place_of(dataset))
        sync_folder(out)
    return list(NAMES)


def _write_blur_maps(folder: Path, dataset: Dataset, audit: Audit) -> None:
    """Write ``<id>/`` with the maps of each pair that was measured on this computer."""
    measured = {row.id for row in audit.pairs if row.status == "ok"}
    keys = pair_keys(dataset, flow_estimator(audit.estimator), audit.limits) if measured else {}

    together = session_key(dataset)

    def write(name: str) -> None:
        blur = kept_blur(keys[name], together)
        if blur is not None:
            write_blur_map(make_folder(folder / name), blur_map_of(blur))

    names = [pair.id for pair in dataset.pairs if pair.id in measured]
    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in track(pool.map(write, names), "writing blur maps", total=len(names)):
            pass
    return_freed_memory(max((row.width or 0) * (row.height or 0) for row in audit.pairs))
