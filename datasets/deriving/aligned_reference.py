"""Aligned reference: the sharp picture registered onto the blurry one, once for all systems."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.blur_map import blur_map, write_blur_map
from defocus.align.compensation.compensate import Compensation, released_blurry
from defocus.align.compensation.output import NUMBERS
from defocus.align.compensation.record import read_record, recorded_plan
from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
from defocus.align.measure import Measurement
from defocus.datasets.deriving.maker import kept_record
from defocus.datasets.measuring.revision import REFERENCED
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import NotApplicableError
from defocus.pictures import picture_name
from defocus.pictures.carried import give_blocks
from defocus.pictures.read import read_image
from defocus.pictures.values import FULL, Image
from defocus.pictures.write import write_array, write_image
from defocus.progress import say
from defocus.reading import Json, read_json
from defocus.storage.files import make_folder, sha256_file, write_json

if TYPE_CHECKING:
    from defocus.align.compensation.compensate import Photometric

Array = NDArray[np.float32]

PICTURES = ("truth", "dual_pixel_left", "dual_pixel_right")
"""Roles that show the scene as the blurry member does, and are cropped like it."""


def add_truth(pair: Pair, folder: Path, known_map: Array | None) -> None:
    """Add truth and defocus map of the blurry member, on its released grid."""
    plan = recorded_plan(read_record(folder / NUMBERS), folder / NUMBERS)
    for role in PICTURES:
        source: Path | None = getattr(pair, role)
        if source is not None:
            write_image(
                folder / picture_name(role),
                released_blurry(read_image(source, pair.white), plan),
            )
            give_blocks(source, folder / picture_name(role))
    if known_map is not None:
        write_array(folder / "defocus_map.npy", _released_map(known_map, plan))


def add_blur_map(folder: Path, measurement: Measurement) -> None:
    """Add the blur map of the pair, if there is one."""
    plan = recorded_plan(read_record(folder / NUMBERS), folder / NUMBERS)
    blur = blur_map(measurement, plan.grid)
    if blur is not None:
        write_blur_map(folder, blur)


def _released_map(coc_px: Array, plan: Compensation) -> Array:
    """The defocus map of the release, in its own pixels."""
    part = plan.grid.crop.of(coc_px)
    if plan.grid.scale == 1.0:
        return part
    size = plan.grid.shape[::-1]
    smaller = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    return (plan.grid.scale * smaller).astype(np.float32)


def described(pair: Pair, folder: Path) -> Pair:
    """The pair with its new files, without the true flow, which fits the old sharp member only."""
    numbers = kept_record(folder / NUMBERS)
    compensation = numbers.pop("compensation")
    metadata = dict(pair.metadata)
    metadata.pop("measured_misalignment", None)
    # only a geometry that was known beforehand has no standard errors
    compensation["geometry_of"] = "blurry" if numbers["uncertainty"] else "companion"
    metadata["compensation"] = {**compensation, "misalignment": numbers}
    # names of fields are not types: these three are all paths
    roles: Json = {}
    for role in PICTURES:
        if getattr(pair, role) is not None:
            roles[role] = folder / picture_name(role)
    return replace(
        pair,
        blurry=folder / picture_name("blurry"),
        sharp=folder / picture_name("sharp"),
        flow=None,
        defocus_map=None if pair.defocus_map is None else folder / "defocus_map.npy",
        valid_mask=folder / picture_name("valid_mask"),
        metadata=MappingProxyType(metadata),
        white=FULL,
        **roles,
    )


ReferenceModel = Literal["global", "flow"]
"""Transform that registers the sharp picture: that of the whole picture, or the local flow too."""


# Below ``<derived>``; a pair has ``sharp`` (with its own bit depth), ``valid_mask`` (255
# where it is reliable) and, written last, ``reference.json``.
FOLDERS: dict[ReferenceModel, str] = {"global": "aligned", "flow": "aligned-flow"}


@dataclass(frozen=True)
class AlignedReference:
    """A sharp picture ``(H, W, 3)`` on the blurry grid and its valid area; no files if unknown."""

    sharp: Path
    valid_mask: Path  # 8-bit grey picture, 255 = valid
    estimator: str
    status: Literal["ok", "unknown"]
    reason: str
    sha256: str  # of both files together: it identifies the target of a score
    misalignment: Json  # as printed by ``defocus-data align --json``


def aligned_reference(
    dataset: Dataset,
    pair: Pair,
    estimator_name: str = DEFAULT_ESTIMATOR,
    *,
    model: ReferenceModel = "global",
) -> AlignedReference:
    """The reference of a pair, made on first use and after damage or a new revision; it is kept."""
    # With the model ``flow`` it gets the light of the blurry picture too, and its mask leaves out
    # what was saturated before it was darkened.
    if pair.sharp is None:
        raise NotApplicableError(f"pair {pair.id} has no sharp picture to align")
    folder = dataset.derived / FOLDERS[model] / estimator_name / pair.id
    stored = _stored(folder)
    if stored is not None:
        return stored
    return _computed(folder, pair.blurry, pair.sharp, estimator_name, model)


def _stored(folder: Path) -> AlignedReference | None:
    """The stored reference, or None if there is no valid one."""
    record = folder / "reference.json"
    try:
        document = read_json(record)
        revision = document.pop("revision", None)
        reference = _reference(folder, document)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError):
        say(f"{record}: damaged; the reference is rebuilt")
        return None
    if revision != REFERENCED:
        return None
    if reference.status == "ok" and _files_hash(folder) != reference.sha256:
        say(f"{folder}: the aligned reference is damaged; it is rebuilt")
        return None
    return reference


def _reference(folder: Path, document: Json) -> AlignedReference:
    return AlignedReference(
        folder / picture_name("sharp"), folder / picture_name("valid_mask"), **document
    )


def _files_hash(folder: Path) -> str:
    """SHA-256 over the hashes of both pictures; empty if one is missing."""
    files = [folder / picture_name("sharp"), folder / picture_name("valid_mask")]
    if not all(file.is_file() for file in files):
        return ""
    return hashlib.sha256("".join(map(sha256_file, files)).encode()).hexdigest()


def _computed(
    folder: Path,
    blurry_file: Path,
    sharp_file: Path,
    estimator_name: str,
    model: ReferenceModel,
) -> AlignedReference:
    from defocus.align.compensation.compensate import compensate

    blurry, sharp, measurement = measured_alone(blurry_file, sharp_file, estimator_name)
    make_folder(folder)
    is_known = measurement.misalignment.status == "ok"
    if is_known:
        light: Photometric = "match" if model == "flow" else "none"
        aligned = compensate(blurry, sharp, measurement, model=model, photometric=light)
        write_image(folder / picture_name("sharp"), aligned.sharp)
        write_image(
            folder / picture_name("valid_mask"),
            aligned.valid_mask.astype(np.uint8) * np.uint8(255),
        )
    document: Json = {
        "estimator": measurement.misalignment.estimator,
        "status": measurement.misalignment.status,
        "reason": measurement.misalignment.reason,
        "sha256": _files_hash(folder) if is_known else "",
        "misalignment": measurement.misalignment.to_json(),
    }
    write_json(folder / "reference.json", {"revision": REFERENCED, **document})
    return _reference(folder, document)


def measured_alone(
    blurry_file: Path, sharp_file: Path, estimator_name: str = DEFAULT_ESTIMATOR
) -> tuple[Image, Image, Measurement]:
    """Two pictures and their kept measurement, which uses nothing else of the pair."""
    from defocus.align.flow.by_name import flow_estimator
    from defocus.datasets.measuring.kept import measured_pair, pair_key

    estimator = flow_estimator(estimator_name)
    pair = Pair("", "", "train", blurry_file, sharp_file)
    return measured_pair(pair, estimator, pair_key(pair, estimator))


def measured_blur(
    blurry_file: Path, sharp_file: Path, estimator_name: str = DEFAULT_ESTIMATOR
) -> Array:
    """Diameter (px) by which the blurry picture is more blurred, ``(H, W)``; NaN where unknown."""
    # Negative where the sharp picture is the blurrier one. On the blurry grid.
    *_, measurement = measured_alone(blurry_file, sharp_file, estimator_name)
    blur = blur_map(measurement)
    unknown = np.full(measurement.shape, np.nan, np.float32)
    return unknown if blur is None else blur.diameter_px
