"""Parts of an audit that several computers make, and the audit that is put together from them.

The merged audit equals that of one process to the byte."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from defocus.align.flow.by_name import flow_estimator
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.audit.run import (
    AUDITED,
    Audit,
    audit_of,
    audited_rows,
    keep_row,
    row_document,
    row_of_document,
)
from defocus.datasets.deriving.maker import place_file
from defocus.datasets.measuring.kept import NO_LIMITS, MotionLimits, kept_file, pair_keys
from defocus.datasets.pair import Dataset
from defocus.errors import DatasetError
from defocus.extensions import plugin_arguments
from defocus.files import make_folder, write_json
from defocus.isolation import LeftOut
from defocus.progress import track
from defocus.reading import intact, read_json
from defocus.slurm import JobCommand, SlurmSettings, submit

MEASURED = "measured"
LARGEST_SHARD = 4 * 1024**3


@dataclass(frozen=True)
class AuditPart:
    """One part of an audit: its file, and the pairs of it that cannot be read."""

    written: Path
    left_out: tuple[LeftOut, ...]  # the first part has those that the dataset was opened without


def audit_shard(
    dataset: Dataset,
    shard: tuple[int, int],
    out: Path,
    estimator_name: str,
    limits: MotionLimits = NO_LIMITS,
    jobs: int = 1,
) -> AuditPart:
    """Audit one part (``shard``: its number, from 1, and how many) and write it into ``out``."""
    number, of = shard
    pairs = dataset.pairs[number - 1 :: of]
    keys = pair_keys(dataset, flow_estimator(estimator_name), limits)
    folder = make_folder(out / MEASURED)
    rows = {}
    for row in audited_rows(dataset, pairs, estimator_name, jobs, limits=limits):
        source, target = kept_file(keys[row.id], ".h5"), folder / f"{keys[row.id]}.h5"
        if source.is_file() and not target.exists():
            place_file(source, target)
        rows[row.id] = row
    path = out / _file(shard)
    document = {
        **_head(dataset, estimator_name, limits),
        "shard": [number, of],
        "rows": [{"key": keys[one.id], "row": row_document(rows[one.id])} for one in pairs],
    }
    write_json(path, document)
    unread = [LeftOut(p.id, p.reason) for p in rows.values() if p.status == "unreadable"]
    opened_without = dataset.left_out if number == 1 else ()
    return AuditPart(path, replace(dataset, left_out=opened_without).without(unread))


def submit_shards(
    dataset: Dataset,
    typed: str,
    parts: int,
    out: Path,
    settings: SlurmSettings,
    estimator_name: str,
    limits: MotionLimits = NO_LIMITS,
) -> bool:
    """Submit a SLURM job for each part that is not written or queued; whether all are written."""
    flow_estimator(estimator_name)  # an unknown name is refused before there are jobs
    of = min(parts, len(dataset.pairs))
    head = _head(dataset, estimator_name, limits)
    waiting = [
        f"{number}-of-{of}"
        for number in range(1, of + 1)
        if not _is_written(_job_folder(out, f"{number}-of-{of}") / _file((number, of)), head)
    ]

    def job(name: str) -> JobCommand:
        folder = make_folder(_job_folder(out, name) / MEASURED).parent.absolute()
        command = [sys.executable, "-m", "defocus.datasets", "audit", typed, "--out", str(folder)]
        part = ["--shard", name.replace("-of-", "/"), "--estimator", estimator_name]
        part += limits.arguments
        cores = ["--jobs", str(settings.cpus), *plugin_arguments()]
        return JobCommand([*command, *part, *cores], partial(_measured_pairs, folder))

    if waiting:
        submit(out, waiting, job, settings)
    return not waiting


def _job_folder(out: Path, name: str) -> Path:
    return out / "jobs" / name


def _file(shard: tuple[int, int]) -> str:
    # ``DIR/shard-2-of-8.json`` has the rows of every eighth pair from the second on
    return f"shard-{shard[0]}-of-{shard[1]}.json"


def _measured_pairs(folder: Path) -> int:
    return len(list((folder / MEASURED).iterdir()))


def _is_written(path: Path, head: dict[str, Any]) -> bool:
    """Whether a part is there; one of other pictures or an older version does not count."""
    try:
        return path.is_file() and bool(_rows(path, head))
    except DatasetError:
        return False


def _head(dataset: Dataset, estimator_name: str, limits: MotionLimits) -> dict[str, Any]:
    return {
        "format": "defocus-audit-shard",
        "content_hash": dataset.content_hash,
        "estimator": estimator_name,
        **limits.to_json(),
        "revision": AUDITED,
    }


def merge_shards(
    dataset: Dataset,
    estimator_name: str,
    folders: Sequence[Path],
    jobs: int = 1,
    limits: MotionLimits = NO_LIMITS,
) -> Audit:
    """Put the parts of an audit together; rows and measurements are kept here from now on."""
    files = [path for folder in folders for path in sorted(folder.glob("shard-*-of-*.json"))]
    if not files:
        raise DatasetError(f"{folders[0]}: no shard-*-of-*.json there; audit with --shard first")
    keys = pair_keys(dataset, flow_estimator(estimator_name), limits)
    rows: dict[str, AuditedPair] = {}
    for path in track(files, "merging"):
        for key, row in _rows(path, _head(dataset, estimator_name, limits)):
            if keys.get(row.id) != key:
                raise DatasetError(f"{path}: pair {row.id!r} is of other pictures; audit it again")
            rows[row.id] = row
            _keep(key, row, path.parent / MEASURED)
    missing = [pair.id for pair in dataset.pairs if pair.id not in rows]
    if missing:
        raise DatasetError(
            f"{dataset.name}: {len(missing)} of {len(dataset.pairs)} pairs are in no part, such as "
            f"{missing[0]}; run the other shards too"
        )
    return audit_of(dataset, estimator_name, rows, jobs, limits)


def _rows(path: Path, head: dict[str, Any]) -> list[tuple[str, AuditedPair]]:
    with intact(path, "run this shard again", DatasetError, OSError, OverflowError):
        document = read_json(path, LARGEST_SHARD)
        own = {name: document[name] for name in head}
        rows = [(str(one["key"]), row_of_document(one["row"])) for one in document["rows"]]
    differing = [name for name in head if own[name] != head[name]]
    if differing:
        raise DatasetError(f"{path}: of another {differing[0]}; merge parts of one audit")
    return rows


def _keep(key: str, row: AuditedPair, measured: Path) -> None:
    if row.status != "unreadable":
        keep_row(key, row)
    brought, here = measured / f"{key}.h5", kept_file(key, ".h5")
    if brought.is_file() and not here.exists():
        make_folder(here.parent)
        place_file(brought, here)
