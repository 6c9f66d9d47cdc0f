"""Score pictures restored by another program."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.align.flow.estimator import FlowEstimator
from defocus.benchmark.evaluation.pair_scorer import PairScorer
from defocus.benchmark.external_results.matching import Match, Subject
from defocus.benchmark.metric.metric import Metric
from defocus.benchmark.metric.registry import find_metric
from defocus.benchmark.scoring.profiles import Profile, as_reference, cropped
from defocus.benchmark.scoring.protocols import Target, everywhere, make_target
from defocus.benchmark.scoring.score import MetricValue, score_picture
from defocus.datasets.pair import Dataset
from defocus.errors import ImageError, NotApplicableError
from defocus.images import as_float, read_image
from defocus.isolation import LeftOut, attempt
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
        matched: The rule by which files were matched, in words.
        files: Name of the restored file of each picture.
        left_out: Pictures that could not be scored, with reasons.
    """

    profile: str
    images: list[Row]
    mean: Row
    missing: list[str]
    extra: list[str]
    notes: list[str]
    matched: str
    files: dict[str, str]
    left_out: tuple[LeftOut, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The keys of ``score --json``."""
        return asdict(self)


def score_outputs(
    matched: Match,
    profile: Profile,
    metrics: Mapping[str, Metric],
    estimator: FlowEstimator,
    dataset: Dataset | None = None,
) -> Scoring:
    """Score restored pictures.

    Args:
        matched: The pictures and the references that they are compared with.
        profile: The conventions.
        metrics: The metrics to compute, by name.
        estimator: Flow estimator for targets that follow the output.
        dataset: Dataset of the subjects' pairs; None if two folders are compared.

    Raises:
        ImageError: Not one picture can be scored.
    """
    scorer = PairScorer(dataset, estimator, metrics, profile)
    reasons: dict[str, list[str]] = defaultdict(list)
    images: list[Row] = []
    left_out: list[LeftOut] = []
    for subject, path in track(matched.found, "scoring"):
        done = attempt(subject.name, partial(_scored, subject, path, scorer))
        if isinstance(done, LeftOut):
            left_out.append(done)
            continue
        scores, beside = done
        for metric, score in scores.items():
            if score.reason:
                reasons[f"{metric}: {score.reason}"].append(subject.name)
        values = {metric: scores[metric].value for metric in metrics}
        images.append({"name": subject.name, **values, **beside})
    if left_out and not images:
        raise ImageError(left_out[0].reason)
    notes = [_told(text, names, len(images)) for text, names in reasons.items()]
    return Scoring(
        profile.name,
        images,
        _means(images, metrics),
        matched.missing,
        matched.extra,
        notes,
        matched.words,
        {subject.name: path.name for subject, path in matched.found},
        tuple(left_out),
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


def _scored(subject: Subject, path: Path, scorer: PairScorer) -> tuple[dict[str, MetricValue], Row]:
    """Scores of one picture, and what is shown beside them."""
    restored = cropped(_picture(path), scorer.profile)
    blurry = None
    if subject.pair is not None:
        blurry = _reference(subject.pair.blurry, path, restored, scorer.profile)
    beside = scorer.beside(restored, blurry)
    try:
        target, sharp = _target(subject, path, restored, scorer)
    except NotApplicableError as error:
        nothing = MetricValue(None, str(error))
        return {**dict.fromkeys(scorer.metrics, nothing), **beside}, {}
    scores = scorer.values(restored, target, beside)
    if sharp is not None:
        return scores, _unwarped(restored, target, sharp, scorer.profile)
    if subject.pair is None or blurry is None:
        return scores, {}
    return scores, scorer.parts(subject.pair, restored, blurry, target, scores["psnr"].value)


def _target(
    subject: Subject, path: Path, restored: NDArray[np.float64], scorer: PairScorer
) -> tuple[Target, NDArray[np.float64] | None]:
    """The target; and the sharp picture that was warped for it, None if it was not."""
    pair, protocol = subject.pair, scorer.profile.protocol
    if scorer.dataset is not None and pair is not None and protocol == "input-aligned":
        return make_target(protocol, scorer.dataset, pair, restored, scorer.estimator), None
    if subject.sharp is None:
        raise NotApplicableError("no sharp picture: the set has no ground truth")
    sharp = _reference(subject.sharp, path, restored, scorer.profile)
    return scorer.target(sharp, restored), sharp if protocol == "deformed-gt" else None


def _unwarped(
    restored: NDArray[np.float64], target: Target, sharp: NDArray[np.float64], profile: Profile
) -> Row:
    """Scores without warping, which a target that follows the output would hide."""
    errors = {name: find_metric(name) for name in ("psnr", "ssim")}
    plain = score_picture(restored, Target(sharp, everywhere(sharp)), profile, errors)
    unwarped = {f"{name}_unwarped": score.value for name, score in plain.items()}
    return {**unwarped, "flow_px": target.moved_px}


def _reference(
    path: Path, of: Path, restored: NDArray[np.float64], profile: Profile
) -> NDArray[np.float64]:
    """A picture as a profile reads it, of the size of the restored one."""
    picture = cropped(as_reference(read_image(path), profile), profile)
    if restored.shape != picture.shape:
        first, second = (f"{p.shape[1]}x{p.shape[0]}" for p in (restored, picture))
        raise ImageError(f"{of} is {first} but {path} is {second}; sizes must be equal")
    return picture


def _picture(path: Path) -> NDArray[np.float64]:
    return np.asarray(as_float(read_image(path), np.float64), dtype=np.float64)
