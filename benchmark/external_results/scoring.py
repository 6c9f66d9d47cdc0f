"""Score pictures restored by another program."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.align.flow.estimator import FlowEstimator
from defocus.benchmark.evaluation.pair_scorer import score_parts
from defocus.benchmark.external_results.matching import Subject, match
from defocus.benchmark.metric.metric import Metric
from defocus.benchmark.metric.registry import find_metric
from defocus.benchmark.scoring.profiles import Profile, as_reference, cropped
from defocus.benchmark.scoring.protocols import Target, deformed_target, everywhere, make_target
from defocus.benchmark.scoring.score import MetricValue, score_against_input, score_picture
from defocus.datasets.pair import Dataset
from defocus.errors import ImageError, NotApplicableError
from defocus.images import as_float, read_image
from defocus.progress import track

__all__ = ["Scoring", "score_outputs"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Scoring:
    """Scores of the pictures of a folder; the keys of ``score --json``.

    Attributes:
        profile: Name.
        images: For each picture its name, a value (or None) per metric, and further information.
        mean: Mean over the pictures that have a value; None if none has.
        missing: Subjects without a restored file.
        extra: Restored files without a subject.
        notes: Notes for the reader of the numbers.
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
        subjects: The references that they are compared with.
        profile: The conventions.
        metrics: The metrics to compute, by name.
        estimator: Flow estimator for targets that follow the output.
        dataset: Dataset of the subjects' pairs; None where two folders are compared.

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
    """Means over the pictures that have a value."""
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
) -> tuple[dict[str, MetricValue], Row]:
    """Scores of one picture, and further information."""
    restored = cropped(_picture(path), profile)
    blurry = None
    if subject.pair is not None:
        blurry = cropped(as_reference(read_image(subject.pair.blurry), profile), profile)
        _require_size(path, restored, subject.pair.blurry, blurry)
    beside = score_against_input(restored, blurry, profile, metrics)
    try:
        target, sharp = _target(subject, path, restored, profile, estimator, dataset)
    except NotApplicableError as error:
        nothing = MetricValue(None, str(error))
        return {**dict.fromkeys(metrics, nothing), **beside}, {}
    scores = score_picture(restored, target, profile, metrics) | beside
    if sharp is not None:
        return scores, _unwarped(restored, target, sharp, profile)
    if subject.pair is None or blurry is None:
        return scores, {}
    psnr = scores["psnr"].value
    return scores, score_parts(subject.pair, restored, blurry, target, profile, psnr)


def _target(
    subject: Subject,
    path: Path,
    restored: NDArray[np.float64],
    profile: Profile,
    estimator: FlowEstimator,
    dataset: Dataset | None,
) -> tuple[Target, NDArray[np.float64] | None]:
    """The target, and the sharp picture before warping; None if it was not warped."""
    if dataset is not None and subject.pair is not None and profile.protocol == "input-aligned":
        return make_target("input-aligned", dataset, subject.pair, restored, estimator), None
    if subject.sharp is None:
        raise NotApplicableError("no sharp picture: the set has no ground truth")
    sharp = cropped(as_reference(read_image(subject.sharp), profile), profile)
    _require_size(path, restored, subject.sharp, sharp)
    if profile.protocol == "deformed-gt":
        return deformed_target(sharp, restored, estimator, profile.grid), sharp
    return Target(sharp, everywhere(sharp)), None


def _unwarped(
    restored: NDArray[np.float64], target: Target, sharp: NDArray[np.float64], profile: Profile
) -> Row:
    """Scores without warping, which a target that follows the output would hide."""
    errors = {name: find_metric(name) for name in ("psnr", "ssim")}
    plain = score_picture(restored, Target(sharp, everywhere(sharp)), profile, errors)
    unwarped = {f"{name}_unwarped": score.value for name, score in plain.items()}
    return {**unwarped, "flow_px": target.moved_px}


def _picture(path: Path) -> NDArray[np.float64]:
    return np.asarray(as_float(read_image(path), np.float64), dtype=np.float64)


def _require_size(
    path: Path, restored: NDArray[Any], other: Path | None, picture: NDArray[Any]
) -> None:
    if restored.shape != picture.shape:
        first, second = (f"{p.shape[1]}x{p.shape[0]}" for p in (restored, picture))
        raise ImageError(f"{path} is {first} but {other} is {second}; sizes must be equal")
