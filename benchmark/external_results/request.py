"""Request of external scoring: names and paths from the command line become objects."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.estimator import FlowEstimator
from defocus.benchmark.external_results.cropping import Crop
from defocus.benchmark.external_results.matching import (
    Match,
    dataset_subjects,
    folder_subjects,
    match,
    match_file,
)
from defocus.benchmark.external_results.scoring import Scoring, score_outputs
from defocus.benchmark.metric.registry import find_metric, profile_metrics
from defocus.benchmark.scoring.profiles import Profile, find_profile
from defocus.datasets.api import open_dataset
from defocus.datasets.layouts.matching import Rule
from defocus.datasets.pair import Dataset
from defocus.errors import InputError
from defocus.images import IMAGE_SUFFIXES

__all__ = ["score_request"]


def score_request(
    restored: Path,
    sharp: Path | None,
    dataset: str | None,
    profile_name: str,
    metric_names: Sequence[str] = (),
    flow_weights: Path | None = None,
    rule: Rule | None = None,
    crop: Crop | None = None,
) -> Scoring:
    """Score a picture or a folder against ``sharp``, or else the test pairs of ``dataset``."""
    profile = find_profile(profile_name)
    if flow_weights is not None and profile.protocol != "deformed-gt":
        raise InputError(f"the profile {profile.name} has no flow; drop --flow-weights")
    metrics = profile_metrics(profile.name) | {name: find_metric(name) for name in metric_names}
    estimator = flow_estimator(
        "pwcnet" if profile.protocol == "deformed-gt" else "dis", flow_weights
    )
    opened = open_dataset(dataset, damaged=True) if dataset is not None else None
    matched = _matched(restored, sharp, opened, rule)
    scoring = score_outputs(matched, profile, metrics, estimator, opened, crop)
    where = f"dataset {opened.name}, revision {opened.content_hash[:12]}" if opened else ""
    notes = [
        "restored elsewhere: how, and from which training, is not known here",
        *([where] if where else []),
        *_protocol_notes(profile, estimator, with_inputs=opened is not None),
        *scoring.notes,
    ]
    lacking = opened.without() if opened is not None else ()
    return replace(scoring, notes=notes, left_out=(*scoring.left_out, *lacking))


def _matched(
    restored: Path, sharp: Path | None, opened: Dataset | None, rule: Rule | None
) -> Match:
    if opened is not None:
        return match(restored, dataset_subjects(opened), rule)
    if sharp is None:
        raise InputError("neither sharp pictures nor a dataset are given")
    named = any(path.suffix.lower() in IMAGE_SUFFIXES for path in (restored, sharp))
    if restored.is_file() or sharp.is_file() or (named and not restored.is_dir()):
        return match_file(restored, sharp)
    return match(restored, folder_subjects(sharp), rule)


def _protocol_notes(profile: Profile, estimator: FlowEstimator, *, with_inputs: bool) -> list[str]:
    if profile.protocol == "deformed-gt":
        return _flow_notes(estimator)
    if profile.protocol == "input-aligned" and not with_inputs:
        return [
            "protocol gt: the sharp pictures as they are; with --dataset they are registered first"
        ]
    return [f"protocol {profile.protocol}"]


def _flow_notes(estimator: FlowEstimator) -> list[str]:
    used = f"{estimator.name}, weights SHA-256 {estimator.weights_sha256[:12]}"
    official = estimator.name == "pwcnet-official"
    beside = "comparable with" if official else "not comparable with"
    return [
        f"protocol deformed-gt: each sharp picture warped onto its output by {used}; never ranked",
        f"{beside} published deformed-gt values, which have the official PWC-Net weights",
    ]
