"""Make a sidecar of a dataset: corrections without a pixel of it.

It is made in a working folder; the same command continues after an interruption."""

from dataclasses import asdict
from functools import cache, partial
from pathlib import Path

import numpy as np

from defocus.align.compensation.compensate import Release
from defocus.align.compensation.output import write_aligned
from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.estimator import FlowEstimator
from defocus.align.measure import Measurement
from defocus.cache import atomic_folder
from defocus.cluster.dispatcher import each
from defocus.datasets.checksums import folder_hashes, write_checksums
from defocus.datasets.deriving.maker import working_folder
from defocus.datasets.measuring.kept import measured_pair, pair_keys
from defocus.datasets.measuring.revision import MEASURING_REVISION
from defocus.datasets.opening import read_whole, require_one_size
from defocus.datasets.pair import Dataset, Pair, attempt_each, ids_of, sorted_by_id
from defocus.datasets.sidecar import (
    DOCUMENT,
    NAME,
    PairEntry,
    Sidecar,
    ceiling_db,
    read_sidecar,
    sidecar_text,
)
from defocus.errors import DatasetError, NotApplicableError
from defocus.pictures import picture_name
from defocus.pictures.write import write_image
from defocus.processes.isolation import LeftOut, parted, require_none_killed
from defocus.processes.machines import Where
from defocus.progress import track
from defocus.storage.files import write_text
from defocus.storage.staging import replace_folder, settle_replaced

PIXELS = frozenset({picture_name("blurry"), picture_name("sharp")})
UNREAD = "its files could not be read when the sidecar was made"
"""Reason that everybody reads who applies the sidecar; the error itself names a person's own
folders."""
SIDECAR_REVISION = 1
"""Revision of corrections made from a measurement. Raise it when their numbers change."""

CARD = """\
# {name}: a correction of {reader}

For each pair: how the sharp picture is to be moved onto the blurry one, and where it may be
believed. No picture of the dataset is in here; apply it to your own copy:

    defocus-data sidecar {reader}:PATH --apply .
    defocus-bench run … --dataset {reader}@{name}

`defocus-data verify .` or `sha256sum -c manifest-sha256.txt` looks whether it is whole.
"""


def write_sidecar(
    dataset: Dataset,
    out: Path,
    name: str,
    release: Release,
    estimator_name: str,
    where: Where = 1,
) -> tuple[Sidecar, tuple[LeftOut, ...]]:
    """Measure every pair and write its correction; return the sidecar, and the unreadable pairs."""
    # ``out`` may be a sidecar of the same order that lacks pairs, which are tried again.
    if not NAME.fullmatch(name):
        raise DatasetError(
            f"'{name}' cannot name a sidecar; use letters, digits, '.', '_' and '-'"
        )
    settle_replaced(out)
    flow = _estimator(estimator_name)
    if (earlier := _earlier(dataset, out, name, release, flow.name)) is not None:
        return _mended(dataset, out, name, release, estimator_name, where, earlier)
    order = {
        "format": "defocus-sidecar-order",
        "content_hash": dataset.content_hash,
        "name": name,
        "release": asdict(release),
        "estimator": flow.name,
        "weights_sha256": flow.weights_sha256 or None,
        "revision": [MEASURING_REVISION, SIDECAR_REVISION],
    }
    with working_folder(out, "sidecar", order) as root:
        entries, left_out = _entries(
            dataset, release, estimator_name, where, flow, root
        )
        return _written(dataset, root, name, release, flow.name, entries), left_out


def _mended(
    dataset: Dataset,
    out: Path,
    name: str,
    release: Release,
    estimator_name: str,
    where: Where,
    earlier: Sidecar,
) -> tuple[Sidecar, tuple[LeftOut, ...]]:
    """The earlier sidecar with the pairs that can be read by now."""
    whole = _whole(earlier)
    tried = (pair for pair in dataset.pairs if pair.id not in whole)
    again, left_out = attempt_each(tried, _read)
    if not again:
        return earlier, left_out
    mended = out.absolute().with_name(f"{out.name}.mended")
    result = write_sidecar(dataset, mended, name, release, estimator_name, where)
    replace_folder(out, mended)
    return result


def _entries(
    dataset: Dataset,
    release: Release,
    estimator_name: str,
    where: Where,
    flow: FlowEstimator,
    root: Path,
) -> tuple[tuple[PairEntry, ...], tuple[LeftOut, ...]]:
    """An entry for each pair, and the pairs that cannot be read."""
    keys = pair_keys(dataset, flow)
    keyed = {pair.id: (pair, keys[pair.id]) for pair in dataset.pairs}
    work = partial(
        _corrected, root=root, release=release, estimator_name=estimator_name
    )
    measured = dict(track(each(work, keyed, where), "measuring", len(keyed)))
    require_none_killed(measured.values(), "pair")
    measured_entries, left_out = parted(measured[name] for name in keyed)
    if not measured_entries:
        raise NotApplicableError(
            f"{dataset.name}: no pair can be read; {left_out[0].reason}"
        )
    unread = (PairEntry(id=one.id, status="unknown", reason=UNREAD) for one in left_out)
    entries = (*measured_entries, *unread)
    return entries, left_out


def _whole(sidecar: Sidecar) -> set[str]:
    """The ids of the pairs that could be read."""
    return {entry.id for entry in sidecar.pairs if entry.reason != UNREAD}


def _earlier(
    dataset: Dataset, out: Path, name: str, release: Release, estimator_name: str
) -> Sidecar | None:
    """A whole earlier sidecar of the same order that lacks pairs which could not be read."""
    if not (out / DOCUMENT).is_file():
        return None
    sidecar = read_sidecar(out)
    wanted = (name, _reader(dataset), asdict(release), estimator_name)
    same = (sidecar.name, sidecar.reader, sidecar.release, sidecar.estimator) == wanted
    ids = ids_of(dataset.pairs)
    whole = _whole(sidecar)
    lacks = len(whole) < len(sidecar.pairs) or len(whole) < len(ids)
    return sidecar if same and lacks and whole <= ids else None


def _read(pair: Pair) -> Pair:
    read_whole(pair)
    return pair


def _written(
    dataset: Dataset,
    root: Path,
    name: str,
    release: Release,
    estimator_name: str,
    entries: tuple[PairEntry, ...],
) -> Sidecar:
    if all(entry.status != "ok" for entry in entries):
        raise NotApplicableError(
            f"{dataset.name}: no pair could be aligned, such as {entries[0].id}: "
            f"{entries[0].reason}"
        )
    sidecar = Sidecar(
        name=name,
        reader=_reader(dataset),
        release=asdict(release),
        estimator=estimator_name,
        pairs=tuple(sorted_by_id(entries)),
    )
    write_text(root / DOCUMENT, sidecar_text(sidecar))
    write_text(root / "README.md", CARD.format(name=name, reader=sidecar.reader))
    write_checksums(root, folder_hashes(root))
    return sidecar


def _reader(dataset: Dataset) -> str:
    return dataset.name.partition(":")[0]


_estimator = cache(flow_estimator)


def _corrected(
    keyed: tuple[Pair, str], root: Path, release: Release, estimator_name: str
) -> PairEntry:
    """The correction of a pair; an earlier one is used if there is one."""
    pair, key = keyed
    if pair.sharp is None:
        return PairEntry(id=pair.id, status="unknown", reason="it has no sharp picture")
    require_one_size([pair])
    blurry, sharp, measurement = measured_pair(pair, _estimator(estimator_name), key)
    misalignment = measurement.misalignment
    if misalignment.status != "ok":
        return PairEntry(id=pair.id, status="unknown", reason=misalignment.reason)
    target = root / "pairs" / pair.id
    if not target.is_dir():
        with atomic_folder(target) as folder:
            write_aligned(folder, blurry, sharp, measurement, release)
            for name in PIXELS:
                (folder / name).unlink()
            _write_masks(folder, measurement)
    return PairEntry(
        id=pair.id,
        status="ok",
        gain_ev=misalignment.gain_ev,
        ceiling_db=ceiling_db(sharp),
    )


def _write_masks(folder: Path, measurement: Measurement) -> None:
    """Write ``(H, W)`` masks of the blurry picture, 255 where true."""
    # ``valid_mask`` alone is on the released grid
    field = measurement.field
    assert field is not None  # noqa: S101 - its misalignment is known
    masks = {
        "reliable": measurement.reliable,
        "occluded": field.full(field.flow.occluded, measurement.shape),
        "sharper": field.full(field.flow.coc_px > 0, measurement.shape),
    }
    for name, mask in masks.items():
        write_image(folder / picture_name(name), mask.astype(np.uint8) * np.uint8(255))
