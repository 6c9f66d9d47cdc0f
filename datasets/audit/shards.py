"""Parts of an audit that several computers make, and the audit that is put together from them.

::

    DIR/
      shard-2-of-8.json      rows of every eighth pair, from the second on
      measured/<key>.h5      their measurements, which go into the cache of who merges

The merged audit equals that of one process to the byte.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from defocus.align.flow.by_name import flow_estimator
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.audit.run import (
    Audit,
    audit_code,
    audit_of,
    audited_rows,
    keep_row,
    row_document,
    row_of_document,
)
from defocus.datasets.deriving.derived import place_file
from defocus.datasets.measuring.kept import kept_file, pair_keys
from defocus.datasets.pair import Dataset
from defocus.errors import DatasetError
from defocus.files import make_folder, write_json
from defocus.progress import track
from defocus.reading import read_json

__all__ = ["audit_shard", "merge_shards"]

MEASURED = "measured"
LARGEST_SHARD = 4 * 1024**3


def audit_shard(
    dataset: Dataset, estimator_name: str, jobs: int, shard: tuple[int, int], out: Path
) -> Path:
    """Audit one part of a dataset and write it; return the written file.

    Args:
        dataset: The dataset, the same for all parts.
        estimator_name: One of :data:`defocus.align.flow.by_name.ESTIMATORS`.
        jobs: Number of processes, >= 1.
        shard: Number of the part, from 1, and number of parts.
        out: Folder for the part.

    Raises:
        StorageError: The results cannot be stored.
    """
    number, of = shard
    pairs = dataset.pairs[number - 1 :: of]
    rows = audited_rows(dataset, pairs, estimator_name, jobs)
    keys = pair_keys(dataset, flow_estimator(estimator_name))
    folder = make_folder(out / MEASURED)
    for pair in pairs:
        known, there = kept_file(keys[pair.id], ".h5"), folder / f"{keys[pair.id]}.h5"
        if known.is_file() and not there.exists():
            place_file(known, there)
    path = out / f"shard-{number}-of-{of}.json"
    document = {
        **_head(dataset, estimator_name),
        "shard": [number, of],
        "rows": [{"key": keys[row.id], "row": row_document(row)} for row in rows],
    }
    write_json(path, document)
    return path


def _head(dataset: Dataset, estimator_name: str) -> dict[str, Any]:
    return {
        "format": "defocus-audit-shard",
        "content_hash": dataset.content_hash,
        "estimator": estimator_name,
        "code": audit_code(),
    }


def merge_shards(dataset: Dataset, estimator_name: str, folders: Sequence[Path]) -> Audit:
    """Put the parts of an audit together; rows and measurements are kept here from now on.

    Args:
        dataset: This computer's copy of the dataset.
        estimator_name: Estimator of all parts.
        folders: Folders of the parts.

    Raises:
        DatasetError: There is no part, a part is damaged or of another dataset, estimator or
            version, or pairs are missing.
        StorageError: The cache cannot be written.
    """
    files = [path for folder in folders for path in sorted(folder.glob("shard-*-of-*.json"))]
    if not files:
        raise DatasetError(f"{folders[0]}: no shard-*-of-*.json there; audit with --shard first")
    keys = pair_keys(dataset, flow_estimator(estimator_name))
    found: dict[str, AuditedPair] = {}
    for path in track(files, "merging"):
        for key, row in _rows(path, _head(dataset, estimator_name)):
            if keys.get(row.id) != key:
                raise DatasetError(f"{path}: pair {row.id!r} is of other pictures; audit it again")
            found[row.id] = row
            _keep(key, row, path.parent / MEASURED)
    missing = [pair.id for pair in dataset.pairs if pair.id not in found]
    if missing:
        raise DatasetError(
            f"{dataset.name}: {len(missing)} of {len(dataset.pairs)} pairs are in no part, such as "
            f"{missing[0]}; run the other shards too"
        )
    return audit_of(dataset, estimator_name, [found[pair.id] for pair in dataset.pairs])


def _rows(path: Path, head: dict[str, Any]) -> list[tuple[str, AuditedPair]]:
    try:
        document = read_json(path, LARGEST_SHARD)
        told = {name: document[name] for name in head}
        rows = [(str(one["key"]), row_of_document(one["row"])) for one in document["rows"]]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DatasetError(f"{path}: damaged ({error}); run this shard again") from error
    differing = [name for name in head if told[name] != head[name]]
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
