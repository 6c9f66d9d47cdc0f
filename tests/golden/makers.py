"""What the makers of datasets come to on two stored pairs, in numbers another machine gives too.

Make ``makers.json`` anew after a revision was raised: ``python -m tests.golden.makers``.
"""

import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from defocus.align.compensation.compensate import Release
from defocus.align.flow.by_name import flow_estimator
from defocus.datasets.api import open_dataset
from defocus.datasets.audit.run import AUDITED, audit_dataset, row_document
from defocus.datasets.cutting.run import CUTTING_REVISION, cut_dataset
from defocus.datasets.cutting.scheme import Scheme
from defocus.datasets.deriving.aligned_reference import REFERENCED, aligned_reference
from defocus.datasets.deriving.compensate import COMPENSATION_REVISION, compensate_dataset
from defocus.datasets.fusing.run import FUSING_REVISION, fuse_stacks
from defocus.datasets.measuring.kept import measured_pair, pair_keys
from defocus.datasets.measuring.revision import MEASURING_REVISION
from defocus.datasets.pair import Dataset
from defocus.datasets.release.details import Details
from defocus.datasets.release.packaging import PACKAGING_REVISION, package_dataset
from defocus.datasets.sidecar.write import SIDECAR_REVISION, write_sidecar
from defocus.images import read_image, write_image

__all__ = ["COMMAND", "FILE", "MAKERS", "REVISIONS", "numbers_of", "stored_dataset"]

COMMAND = "python -m tests.golden.makers"
FILE = Path(__file__).with_name("makers.json")
STORED = Path(__file__).parents[1] / "stored" / "made_2026_11.tar.xz"

REVISIONS: dict[str, Any] = {
    "measure": [MEASURING_REVISION],
    "audit": AUDITED,
    "reference": REFERENCED,
    "compensate": [MEASURING_REVISION, COMPENSATION_REVISION],
    "sidecar": [MEASURING_REVISION, SIDECAR_REVISION],
    "patches": [CUTTING_REVISION],
    "fuse": [FUSING_REVISION],
    "package": [PACKAGING_REVISION],
}

ESTIMATOR = "dis"
UNSTABLE = ("sha256", "bytes", "version", "content_hash", "revision", "thumbnail", "bits")
"""Keys of records that follow from other numbers or from the libraries that pack bytes."""

Numbers = Iterator[tuple[str, float]]


def stored_dataset(folder: Path) -> Dataset:
    """The stored pairs, unpacked into a folder."""
    with tarfile.open(STORED) as archive:
        archive.extractall(folder, filter="data")
    return open_dataset(f"manifest:{folder / 'dataset'}")


def numbers_of(name: str, dataset: Dataset, out: Path) -> dict[str, float]:
    """What one maker comes to, by place."""
    return dict(MAKERS[name](dataset, out))


def _measure(dataset: Dataset, out: Path) -> Numbers:
    estimator = flow_estimator(ESTIMATOR)
    keys = pair_keys(dataset, estimator)
    for pair in dataset.pairs:
        _, _, found = measured_pair(pair, estimator, keys[pair.id])
        yield from _of_value(pair.id, asdict(found.misalignment))


def _audit(dataset: Dataset, out: Path) -> Numbers:
    for row in audit_dataset(dataset, ESTIMATOR, 1).pairs:
        yield from _of_value(row.id, row_document(row))


def _reference(dataset: Dataset, out: Path) -> Numbers:
    reference = aligned_reference(dataset, dataset.pairs[0], ESTIMATOR)
    yield from _of_folder(reference.sharp.parent)


def _compensate(dataset: Dataset, out: Path) -> Numbers:
    compensate_dataset(dataset, out, Release(), lambda: flow_estimator(ESTIMATOR), jobs=1)
    yield from _of_folder(out / "pairs")


def _sidecar(dataset: Dataset, out: Path) -> Numbers:
    write_sidecar(dataset, out, "golden", Release(), ESTIMATOR)
    yield from _of_folder(out)


def _patches(dataset: Dataset, out: Path) -> Numbers:
    cut_dataset(dataset, out, Scheme(side_px=48), jobs=1)
    yield from _of_folder(out)


def _fuse(dataset: Dataset, out: Path) -> Numbers:
    stack = out.with_name("stack")
    stack.mkdir()
    pair = dataset.pairs[0]
    for number, path in enumerate((pair.blurry, pair.sharp, pair.truth)):
        assert path is not None
        write_image(stack / f"f{number}.png", read_image(path))
    fuse_stacks(open_dataset(f"stack:{stack}"), out)
    yield from _of_folder(out / "stacks")


def _package(dataset: Dataset, out: Path) -> Numbers:
    details = Details(title="Two scenes", authors=("A lab",), licence="CC0-1.0", faces="none")
    package_dataset(dataset, out, "folder", details, 10**9)
    yield from _of_folder(out)


MAKERS: dict[str, Callable[[Dataset, Path], Numbers]] = {
    "measure": _measure,
    "audit": _audit,
    "reference": _reference,
    "compensate": _compensate,
    "sidecar": _sidecar,
    "patches": _patches,
    "fuse": _fuse,
    "package": _package,
}


def _of_folder(folder: Path) -> Numbers:
    """Numbers of all pictures, arrays and records below a folder."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix in (".png", ".tif"):
            yield from _of_array(name, np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)))
        elif path.suffix == ".npy":
            yield from _of_array(name, np.load(path))
        elif path.suffix == ".json" and path.name != "manifest.json":
            yield from _of_value(name, json.loads(path.read_text(encoding="utf-8")))
        elif path.is_file():  # words: versions and hashes change, their number does not
            yield name, float(len(path.read_text(encoding="utf-8").split()))


def _of_array(name: str, array: np.ndarray[Any, Any]) -> Numbers:
    values = array.astype(np.float64)
    if np.issubdtype(array.dtype, np.unsignedinteger):
        values /= np.iinfo(array.dtype).max
    known = values[np.isfinite(values)]
    yield f"{name}/mean", float(known.mean()) if known.size else 0.0
    yield f"{name}/deviation", float(known.std()) if known.size else 0.0
    yield from ((f"{name}/side{axis}", float(side)) for axis, side in enumerate(array.shape))


def _of_value(name: str, value: Any) -> Numbers:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not any(word in key for word in UNSTABLE):
                yield from _of_value(f"{name}/{key}", inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _of_value(f"{name}/{number}", inner)
    elif isinstance(value, int | float) and np.isfinite(value):
        yield name, float(value)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ["DEFOCUS_CACHE"] = str(root / "cache")  # where nothing is kept yet
        found = {
            name: numbers_of(name, stored_dataset(root / name), root / name / "out")
            for name in MAKERS
        }
    FILE.write_text(
        json.dumps({"revisions": REVISIONS, "numbers": found}, indent=1) + "\n", encoding="utf-8"
    )
