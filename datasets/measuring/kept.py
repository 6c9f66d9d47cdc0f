"""Measurements of pairs, kept in the cache folder by the content of the pictures.

``CACHE/measured/<kk>/<key>.h5`` has flow, masks and numbers, the ``.json`` beside it the pair's
row of an audit. The key is a hash of the pictures, the estimator, the limits and the measuring
revision. So every step of a chain (audit, compensate, curate, …) finds what an earlier one
measured, whatever dataset the pair lies in. What is deleted is measured again.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.blur_map import ReducedBlur
from defocus.align.flow.estimator import FlowEstimator
from defocus.align.measure import Measurement, measure
from defocus.align.registration.session import SessionLens
from defocus.cache import cache_folder
from defocus.datasets.files.arrays import read_array
from defocus.datasets.files.fingerprint import file_hashes
from defocus.datasets.measuring.measurement_file import (
    read_blur,
    read_measurement,
    write_measurement,
)
from defocus.datasets.measuring.motion_limits import MotionLimits
from defocus.datasets.measuring.revision import MEASURING_REVISION
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import DatasetError
from defocus.files import make_folder, sha256_file
from defocus.images import Image, read_pair
from defocus.progress import say

__all__ = [
    "NO_LIMITS",
    "InSession",
    "kept_blur",
    "kept_file",
    "kept_measurement",
    "known_defocus_map",
    "measured",
    "measured_pair",
    "pair_key",
    "pair_keys",
    "session_key",
]

T = TypeVar("T")

NO_LIMITS = MotionLimits()

MEASURED_ROLES = ("blurry", "sharp", "defocus_map")


@dataclass(frozen=True)
class InSession:
    """What else decides a pair's measurement: what pairs of its dataset share."""

    lens: SessionLens
    dataset_key: str  # of :func:`session_key`


def session_key(dataset: Dataset) -> str:
    """Changes with a dataset's content and with what its pairs say of their cameras."""
    told = {pair.id: dict(pair.metadata) for pair in dataset.pairs}
    text = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(f"{dataset.content_hash} {text}".encode()).hexdigest()


def pair_keys(
    dataset: Dataset, estimator: FlowEstimator, limits: MotionLimits = NO_LIMITS
) -> dict[str, str]:
    """The key of each pair's measurement, by id; files are hashed on first use."""
    files = [path for pair in dataset.pairs for path in _files(pair).values()]
    hashes = file_hashes(dataset.root, files)
    return {
        pair.id: _key(
            {role: hashes[path] for role, path in _files(pair).items()}, estimator, limits
        )
        for pair in dataset.pairs
    }


def pair_key(pair: Pair, estimator: FlowEstimator) -> str:
    """The key of the measurement of one pair; its files are read."""
    return _key({role: sha256_file(path) for role, path in _files(pair).items()}, estimator)


def _files(pair: Pair) -> dict[str, Path]:
    """The files that decide a measurement, by role."""
    found = {role: getattr(pair, role) for role in MEASURED_ROLES}
    return {role: path for role, path in found.items() if path is not None}


def _key(
    hashes: Mapping[str, str], estimator: FlowEstimator, limits: MotionLimits = NO_LIMITS
) -> str:
    measuring = estimator.name, estimator.weights_sha256, limits.to_json(), MEASURING_REVISION
    order = [dict(hashes), *measuring]
    return hashlib.sha256(json.dumps(order, sort_keys=True).encode()).hexdigest()


def kept_file(key: str, suffix: str) -> Path:
    """Path of what is kept under a key; nothing is created."""
    return cache_folder() / "measured" / key[:2] / f"{key}{suffix}"


def _key_in_session(key: str, dataset_key: str) -> str:
    """Key of the measurement of a pair with what pairs of the dataset share."""
    return hashlib.sha256(f"{key} {dataset_key}".encode()).hexdigest()


def measured_pair(
    pair: Pair,
    estimator: FlowEstimator,
    key: str,
    session: InSession | None = None,
    limits: MotionLimits = NO_LIMITS,
) -> tuple[Image, Image, Measurement]:
    """The members of a pair and its measurement, which is made if it is not kept."""
    blurry, sharp = read_pair(pair.blurry, pair.sharp or pair.blurry)
    known_map = known_defocus_map(pair, blurry.shape[:2])
    found = measured(
        blurry, sharp, estimator, key, defocus_map=known_map, session=session, limits=limits
    )
    return blurry, sharp, found


def measured(
    blurry: Image,
    sharp: Image,
    estimator: FlowEstimator,
    key: str,
    *,
    defocus_map: NDArray[np.float32] | None = None,
    session: InSession | None = None,
    limits: MotionLimits = NO_LIMITS,
) -> Measurement:
    """The measurement of two pictures by :func:`defocus.align.measure.measure`, kept by its key."""
    # What the session shares changes the frame alone: a pair that was measured by itself before
    # is not registered again.
    kept_key, shared, own = key, None, None
    if session is not None:
        kept_key, shared = _key_in_session(key, session.dataset_key), session.lens
    path, known = kept_file(kept_key, ".h5"), kept_measurement(kept_key)
    if known is not None:
        return known
    if session is not None:
        alone = kept_measurement(key)
        own = None if alone is None else alone.registration
    found = measure(
        blurry, sharp, estimator, defocus_map=defocus_map, at_most=limits.at_most,
        largest_px=limits.largest_px, shared=shared, own=own,
    )  # fmt: skip
    make_folder(path.parent)
    write_measurement(path, found)
    return found


def kept_measurement(key: str) -> Measurement | None:
    """What was measured under a key; None if nothing is kept, or it is damaged."""
    return _read(kept_file(key, ".h5"), read_measurement)


def kept_blur(key: str, dataset_key: str) -> ReducedBlur | None:
    """The blur of a pair, best as measured with its session; None if it is not kept or unknown."""
    together = kept_file(_key_in_session(key, dataset_key), ".h5")
    return _read(together, read_blur) or _read(kept_file(key, ".h5"), read_blur)


def _read(path: Path, read: Callable[[Path], T]) -> T | None:
    """What a function reads from the file of a measurement, or None."""
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
        raise DatasetError(f"{path}: the defocus map has values that are not finite; repair it")
    return values
