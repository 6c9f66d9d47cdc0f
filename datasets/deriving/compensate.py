"""Make an aligned dataset: measure and compensate every pair.

``left_out/<id>/misalignment.json`` says why a pair could not be aligned."""

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.compensate import Release, plan_compensation
from defocus.align.compensation.output import NUMBERS, write_aligned
from defocus.align.flow.estimator import FlowEstimator
from defocus.align.measure import Measurement, measure, measure_under
from defocus.align.motion_limits import NO_LIMITS, MotionLimits
from defocus.align.registration.session import OwnZoom
from defocus.align.rig import Rig
from defocus.cache import atomic_folder
from defocus.cluster.dispatcher import each
from defocus.datasets.deriving.aligned_reference import (
    add_blur_map,
    add_truth,
    described,
)
from defocus.datasets.deriving.maker import (
    claim_folder,
    content_of,
    finish_dataset,
    kept_record,
)
from defocus.datasets.measuring.kept import (
    InSession,
    known_defocus_map,
    measured_pair,
    pair_keys,
    session_key,
)
from defocus.datasets.measuring.revision import MEASURING_REVISION
from defocus.datasets.measuring.session import (
    PooledSession,
    lenses_of,
    pooled_sessions,
    say_sessions,
    sessions_of,
)
from defocus.datasets.opening import require_one_size
from defocus.datasets.pair import Dataset, Pair, step
from defocus.errors import DatasetError
from defocus.pictures import picture_name
from defocus.pictures.carried import carried
from defocus.pictures.headers import picture_size
from defocus.pictures.profiles import in_one_space
from defocus.pictures.read import read_image
from defocus.pictures.values import Image
from defocus.processes.isolation import LeftOut, parted, require_none_killed
from defocus.processes.machines import Where
from defocus.progress import say, track
from defocus.reading import Json
from defocus.scene.geometry import Similarity

Size = Literal["each", "common"]

COMMAND = "compensate"
FOLDERS = ("pairs", "left_out")
"""Folders of the pairs that could be aligned, and of those that could not."""
COMPENSATION_REVISION = 1
"""Revision of the pictures and masks made from a measurement. Raise it when their pixels change."""
MOVED_SHARE = 0.2
"""Share of the picture by which the confirmed part must grow with the blurry picture's own geometry
for that to count."""


@dataclass(frozen=True)
class Compensated:
    """Result in ``root``; pairs that could not be aligned are left out, with reasons."""

    root: Path
    pairs: tuple[Pair, ...]
    left_out: tuple[tuple[str, str], ...]
    failed: tuple[
        LeftOut, ...
    ] = ()  # could not be read or made; the same command tries them again
    # what the pairs of each session share, and what that did
    sessions: tuple[PooledSession, ...] = ()


@dataclass(frozen=True)
class Cameras:
    """Knowledge about the cameras: a rig of two, and how far the members can be apart."""

    rig: Rig | None = None  # None for one camera
    limits: MotionLimits = NO_LIMITS


ONE_CAMERA = Cameras()


@dataclass(frozen=True)
class _Order:
    """Facts that the pairs share: where they go and how they are measured and written."""

    out: Path
    release: Release
    estimator: Callable[[], FlowEstimator]
    rig: Rig | None
    limits: MotionLimits
    size: tuple[int, int] | None = (
        None  # width and height of every pair, if they have one
    )


@dataclass(frozen=True)
class _Task:
    """A pair, the key of its measurement, and what it shares with its session."""

    pair: Pair
    key: str
    session: InSession | None = None


@lru_cache(maxsize=1)
def _own(estimator: Callable[[], FlowEstimator]) -> FlowEstimator:
    """The estimator of this process, which has one."""
    return estimator()


def compensate_dataset(
    dataset: Dataset,
    out: Path,
    release: Release,
    estimator: Callable[[], FlowEstimator],
    *,
    cameras: Cameras = ONE_CAMERA,
    size: Size = "each",
    where: Where = 1,
) -> Compensated:
    """Measure and compensate every pair of a dataset into ``out``, new or of the same order."""
    # ``size``: ``each`` keeps all that both members of a pair show, ``common`` what all have.
    # It claims and finishes as every maker does, but writes the parts itself: only the measurement
    # says whether a pair goes to ``pairs`` or ``left_out``.
    order = _Order(out, release, estimator, cameras.rig, cameras.limits)
    how_measured = _how_measured(order)
    if size != "each":
        how_measured["size"] = size
    claim_folder(out, COMMAND, _claim(dataset, order, how_measured), FOLDERS)
    keys = pair_keys(dataset, _own(estimator), order.limits)
    tasks = {pair.id: _Task(pair, keys[pair.id]) for pair in dataset.pairs}
    pool = order.rig is None and order.limits.zoomed
    sessions = _sessions(order, tasks, where) if pool else ()
    together = session_key(dataset)
    for name, lens in lenses_of(sessions).items():
        tasks[name] = replace(tasks[name], session=InSession(lens, together))
    if size == "common":
        order = replace(order, size=_common_size(order, tasks, where))
    made = track(each(partial(_made, order), tasks, where), "compensating", len(tasks))
    results = dict(made)
    in_session = {name for name, task in tasks.items() if _in_session(order, task)}
    sessions = say_sessions(sessions, in_session)
    ordered = [results[pair.id] for pair in dataset.pairs]
    settings = {**asdict(release), **how_measured}
    return _finished(dataset, out, ordered, settings, sessions)


def _how_measured(order: _Order) -> Json:
    """Facts that decide the measurements, for the records of the dataset."""
    estimator = _own(order.estimator)
    return {
        "estimator": estimator.name,
        "weights_sha256": estimator.weights_sha256 or None,
        **order.limits.to_json(),
    }


def _claim(dataset: Dataset, order: _Order, how_measured: Mapping[str, Any]) -> Json:
    """Facts that decide the pictures that are written."""
    return {
        "dataset": dataset.name,
        **content_of(dataset),
        "release": asdict(order.release),
        "rig": None if order.rig is None else order.rig.model_dump(mode="json"),
        **how_measured,
        "revision": [MEASURING_REVISION, COMPENSATION_REVISION],
    }


def _sessions(
    order: _Order, tasks: Mapping[str, _Task], where: Where
) -> tuple[PooledSession, ...]:
    """Values that the pairs of each session share, by the measurement of each pair alone."""
    session_of = sessions_of([task.pair for task in tasks.values()])
    members = {}
    for name, task in tasks.items():
        if task.pair.sharp is None or name not in session_of:
            continue
        members[name] = task
    measured = track(
        each(partial(_zoom, order), members, where), "measuring", len(members)
    )
    zooms = dict(measured)
    # what the pairs of a session share would be computed without them
    require_none_killed(zooms.values(), "pair")
    own = {}
    for name in members:  # what fails is named when it is to be made
        zoom = zooms[name]
        if not isinstance(zoom, LeftOut):
            own[name] = zoom
    return pooled_sessions(session_of, own)


def _zoom(order: _Order, task: _Task) -> OwnZoom:
    """The zoom of a pair alone."""
    *_, measurement = measured_pair(
        task.pair, _own(order.estimator), task.key, limits=order.limits
    )
    return OwnZoom.of(measurement.registration, measurement.shape)


def _finished(
    dataset: Dataset,
    out: Path,
    results: Sequence[Pair | str | LeftOut],
    settings: Mapping[str, Any],
    sessions: tuple[PooledSession, ...],
) -> Compensated:
    """Write the manifest of the pairs; those without one are listed with their reasons."""
    _, failed = parted(results)
    aligned = []
    left_out = []
    for pair, result in zip(dataset.pairs, results, strict=True):
        if isinstance(result, Pair):
            aligned.append(result)
        elif isinstance(result, str):
            left_out.append((pair.id, result))
    if not aligned:
        reason = left_out[0][1] if left_out else failed[0].reason
        raise DatasetError(f"{dataset.root}: no pair could be aligned; {reason}")
    pairs = tuple(aligned)
    lacking = dataset.total - len(pairs)
    made_by = step(COMMAND, **settings, aligned=len(pairs), left_out=lacking)
    finish_dataset(out, COMMAND, pairs, dataset, made_by)
    return Compensated(out, pairs, tuple(left_out), failed, sessions)


def _in_session(order: _Order, task: _Task) -> bool:
    """Whether a pair was aligned with something of its session, now or in an earlier run."""
    record = order.out / "pairs" / task.pair.id / NUMBERS
    if task.session is None or not record.is_file():
        return False
    return "session" in kept_record(record)


def _made(order: _Order, task: _Task) -> Pair | str:
    """The compensated pair, or why there is none; an earlier result is used if there is one."""
    pair = task.pair
    if pair.sharp is None:
        return "it has no sharp picture"
    folder, left_out = (order.out / name / pair.id for name in FOLDERS)
    if folder.is_dir() and _has_other_size(folder, order):
        shutil.rmtree(folder)  # the pairs that were there then had another common size
    if not folder.is_dir() and not left_out.is_dir():
        blurry, sharp, measurement, known_map = _measured(order, task)
        aligned = measurement.misalignment.status == "ok"
        with atomic_folder(folder if aligned else left_out) as temporary:
            carry = carried(pair.blurry, pair.sharp)
            members = (blurry, sharp)
            write_aligned(
                temporary, *members, measurement, order.release, carry, order.size
            )
            del blurry, sharp, members  # large pictures take much memory
            if aligned:
                add_truth(pair, temporary, known_map)
                add_blur_map(temporary, measurement)
    if left_out.is_dir():
        return str(kept_record(left_out / NUMBERS)["reason"])
    return described(pair, folder)


def _has_other_size(folder: Path, order: _Order) -> bool:
    """Whether an aligned pair lacks the size that all pairs are to have."""
    return (
        order.size is not None
        and picture_size(folder / picture_name("blurry")) != order.size
    )


def _measured(
    order: _Order, task: _Task
) -> tuple[Image, Image, Measurement, NDArray[np.float32] | None]:
    """Both members of a pair, their measurement and the known defocus map, if there is one."""
    if order.rig is not None:
        return _measured_of_rig(order, order.rig, task.pair)
    pair = task.pair
    estimator = _own(order.estimator)
    require_one_size([pair])
    blurry, sharp, measurement = measured_pair(
        pair, estimator, task.key, task.session, order.limits
    )
    known_map = known_defocus_map(pair, blurry.shape[:2])
    geometry = _companion_geometry(pair)
    if geometry is not None:
        companion = measure_under(
            blurry, sharp, estimator, geometry, defocus_map=known_map
        )
        measurement = _more_believable(measurement, companion)
    return blurry, sharp, measurement, known_map


def _measured_of_rig(
    order: _Order, rig: Rig, pair: Pair
) -> tuple[Image, Image, Measurement, NDArray[np.float32] | None]:
    """Measurement of a pair of two cameras, whose pictures may differ in size."""
    assert pair.sharp is not None  # noqa: S101 - the caller has looked
    files = pair.blurry, pair.sharp
    read = [read_image(one, pair.white) for one in files]
    blurry, sharp = in_one_space(files, read)
    known_map = known_defocus_map(pair, blurry.shape[:2])
    measurement = measure(
        blurry,
        sharp,
        _own(order.estimator),
        rig=rig,
        defocus_map=known_map,
        limits=order.limits,
    )
    return blurry, sharp, measurement, known_map


def _extent(order: _Order, task: _Task) -> tuple[int, int] | None:
    """Width and height of what both members of a pair show; None if that is unknown."""
    if task.pair.sharp is None:
        return None
    _, sharp, measurement, _ = _measured(order, task)
    if measurement.misalignment.status != "ok":
        return None
    crop = plan_compensation(measurement, sharp.shape, order.release).grid.crop
    return crop.width, crop.height


def _common_size(
    order: _Order, tasks: Mapping[str, _Task], where: Where
) -> tuple[int, int] | None:
    """Width and height that all pairs have; prints which pair limits it."""
    title = "finding the common size"
    extents = dict(
        track(each(partial(_extent, order), tasks, where), title, len(tasks))
    )
    require_none_killed(extents.values(), "pair")
    extent_of = []
    for name in tasks:
        extent = extents[name]
        if isinstance(extent, tuple):
            extent_of.append((extent, name))
    if not extent_of:
        return None
    size = (
        min(extent[0] for extent, _ in extent_of),
        min(extent[1] for extent, _ in extent_of),
    )
    least = min(extent_of, key=lambda one: one[0][0] * one[0][1])[1]
    say(
        f"all pairs are cropped to {size[0]}x{size[1]} px; {least} has the smallest common area"
    )
    return size


def _more_believable(own: Measurement, companion: Measurement) -> Measurement:
    """The companion's measurement, unless the blurry picture confirms the sharp one much more."""
    # Then the mount moved between the companion and the blurry shot.
    shares = [one.misalignment.reliable_share or 0.0 for one in (own, companion)]
    moved = companion.misalignment.status != "ok" or shares[0] > shares[1] + MOVED_SHARE
    return own if moved else companion


def _companion_geometry(pair: Pair) -> Similarity | None:
    """The transform measured on the pair's companion, which has the same geometry but no blur."""
    geometry = pair.metadata.get("measured_misalignment")
    if not isinstance(geometry, Mapping) or geometry.get("measured_on") != "companion":
        return None
    if geometry.get("status") != "ok":
        return None
    try:
        x, y = map(float, geometry["shift_px"])
        numbers = float(geometry["zoom"]), float(geometry["rotation_deg"]), x, y
        if not all(map(math.isfinite, numbers)) or numbers[0] <= 0.0:
            raise ValueError(f"{numbers}")
    except (LookupError, TypeError, ValueError) as error:
        raise DatasetError(
            f"pair {pair.id}: the geometry of its companion is not a transform ({error}); import "
            "the session again"
        ) from error
    return Similarity(numbers[0], numbers[1], (x, y))
