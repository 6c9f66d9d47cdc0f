"""Externally restored pictures as a marked row of a study's leaderboard."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.estimator import FlowEstimator
from defocus.benchmark.evaluation.columns import PARTS
from defocus.benchmark.evaluation.versions import evaluation_version, metric_versions
from defocus.benchmark.external_results.scoring import Scoring
from defocus.benchmark.leaderboard.publish import publish
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.metric.registry import all_metrics
from defocus.benchmark.results.dataset_facts import follow_dataset
from defocus.benchmark.results.lock import study_lock
from defocus.benchmark.results.scores.score import Score
from defocus.benchmark.results.store import ELSEWHERE, NOT_TRAINED, STORE, Entry, open_results
from defocus.benchmark.scoring.profiles import Profile, find_profile
from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Dataset
from defocus.errors import InputError

__all__ = ["record_scoring"]

MISSING = "no restored picture was given"


def record_scoring(
    out: Path, name: str, dataset: str, scoring: Scoring, flow_weights: Path | None = None
) -> list[Row]:
    """Store the scores of a folder's pictures as a row of a study; return its leaderboard."""
    if not name.strip() or not name.isprintable():
        raise InputError(f"--name {name!r}: give a name that can be printed")
    opened, profile = open_dataset(dataset, damaged=True), find_profile(scoring.profile)
    scores = list(_scores(opened, profile, scoring, flow_weights))
    with study_lock(out), open_results(out / STORE) as results:
        follow_dataset(opened, results)
        results.record(
            _entry(name, opened, scoring, _flow(profile, flow_weights)),
            scores,
            versions=metric_versions((score.metric for score in scores), all_metrics()),
        )
        return publish(out, results)


def _entry(name: str, dataset: Dataset, scoring: Scoring, flow: FlowEstimator | None) -> Entry:
    # another revision of the dataset takes the row's place, another profile has a row of its own
    digest = hashlib.sha256(f"{name}\n{dataset.name}\n{scoring.profile}".encode())
    group = digest.hexdigest()[:16]
    return Entry(
        run=f"{ELSEWHERE}-{group[:8]}",
        grouping=group,
        evaluation=evaluation_version(
            find_profile(scoring.profile),
            flow.name if flow is not None else "",
            flow.weights_sha256 if flow is not None else "",
        )
        + _cropped_version(scoring),
        system=name + _cropped_words(scoring),
        input="unknown",
        weights=ELSEWHERE,
        reconstruction=0,
        train_dataset="unknown",
        dataset=dataset.name,
        data_hash=dataset.content_hash,
        split="test",
        budget=NOT_TRAINED,
        seed=0,
        status="ok",
    )


def _cropped_version(scoring: Scoring) -> str:
    """Ending of the evaluation of cropped pictures: ranked with the same pixels alone."""
    if not scoring.cropped:
        return ""
    pixels = sorted((name, *asdict(area).values()) for name, area in scoring.cropped.items())
    return f"-cropped-{hashlib.sha256(repr(pixels).encode()).hexdigest()[:8]}"


def _cropped_words(scoring: Scoring) -> str:
    """Ending of the name of a row with cropped pictures: how many, and what is left of them."""
    if not scoring.cropped:
        return ""
    sizes = {area.scored for area in scoring.cropped.values()}
    many, images = len(scoring.cropped), len(scoring.images)
    number = "" if many == images else f" {many} of {images}"
    return f", cropped{number}" + (f" to {sizes.pop()}" if len(sizes) == 1 else "")


def _scores(
    dataset: Dataset, profile: Profile, scoring: Scoring, flow_weights: Path | None
) -> Iterator[Score]:
    scene = {pair.id: pair.scene for pair in dataset.split("test")}
    flow = _flow(profile, flow_weights)
    told = {*all_metrics(), *PARTS}
    compared = any(image.get("psnr") is not None for image in scoring.images)
    for image in scoring.images:
        unknown = compared and image.get("psnr") is None
        for metric, known in image.items():
            value = None if unknown else known  # as in a run: all means are of the same pictures
            if metric not in told or (metric in PARTS and value is None):
                continue
            why = "psnr" if unknown else metric
            yield Score(
                profile=profile.name,
                protocol=profile.protocol,
                metric=metric,
                pair=image["name"],
                scene=scene[image["name"]],
                value=value,
                flow=flow.name if flow is not None else "",
                reason="" if value is not None else _reason(image["name"], why, scoring),
                flow_weights=flow.weights_sha256 if flow is not None else "",
            )
    reasons = dict.fromkeys(scoring.missing, MISSING)
    reasons |= {one.id: one.reason for one in scoring.left_out}
    for name, reason in reasons.items():  # a row says of how many pictures it is
        if name in scene:
            no_value = None, "", reason
            yield Score(profile.name, profile.protocol, "psnr", name, scene[name], *no_value)


def _flow(profile: Profile, weights: Path | None) -> FlowEstimator | None:
    """The flow estimator for the targets of a profile, None if there is none."""
    used = {"input-aligned": "dis", "deformed-gt": "pwcnet"}.get(profile.protocol)
    return flow_estimator(used, weights) if used is not None else None


def _reason(picture: str, metric: str, scoring: Scoring) -> str:
    return scoring.reasons.get(picture, {}).get(metric, "no value")
