"""Scoring restored pictures that were made elsewhere."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.align.flow import FlowEstimator
from defocus.benchmark.breakdown import psnr_by_place, psnr_by_region, psnr_over_input
from defocus.benchmark.metrics.metric import Metric
from defocus.benchmark.metrics.registry import find_metric
from defocus.benchmark.profiles import (
    Profile,
    Score,
    as_reference,
    cropped,
    prepared,
    score_against_input,
    score_picture,
)
from defocus.benchmark.protocols import Target, deformed_target, everywhere, make_target
from defocus.benchmark.scoring_inputs import Subject, match
from defocus.datasets.pair import Dataset
from defocus.errors import ImageError, NotApplicableError
from defocus.images import as_float, read_image
from defocus.progress import track

__all__ = ["Scoring", "score_outputs"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Scoring:
    """What the pictures of a folder come to; the keys of ``score --json``.

    Attributes:
        profile: Name.
        images: Per picture its name, a value (or None) per metric, and what is told beside.
        mean: Of the pictures that have a value; None where none has.
        missing: Subjects without a restored file.
        extra: Restored files without a subject.
        notes: What a reader of the numbers must know.
    """

    profile: str
    images: list[Row]
    mean: Row
    missing: list[str]
    extra: list[str]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """The keys of ``score --json``."""
        return asdict(self)


def score_outputs(
    restored: Path,
    subjects: Sequence[Subject],
    profile: Profile,
    metrics: Mapping[str, Metric],
    estimator: FlowEstimator,
    dataset: Dataset | None = None,
) -> Scoring:
    """Score the pictures of a folder.

    Args:
        restored: Folder of the pictures.
        subjects: What they are compared with.
        profile: The conventions.
        metrics: To compute, by name.
        estimator: Flow behind targets that follow the output.
        dataset: Of the subjects' pairs; None where two folders are compared.

    Raises:
        InputError: A folder is missing or its names are ambiguous.
        ImageError: A picture cannot be read or has another size than its target.
    """
    matched = match(restored, subjects)
    reasons: dict[str, list[str]] = defaultdict(list)
    images = []
    for subject, path in track(matched.found, "scoring"):
        scores, beside = _scored(subject, path, profile, metrics, estimator, dataset)
        for metric, score in scores.items():
            if score.reason:
                reasons[f"{metric}: {score.reason}"].append(subject.name)
        values = {metric: scores[metric].value for metric in metrics}
        images.append({"name": subject.name, **values, **beside})
    notes = [_told(text, names, len(images)) for text, names in reasons.items()]
    return Scoring(
        profile.name, images, _means(images, metrics), matched.missing, matched.extra, notes
    )


def _told(reason: str, names: Sequence[str], images: int) -> str:
    return reason if len(names) == images else f"{reason} ({', '.join(names)})"


def _means(images: Sequence[Row], metrics: Mapping[str, Metric]) -> Row:
    """Each mean is of the pictures that have a value."""
    keys = [*metrics, *dict.fromkeys(key for row in images for key in row if key != "name")]
    means: Row = {}
    for key in dict.fromkeys(keys):
        values = [float(row[key]) for row in images if row.get(key) is not None]
        means[key] = math.fsum(values) / len(values) if values else None
    return means


def _scored(
    subject: Subject,
    path: Path,
    profile: Profile,
    metrics: Mapping[str, Metric],
    estimator: FlowEstimator,
    dataset: Dataset | None,
) -> tuple[dict[str, Score], Row]:
    """Scores of one picture, and what is told beside them."""
    restored = cropped(_picture(path), profile)
    blurry = None
    if subject.pair is not None:
        blurry = cropped(as_reference(read_image(subject.pair.blurry), profile), profile)
        _require_size(path, restored, subject.pair.blurry, blurry)
    beside = score_against_input(restored, blurry, profile, metrics)
    try:
        target = _target(subject, path, restored, profile, estimator, dataset)
    except NotApplicableError as error:
        nothing = Score(None, str(error))
        return {**dict.fromkeys(metrics, nothing), **beside}, {}
    scores = score_picture(restored, target, profile, metrics) | beside
    return scores, _beside(subject, restored, blurry, target, profile)


def _target(
    subject: Subject,
    path: Path,
    restored: NDArray[np.float64],
    profile: Profile,
    estimator: FlowEstimator,
    dataset: Dataset | None,
) -> Target:
    if dataset is not None and subject.pair is not None and profile.protocol == "input-aligned":
        return make_target("input-aligned", dataset, subject.pair, restored, estimator)
    sharp = _sharp(subject, profile)
    _require_size(path, restored, subject.sharp, sharp)
    if profile.protocol == "deformed-gt":
        return deformed_target(sharp, restored, estimator, profile.grid)
    return Target(sharp, everywhere(sharp))


def _sharp(subject: Subject, profile: Profile) -> NDArray[np.float64]:
    if subject.sharp is None:
        raise NotApplicableError("no sharp picture: the set has no ground truth")
    return cropped(as_reference(read_image(subject.sharp), profile), profile)


def _picture(path: Path) -> NDArray[np.float64]:
    return np.asarray(as_float(read_image(path), np.float64), dtype=np.float64)


def _require_size(
    path: Path, restored: NDArray[Any], other: Path | None, picture: NDArray[Any]
) -> None:
    if restored.shape != picture.shape:
        first, second = (f"{p.shape[1]}x{p.shape[0]}" for p in (restored, picture))
        raise ImageError(f"{path} is {first} but {other} is {second}; sizes must be equal")


def _beside(
    subject: Subject,
    restored: NDArray[np.float64],
    blurry: NDArray[np.float64] | None,
    target: Target,
    profile: Profile,
) -> Row:
    """What is told beside the metrics."""
    errors = {name: find_metric(name) for name in ("psnr", "ssim")}
    scores = score_picture(restored, target, profile, errors)
    if profile.protocol == "deformed-gt":
        sharp = _sharp(subject, profile)
        plain = score_picture(restored, Target(sharp, everywhere(sharp)), profile, errors)
        unwarped = {f"{name}_unwarped": score.value for name, score in plain.items()}
        return {**unwarped, "flow_px": target.moved_px}
    if subject.pair is None or blurry is None:
        return {}
    psnr = scores["psnr"].value
    picture = prepared(restored, target.reference.shape, profile)
    return {
        **psnr_over_input(psnr, blurry, target, profile),
        **psnr_by_place(psnr, subject.pair),
        **psnr_by_region(picture, target, profile, subject.pair),
    }
