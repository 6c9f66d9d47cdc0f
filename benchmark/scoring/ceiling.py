"""Score ceiling: the score of a perfect restoration under misalignment and noise.

It is the score of the reference itself, displaced by the measured misalignment, with as much noise
added."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from defocus.align.flow.estimator import FlowEstimator
from defocus.align.sampling.kernels import gathered
from defocus.benchmark.metrics.metric import Metric
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.scoring.protocols import PROTOCOLS, Target, make_target
from defocus.benchmark.scoring.score import score_picture
from defocus.datasets.deriving.aligned_reference import aligned_reference
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.sidecar import ceiling_db
from defocus.errors import NotApplicableError
from defocus.pictures.read import read_blurry, read_image
from defocus.pictures.values import as_float
from defocus.processes.isolation import LeftOut, attempt
from defocus.scene.geometry import Similarity

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Imperfection:
    """From a perfect restoration to its reference: flow ``(2, H, W)`` px, noise for values to 1."""

    flow: Array
    noise_power: float


def ceiling_scores(
    dataset: Dataset,
    pair: Pair,
    estimator: FlowEstimator,
    metrics: Mapping[str, Metric],
) -> list[Score]:
    """The scores of a perfect restoration of one pair under every protocol that may be ranked."""
    scores: list[Score] = []
    for protocol, facts in PROTOCOLS.items():
        if not facts.ranked:
            continue
        goal = attempt(pair.id, partial(_target, protocol, dataset, pair, estimator))
        # the systems' own rows say which pictures are left out
        if isinstance(goal, LeftOut):
            if "psnr" in metrics:
                where = (DEFAULT.name, protocol, "psnr", pair.id, pair.scene)
                flow = estimator.name if facts.uses_flow else ""
                scores.append(Score(*where, None, flow, goal.reason))
            continue
        scores += _scores(pair, protocol, *goal, metrics)
    return scores


def _target(
    protocol: str,
    dataset: Dataset,
    pair: Pair,
    estimator: FlowEstimator,
) -> tuple[Target, Imperfection]:
    """The reference of a perfect restoration of a pair, and how the two differ."""
    stored = read_blurry(pair.blurry, pair.sharp, pair.white)
    blurry = np.asarray(as_float(stored, np.float64), np.float64)
    target = make_target(protocol, dataset, pair, blurry, estimator)
    return target, _imperfection(dataset, pair, protocol, target.reference)


def _imperfection(
    dataset: Dataset,
    pair: Pair,
    protocol: str,
    reference: Array,
) -> Imperfection:
    height, width = reference.shape[:2]
    # rendered without noise, in the geometry of the blurry picture
    if protocol == "truth":
        return Imperfection(np.zeros((2, height, width)), 0.0)
    aligned = aligned_reference(dataset, pair)
    if aligned.status == "unknown" or pair.sharp is None:
        raise NotApplicableError(f"misalignment unknown: {aligned.reason}")
    measured = aligned.misalignment
    flow = turning_flow(float(measured["residual_px"]["median"]), width, height)
    if protocol == "gt":
        whole = Similarity(
            measured["zoom"],
            measured["rotation_deg"],
            tuple(measured["shift_px"]),
        )
        flow = flow + whole.flow(width, height)
    limit_db = ceiling_db(read_image(pair.sharp, pair.white))
    noise_power = 0.0 if limit_db is None else 10.0 ** (-limit_db / 10.0)
    return Imperfection(flow, noise_power)


def turning_flow(length_px: float, width: int, height: int) -> Array:
    """A flow ``(2, H, W)`` of constant length that turns once across and once down the picture."""
    # So no direction of the picture's structure is preferred.
    rows, columns = np.indices((height, width))
    turns = columns / width + rows / height
    angle = 2 * np.pi * turns
    direction = np.stack([np.cos(angle), np.sin(angle)])
    return np.asarray(length_px * direction)


def displaced(picture: Array, flow: Array) -> Array:
    """A picture ``(H, W, 3)`` read at each pixel's position plus flow ``(2, H, W)`` px."""
    if not flow.any():
        return picture
    rows, columns = np.indices(picture.shape[:2]).astype(np.float64)
    positions = (columns + flow[0], rows + flow[1])
    values = gathered(
        np.ascontiguousarray(picture, np.float32),
        positions,
        "bicubic",
        1.0,
    )
    return np.asarray(values, dtype=np.float64)


def _scores(
    pair: Pair,
    protocol: str,
    target: Target,
    imperfection: Imperfection,
    metrics: Mapping[str, Metric],
) -> Iterator[Score]:
    noise = _noise(pair, target.reference, imperfection.noise_power)
    perfect = displaced(target.reference, imperfection.flow) + noise
    best = score_picture(perfect, target, DEFAULT, metrics)
    for name, score in best.items():
        reason = score.reason if score.value is None else ""
        where = (DEFAULT.name, protocol, name, pair.id, pair.scene)
        yield Score(*where, score.value, target.flow, reason)


def _noise(pair: Pair, reference: Array, power: float) -> Array | float:
    """Noise that is the same for a pair each time."""
    if power == 0.0:
        return 0.0
    seed = zlib.crc32(pair.id.encode())
    random = np.random.default_rng(seed)
    return np.asarray(random.normal(0.0, power**0.5, reference.shape))
