"""Measurements of pairs, kept in the cache folder by the content of the pictures."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.blur_map import ReducedBlur, reduced_blur_of
from defocus.align.flow.dense import DenseFlow
from defocus.align.flow.estimator import FlowEstimator
from defocus.align.measure import Field, Measurement, measure
from defocus.align.misalignment import Misalignment, Sigma
from defocus.align.motion_limits import NO_LIMITS, MotionLimits
from defocus.align.photometry.gains import Photometry
from defocus.align.photometry.unexplained import Unexplained
from defocus.align.registration.asymmetry import Asymmetry, TileAsymmetry
from defocus.align.registration.session import PairInSession, SessionLens, Shared
from defocus.align.sharp_member.numbers import SharpMember
from defocus.cache import cache_folder, keeping
from defocus.datasets.measuring.revision import MEASURING_REVISION
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.pair_files import file_hashes, read_array
from defocus.errors import DatasetError
from defocus.pictures.read import read_pair
from defocus.pictures.values import FULL, READING_REVISION, Image, is_read_anew
from defocus.processes.freed_memory import return_freed_memory
from defocus.progress import say
from defocus.reading import Json
from defocus.scene.geometry import Similarity
from defocus.storage.files import make_folder, sha256_file, sha256_json
from defocus.storage.hdf5_files import open_hdf5, small_hdf5

FLOW_ARRAYS = (
    *("flow", "residual", "reliable", "occluded"),
    *("uncertainty_px", "coc_px", "consistency_px", "blur_known"),
)
STOPS = "unexplained"


def write_measurement(path: Path, measurement: Measurement) -> None:
    """Write a measurement (without a rig) atomically and without loss."""
    misalignment = measurement.misalignment
    numbers = asdict(replace(misalignment, matrix=None))
    numbers["matrix"] = (
        None if misalignment.matrix is None else misalignment.matrix.tolist()
    )
    document: Json = {"shape": measurement.shape, "misalignment": numbers}
    with small_hdf5(path) as file:
        if measurement.field is not None:
            document["factor"] = measurement.field.factor
            arrays = {
                name: getattr(measurement.field.flow, name) for name in FLOW_ARRAYS
            }
            arrays |= {
                "calibration": measurement.field.calibration,
                "moved": measurement.field.asymmetry,
            }
            if measurement.field.unexplained is not None:
                arrays[STOPS] = measurement.field.unexplained
            for name, values in arrays.items():
                # in one chunk each, which takes a quarter less time than h5py's own choice
                chunk = (1, *values.shape[1:]) if values.ndim > 2 else values.shape
                file.create_dataset(
                    name, data=values, chunks=chunk, compression="lzf", shuffle=True
                )
        file.attrs["measurement"] = json.dumps(document)


def read_measurement(path: Path) -> Measurement:
    """Read a measurement, equal to the bit; OSError, ValueError, TypeError, KeyError if damaged."""
    with open_hdf5(path) as file:
        document = json.loads(file.attrs["measurement"])
        field = None
        if "factor" in document:
            flow = DenseFlow(**{name: np.asarray(file[name]) for name in FLOW_ARRAYS})
            calibration = np.asarray(file["calibration"])
            moved = np.asarray(file["moved"])
            field = Field(
                flow, int(document["factor"]), calibration, moved, _stops(file)
            )
    height, width = document["shape"]
    return Measurement(_misalignment(document["misalignment"]), (height, width), field)


def read_blur(path: Path) -> ReducedBlur | None:
    """The blur of a measurement; None if unknown. Errors: :func:`read_measurement`."""
    with open_hdf5(path) as file:
        document = json.loads(file.attrs["measurement"])
        if "factor" not in document:
            return None
        coc_px = np.asarray(file["coc_px"])
        known = np.asarray(file["blur_known"])
        height, width = document["shape"]
        return ReducedBlur(
            coc_px, known, int(document["factor"]), (height, width), _stops(file)
        )


def _stops(file: h5py.File) -> NDArray[np.float32] | None:
    return np.asarray(file[STOPS]) if STOPS in file else None


def _misalignment(numbers: Json) -> Misalignment:
    parts: dict[str, type[Any]] = {
        "similarity": Similarity,
        "photometry": Photometry,
        "asymmetry": Asymmetry,
        "sigma": Sigma,
        "spread": TileAsymmetry,
        "unexplained": Unexplained,
    }
    for name, kind in parts.items():
        part = numbers[name]
        if part is not None:
            for key, value in part.items():
                part[key] = tuple(value) if isinstance(value, list) else value
            numbers[name] = kind(**part)
    rest = numbers["unexplained"]
    if rest is not None and rest.sharp_member is not None:
        member = SharpMember.of_json(rest.sharp_member)
        numbers["unexplained"] = replace(rest, sharp_member=member)
    numbers["shared"] = _session_lens(numbers["shared"])
    if numbers["matrix"] is not None:
        numbers["matrix"] = np.array(numbers["matrix"], np.float64)
    return Misalignment(**numbers)


def _session_lens(numbers: Json | None) -> SessionLens | None:
    if numbers is None:
        return None
    for name in ("zoom", "asymmetry"):
        if numbers[name] is not None:
            numbers[name] = Shared(**numbers[name])
    return SessionLens(**numbers)


T = TypeVar("T")

_unkept: dict[str, ReducedBlur | None] = {}
"""The blur of pairs that this process has measured and could not keep, by key."""

MEASURED_ROLES = ("blurry", "sharp", "defocus_map")


@dataclass(frozen=True)
class InSession:
    """Further facts that decide a pair's measurement: those that its dataset's pairs share."""

    lens: SessionLens
    dataset_key: str  # of :func:`session_key`


def session_key(dataset: Dataset) -> str:
    """Key that changes with a dataset's content, and with what its pairs say of their cameras."""
    metadata = {pair.id: dict(pair.metadata) for pair in dataset.pairs}
    text = json.dumps(metadata, sort_keys=True, default=str)
    return hashlib.sha256(f"{dataset.content_hash} {text}".encode()).hexdigest()


def pair_keys(
    dataset: Dataset, estimator: FlowEstimator, limits: MotionLimits = NO_LIMITS
) -> dict[str, str]:
    """The key of each pair's measurement, by id; files are hashed on first use."""
    files = [path for pair in dataset.pairs for path in _files(pair).values()]
    hashes = file_hashes(dataset.root, files)
    keys = {}
    for pair in dataset.pairs:
        of_pair = {role: hashes[path] for role, path in _files(pair).items()}
        keys[pair.id] = _key(of_pair | _reading(pair), estimator, limits)
    return keys


def pair_key(pair: Pair, estimator: FlowEstimator) -> str:
    """The key of the measurement of one pair; its files are read."""
    hashes = {role: sha256_file(path) for role, path in _files(pair).items()}
    return _key(hashes | _reading(pair), estimator)


def _reading(pair: Pair) -> dict[str, str]:
    """Facts that decide a measurement besides the files: how they are read, if that changed."""
    changed = is_read_anew(pair.blurry) or pair.white not in {None, FULL}
    return {"reading": f"{READING_REVISION} {pair.white}"} if changed else {}


def _files(pair: Pair) -> dict[str, Path]:
    """The files that decide a measurement, by role."""
    files = {role: getattr(pair, role) for role in MEASURED_ROLES}
    return {role: path for role, path in files.items() if path is not None}


def _key(
    hashes: Mapping[str, str],
    estimator: FlowEstimator,
    limits: MotionLimits = NO_LIMITS,
) -> str:
    measuring = (
        estimator.name,
        estimator.weights_sha256,
        limits.to_json(),
        MEASURING_REVISION,
    )
    order = [dict(hashes), *measuring]
    return sha256_json(order)


def kept_file(key: str, suffix: str) -> Path:
    """Path of what is kept under a key; nothing is created."""
    # ``.h5`` has flow, masks and numbers, ``.json`` the pair's row of an audit.
    return cache_folder() / "measured" / key[:2] / f"{key}{suffix}"


def _key_in_session(key: str, session: InSession) -> str:
    """Key of the measurement of a pair with what pairs of the dataset share."""
    # What they share is other where a pair could not be read.
    shared = json.dumps(asdict(session.lens), sort_keys=True, default=float)
    text = f"{key} {session.dataset_key} {shared}"
    return hashlib.sha256(text.encode()).hexdigest()


def measured_pair(
    pair: Pair,
    estimator: FlowEstimator,
    key: str,
    session: InSession | None = None,
    limits: MotionLimits = NO_LIMITS,
) -> tuple[Image, Image, Measurement]:
    """The members of a pair and its measurement, which is made if it is not kept."""
    blurry, sharp = read_pair(pair.blurry, pair.sharp or pair.blurry, pair.white)
    height, width = blurry.shape[:2]
    return_freed_memory(height * width)  # left by decoding, between the pictures
    known_map = known_defocus_map(pair, (height, width))
    kept_key = key
    if session is not None:
        kept_key = _key_in_session(key, session)
    kept = kept_measurement(kept_key)
    if kept is not None:
        return blurry, sharp, kept
    known = None
    if session is not None:
        # What the session shares changes the frame alone: a pair that was measured by itself
        # before is not registered again.
        alone = kept_measurement(key)
        own = None if alone is None else alone.registration
        known = PairInSession(session.lens, own)
    measurement = measure(
        blurry, sharp, estimator, defocus_map=known_map, limits=limits, session=known
    )
    _keep(kept_key, measurement)
    return blurry, sharp, measurement


def _keep(key: str, measurement: Measurement) -> None:
    """Keep a measurement under a key, or its blur in this process if it cannot be written."""
    _unkept[key] = reduced_blur_of(measurement)
    with keeping():
        path = kept_file(key, ".h5")
        make_folder(path.parent)
        write_measurement(path, measurement)
        del _unkept[key]


def kept_measurement(key: str) -> Measurement | None:
    """The measurement under a key; None if nothing is kept, or it is damaged."""
    return _read(kept_file(key, ".h5"), read_measurement)


def is_kept(key: str) -> bool:
    """Whether the measurement of a pair by itself is kept."""
    return kept_file(key, ".h5").is_file()


def kept_blur(key: str, session: InSession | None) -> ReducedBlur | None:
    """The blur of a pair by itself or as measured with its session; None if unknown or not kept."""
    if session is not None:
        key = _key_in_session(key, session)
    return _unkept.get(key) or _read(kept_file(key, ".h5"), read_blur)


def _read(path: Path, read: Callable[[Path], T]) -> T | None:
    """Result of a function that reads the file of a measurement, or None."""
    try:
        return read(path) if path.is_file() else None
    except (OSError, ValueError, TypeError, KeyError, RuntimeError):
        say(f"{path}: damaged; the pair is measured again")
        return None


def known_defocus_map(pair: Pair, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    """The pair's defocus map, ``(H, W)``, or None if it has none."""
    path = pair.defocus_map
    if path is None:
        return None
    values = read_array(path, shape).astype(np.float32)
    if not np.isfinite(values).all():
        raise DatasetError(
            f"{path}: the defocus map has values that are not finite; repair it"
        )
    return values
