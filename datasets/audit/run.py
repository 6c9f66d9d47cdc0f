"""Audit every pair of a dataset in parallel; finished pairs are kept."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.estimator import FlowEstimator
from defocus.datasets.audit.duplicates import Fingerprint, NearDuplicate, near_duplicates
from defocus.datasets.audit.pair_audit import AuditedPair, audit_pair
from defocus.datasets.files.fingerprint import code_hash
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import NotApplicableError
from defocus.files import make_folder, write_json
from defocus.processes import in_processes
from defocus.progress import say, track
from defocus.reading import read_json

__all__ = ["Audit", "audit_dataset"]


@dataclass(frozen=True)
class Audit:
    """The audit of a dataset.

    Attributes:
        dataset: Name of the dataset.
        content_hash: Content hash of the dataset.
        estimator: Name of the requested flow estimator.
        pairs: One row for each pair, in the dataset's order.
        duplicates: Pictures found in two splits.
    """

    dataset: str
    content_hash: str
    estimator: str
    pairs: tuple[AuditedPair, ...]
    duplicates: tuple[NearDuplicate, ...]


def audit_dataset(dataset: Dataset, estimator_name: str, workers: int) -> Audit:
    """Audit all pairs; earlier results are read from ``dataset.derived``.

    Args:
        dataset: The dataset to audit.
        estimator_name: One of :data:`defocus.align.flow.by_name.ESTIMATORS`.
        workers: Number of processes, >= 1.

    Raises:
        NotApplicableError: The dataset has no pairs.
        StorageError: The results cannot be stored.
    """
    if not dataset.pairs:
        raise NotApplicableError(f"{dataset.name} has no pairs to audit")
    folder = make_folder(dataset.derived / "audit" / estimator_name)
    kept = {pair.id: _stored(folder / f"{pair.id}.json") for pair in dataset.pairs}
    rows = {name: row for name, row in kept.items() if row is not None}
    missing = [pair for pair in dataset.pairs if pair.id not in rows]
    audited = _audited(missing, estimator_name, workers)
    for row in track(audited, f"auditing {dataset.name}", total=len(missing)):
        rows[row.id] = row
        write_json(folder / f"{row.id}.json", {"code": _code(), **_document(row)})
    found = tuple(_with_place(rows[pair.id], pair) for pair in dataset.pairs)
    prints = [(row.id, row.split, one) for row in found for one in row.fingerprints]
    duplicates = near_duplicates(prints)
    return Audit(dataset.name, dataset.content_hash, estimator_name, found, duplicates)


def _with_place(row: AuditedPair, pair: Pair) -> AuditedPair:
    """A stored row with the pair's present split."""
    return replace(row, scene=pair.scene, split=pair.split)


def _audited(pairs: list[Pair], estimator_name: str, workers: int) -> Iterator[AuditedPair]:
    # a pair's metadata is a read-only view, which does not travel, and is not needed there
    bare = [replace(pair, metadata={}) for pair in pairs]
    return in_processes(partial(_audit, estimator_name=estimator_name), bare, workers)


def _audit(pair: Pair, estimator_name: str) -> AuditedPair:
    return audit_pair(pair, _estimator(estimator_name))


@cache
def _estimator(name: str) -> FlowEstimator:
    return flow_estimator(name)


@cache
def _code() -> str:
    return code_hash("defocus.align", "defocus.optics", "defocus.datasets.audit")


def _document(row: AuditedPair) -> dict[str, Any]:
    prints = [
        {"bits": np.packbits(one.bits).tobytes().hex(), "thumbnail": one.thumbnail.tolist()}
        for one in row.fingerprints
    ]
    return {**asdict(replace(row, fingerprints=())), "fingerprints": prints}


def _stored(path: Path) -> AuditedPair | None:
    """The stored row of this version of the code, or None."""
    try:
        document = read_json(path)
        if document.pop("code") != _code():
            return None
        prints = tuple(_fingerprint(one) for one in document.pop("fingerprints"))
        known = {field.name for field in fields(AuditedPair)}
        if set(document) != known - {"fingerprints"}:
            raise ValueError("other fields")
        return AuditedPair(**document, fingerprints=prints)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError):
        say(f"{path}: damaged; the pair is audited again")
        return None


def _fingerprint(document: dict[str, Any]) -> Fingerprint:
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(document["bits"]), dtype=np.uint8))
    return Fingerprint(bits.astype(np.bool_), np.array(document["thumbnail"], dtype=np.float32))
