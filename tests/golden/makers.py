"""What the makers of datasets come to on two stored pairs, in numbers another machine gives too.

Make ``makers.json`` anew after a revision was raised: ``python -m tests.golden.makers``."""

import argparse
import json
import os
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from defocus.align.compensation.compensate import Release
from defocus.align.flow.by_name import flow_estimator
from defocus.datasets.api import open_dataset
from defocus.datasets.audit.run import AUDITED, audit_dataset, row_document
from defocus.datasets.cutting import CUTTING_REVISION, Scheme, cut_dataset
from defocus.datasets.deriving.aligned_reference import aligned_reference
from defocus.datasets.deriving.compensate import (
    COMPENSATION_REVISION,
    compensate_dataset,
)
from defocus.datasets.measuring.kept import measured_pair, pair_keys
from defocus.datasets.measuring.revision import MEASURING_REVISION, REFERENCED
from defocus.datasets.pair import Dataset
from defocus.datasets.release.details import Details
from defocus.datasets.release.packaging import PACKAGING_REVISION, package_dataset
from defocus.datasets.rendering.pair import RENDERING_REVISION
from defocus.datasets.rendering.run import render_dataset
from defocus.datasets.sidecar_writing import SIDECAR_REVISION, write_sidecar
from tests.golden.numbers import Numbers, of_folder, of_value

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
    "package": [PACKAGING_REVISION],
    "render": [RENDERING_REVISION],
}

ESTIMATOR = "dis"

REQUEST = """
size = [96, 64]
[lens]
focal_length_mm = 100.0
f_number = 2.8
focus_distance_mm = 1000.0
[aperture]
blades = 6
cats_eye = 0.2
[dual_pixel]
profile = "half-disc"
[misalignment]
shift_px = [1.0, 2.0]
gain_ev = [0.1, 0.2]
[[scenes]]
name = "desk"
planes = [
  {{picture = "{behind}", depth_mm = 2500.0}},
  {{picture = "{before}", depth_mm = 700.0, polygon = [[-0.4, -0.3], [0.3, -0.3], [0.0, 0.4]]}},
]
"""


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
        _, _, measurement = measured_pair(pair, estimator, keys[pair.id])
        yield from of_value(pair.id, asdict(measurement.misalignment))


def _audit(dataset: Dataset, out: Path) -> Numbers:
    for row in audit_dataset(dataset, ESTIMATOR, 1).pairs:
        yield from of_value(row.id, row_document(row))


def _reference(dataset: Dataset, out: Path) -> Numbers:
    reference = aligned_reference(dataset, dataset.pairs[0], ESTIMATOR)
    yield from of_folder(reference.sharp.parent)


def _compensate(dataset: Dataset, out: Path) -> Numbers:
    compensate_dataset(
        dataset, out, Release(), lambda: flow_estimator(ESTIMATOR), where=1
    )
    yield from of_folder(out / "pairs")


def _sidecar(dataset: Dataset, out: Path) -> Numbers:
    write_sidecar(dataset, out, "golden", Release(), ESTIMATOR)
    yield from of_folder(out)


def _patches(dataset: Dataset, out: Path) -> Numbers:
    cut_dataset(dataset, out, Scheme(side_px=48), where=1)
    yield from of_folder(out)


def _package(dataset: Dataset, out: Path) -> Numbers:
    details = Details(
        title="Two scenes", authors=("A lab",), licence="CC0-1.0", faces="none"
    )
    package_dataset(dataset, out, "folder", details, 10**9)
    yield from of_folder(out)


def _render(dataset: Dataset, out: Path) -> Numbers:
    behind, before = (pair.sharp for pair in dataset.pairs)
    request = out.with_name("request.toml")
    request.write_text(REQUEST.format(behind=behind, before=before), encoding="utf-8")
    render_dataset(request, out)
    yield from of_folder(out / "pairs")


MAKERS: dict[str, Callable[[Dataset, Path], Numbers]] = {
    "measure": _measure,
    "audit": _audit,
    "reference": _reference,
    "compensate": _compensate,
    "sidecar": _sidecar,
    "patches": _patches,
    "package": _package,
    "render": _render,
}


CORE = frozenset(MAKERS)

# what extras make
for _path in sorted(Path(__file__).parents[1].glob("extras/*/golden.py")):
    _brought = import_module(f"tests.extras.{_path.parent.name}.golden")
    MAKERS |= _brought.MAKERS
    REVISIONS |= _brought.REVISIONS


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ["DEFOCUS_CACHE"] = str(root / "cache")  # where nothing is kept yet
        makers = {
            name: numbers_of(name, stored_dataset(root / name), root / name / "out")
            for name in MAKERS
        }
    FILE.write_text(
        json.dumps({"revisions": REVISIONS, "numbers": makers}, indent=1) + "\n",
        encoding="utf-8",
    )
