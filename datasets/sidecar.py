"""``READER@NAME``: a user's copy of a dataset with a sidecar's corrections, made on first use."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from pydantic import AfterValidator, Field, ValidationError

from defocus.align.compensation.output import NUMBERS, repeat_aligned
from defocus.cache import cache_folder, derived_folder
from defocus.datasets.checksums import CHECKSUMS
from defocus.datasets.deriving.parts import write_parts
from defocus.datasets.differences import verify_folder
from defocus.datasets.manifest import checked_id
from defocus.datasets.pair import Dataset, Pair, by_id, ids_of
from defocus.datasets.pair_files import content_hash, learnt_hash, picture_hashes
from defocus.errors import AlignmentError, DatasetError
from defocus.pictures import picture_name
from defocus.pictures.carried import carried
from defocus.pictures.read import read_pair
from defocus.pictures.values import Image, as_float
from defocus.processes.machines import Where
from defocus.progress import say
from defocus.reading import read_bytes, read_json
from defocus.settings import Settings, document_problem
from defocus.storage.files import make_folder, sha256_file, write_json

_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
KERNEL_LENGTH = 6.0
MAD_TO_SIGMA = 1.4826


def ceiling_db(sharp: Image) -> float | None:
    """PSNR (dB) of the noise-free scene against the sharp picture in [0, 1]; None without noise."""
    # Immerkær, Fast noise variance estimation, CVIU 1996, with the median instead of the mean:
    # edges and texture hardly affect the median response to the difference of two Laplacians.
    picture = np.asarray(as_float(sharp), dtype=np.float32)
    response = cv2.filter2D(picture, cv2.CV_32F, _KERNEL)[1:-1, 1:-1]
    if response.size == 0:
        return None
    sigmas = MAD_TO_SIGMA / KERNEL_LENGTH * np.median(np.abs(response), axis=(0, 1))
    power = float(np.mean(sigmas**2))
    return None if power == 0.0 else -10.0 * float(np.log10(power))


DOCUMENT = "sidecar.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MAX_BYTES = 256 * 1024 * 1024


class PairEntry(Settings):
    """Correction of one pair."""

    id: Annotated[str, AfterValidator(checked_id)]
    # ``unknown``: could not be aligned, and is left out
    status: Literal["ok", "unknown"]
    reason: str = ""  # why it is unknown
    gain_ev: float | None = (
        None  # log2 of blurry over sharp light, which the correction removes
    )
    # PSNR of a perfect restoration, by the sharp picture's noise; None without
    ceiling_db: float | None = None


class Sidecar(Settings):
    """The whole document; pairs are sorted by id."""

    format: Literal["defocus-sidecar"] = "defocus-sidecar"
    version: Literal[1] = 1
    name: Annotated[str, Field(pattern=f"^{NAME.pattern}$")]  # of the correction
    reader: Annotated[str, Field(pattern="^[a-z][a-z0-9-]*$")]  # that opens the dataset
    release: dict[str, Any]  # settings of the compensation
    estimator: str  # of the flow
    pairs: Annotated[tuple[PairEntry, ...], Field(min_length=1)]


def sidecar_text(sidecar: Sidecar) -> str:
    """The canonical text of the document."""
    document = sidecar.model_dump(mode="json")
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_sidecar(folder: Path) -> Sidecar:
    """Verify every byte of a sidecar's folder and read it."""
    verification = verify_folder(folder)
    if not verification.ok:
        wrong = verification.wrong[0]
        raise DatasetError(
            f"{folder}: {wrong.file} is {wrong.kind}; get the sidecar again, or repair it with "
            "'defocus-data verify --repair'"
        )
    path = folder / DOCUMENT
    try:
        return Sidecar.model_validate_json(read_bytes(path, MAX_BYTES))
    except FileNotFoundError as error:
        raise DatasetError(
            f"{folder}: no {DOCUMENT} there; give the folder of a sidecar"
        ) from error
    except ValidationError as error:
        raise DatasetError(f"{path}: {document_problem(error, 'sidecar')}") from error


def apply_sidecar(
    dataset: str, opened: Dataset, folder: Path, where: Where = 1
) -> Dataset:
    """Check a correction, record it under ``READER@NAME``, and return the corrected dataset."""
    sidecar = read_sidecar(folder)
    name = f"{sidecar.reader}@{sidecar.name}"
    applied = corrected(name, opened, folder, where)
    reader, _, place = dataset.partition(":")
    noted = f"{reader}:{Path(place).expanduser().absolute()}" if place else reader
    write_json(_note(name), {"dataset": noted, "sidecar": str(folder.absolute())})
    return applied


def noted_place(name: str) -> tuple[str, Path]:
    """The dataset and the sidecar of ``READER@NAME``, if it was applied on this computer."""
    reader, _, correction = name.partition("@")
    if not NAME.fullmatch(correction) or not NAME.fullmatch(reader):
        raise DatasetError(
            f"'{name}' is not READER@NAME; see 'defocus-data sidecar --help'"
        )
    try:
        document = read_json(_note(name))
        return str(document["dataset"]), Path(document["sidecar"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"'{name}' is not known here; say which copy and which sidecar it means: "
            f"'defocus-data sidecar {reader}:PATH --apply SIDECAR'"
        ) from error


def _note(name: str) -> Path:
    return make_folder(cache_folder() / "sidecars") / f"{name}.json"


def corrected(name: str, dataset: Dataset, folder: Path, where: Where = 1) -> Dataset:
    """The dataset with the sidecar's corrections under its new name, made on first use."""
    sidecar = read_sidecar(folder)
    _require_same(dataset, sidecar)
    key = sha256_file(folder / CHECKSUMS)[:16]
    root = dataset.derived / "sidecars" / key
    own = by_id(dataset.pairs)
    alignable = _aligned_entries(dataset, folder, where, sidecar, own, root)
    pairs = tuple(
        _corrected(own[entry.id], entry, root / "pairs") for entry in alignable
    )
    hashes = picture_hashes(root, pairs)
    content = content_hash(pairs, hashes)
    return Dataset(
        name=name,
        root=root,
        pairs=pairs,
        content_hash=content,
        derived=derived_folder(content),
        source=dataset.source or sidecar.reader,
        left_out=dataset.left_out,
        learnt_hash=learnt_hash(pairs, hashes),
    )


def _aligned_entries(
    dataset: Dataset,
    folder: Path,
    where: Where,
    sidecar: Sidecar,
    own: Mapping[str, Pair],
    root: Path,
) -> list[PairEntry]:
    """Correct the entries that can be corrected, and return them; the others are reported."""
    for entry in sidecar.pairs:
        if entry.status == "unknown":
            say(
                f"pair {entry.id} is left out, its misalignment is unknown: {entry.reason}"
            )
    alignable = [entry for entry in sidecar.pairs if entry.status == "ok"]
    alone = {entry.id: own[entry.id] for entry in alignable}
    write = partial(_correct, sidecar=folder)
    failed = write_parts(
        alone, root / "pairs", write, f"correcting {dataset.name}", where
    )
    if failed:
        raise AlignmentError(failed[0].reason)
    return alignable


def _require_same(dataset: Dataset, sidecar: Sidecar) -> None:
    reader = dataset.name.partition(":")[0]
    if reader != sidecar.reader:
        raise DatasetError(
            f"the sidecar '{sidecar.name}' is of {sidecar.reader}, not of {reader}; give a copy of "
            "that"
        )
    missing = sorted(ids_of(sidecar.pairs) - ids_of(dataset.pairs))
    if missing:
        raise DatasetError(
            f"{dataset.root}: pair {missing[0]} of the sidecar '{sidecar.name}' is not there; "
            "complete the copy"
        )


def _correct(pair: Pair, folder: Path, sidecar: Path) -> None:
    """Write the corrected pictures of a pair."""
    if pair.sharp is None:
        raise AlignmentError(f"pair {pair.id} has no sharp picture; complete the copy")
    record = sidecar / "pairs" / pair.id / NUMBERS
    repeat_aligned(folder, *read_pair(pair.blurry, pair.sharp, pair.white), record)
    give_blurry, give_sharp = carried(pair.blurry, pair.sharp)
    # the record's hashes are of the pixels alone
    give_blurry(folder / picture_name("blurry"))
    give_sharp(folder / picture_name("sharp"))


PLACED = ("truth", "flow", "defocus_map", "dual_pixel_left", "dual_pixel_right")


def _corrected(pair: Pair, entry: PairEntry, pairs: Path) -> Pair:
    target = pairs / pair.id
    metadata = {
        **pair.metadata,
        "sidecar": {"gain_ev": entry.gain_ev, "ceiling_db": entry.ceiling_db},
    }
    # they are not in the geometry of the correction
    bare: dict[str, Any] = dict.fromkeys(PLACED)
    return replace(
        pair,
        blurry=target / picture_name("blurry"),
        sharp=target / picture_name("sharp"),
        metadata=MappingProxyType(metadata),
        **bare,
    )
