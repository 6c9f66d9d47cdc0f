"""Externally restored pictures: request, table, and marked row of a study's leaderboard."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.estimator import FlowEstimator
from defocus.benchmark.evaluation.columns import PARTS
from defocus.benchmark.evaluation.versions import evaluation_version, metric_versions
from defocus.benchmark.external_results.matching import (
    Crop,
    Match,
    dataset_subjects,
    folder_subjects,
    match,
    match_file,
)
from defocus.benchmark.external_results.scoring import Scoring, score_outputs
from defocus.benchmark.leaderboard.columns import column
from defocus.benchmark.leaderboard.publish import publish
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.metrics.metric import all_metrics, find_metric, profile_metrics
from defocus.benchmark.results.dataset_facts import follow_dataset
from defocus.benchmark.results.lock import study_lock
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import (
    ELSEWHERE,
    NOT_TRAINED,
    STORE,
    Entry,
    open_results,
)
from defocus.benchmark.scoring.profile_by_name import find_profile, metrics_of_profile
from defocus.benchmark.scoring.profiles import Profile
from defocus.datasets.api import open_dataset
from defocus.datasets.layouts.matching import Rule
from defocus.datasets.pair import Dataset
from defocus.errors import InputError
from defocus.pictures.read import IMAGE_SUFFIXES
from defocus.processes.machines import Where
from defocus.progress import counted
from defocus.reports.model import Table


def score_request(
    restored: Path,
    sharp: Path | None,
    dataset: str | None,
    profile_name: str,
    metric_names: Sequence[str] = (),
    flow_weights: Path | None = None,
    rule: Rule | None = None,
    crop: Crop | None = None,
    where: Where = 1,
) -> Scoring:
    """Score a picture or a folder against ``sharp``, or else the test pairs of ``dataset``."""
    profile = find_profile(profile_name)
    if flow_weights is not None and profile.protocol != "deformed-gt":
        raise InputError(f"the profile {profile.name} has no flow; drop --flow-weights")
    further = [*metrics_of_profile(profile_name), *metric_names]
    metrics = profile_metrics(profile.name) | {
        name: find_metric(name) for name in further
    }
    estimator = flow_estimator(
        "pwcnet" if profile.protocol == "deformed-gt" else "dis", flow_weights
    )
    opened = open_dataset(dataset, damaged=True) if dataset is not None else None
    matched = _matched(restored, sharp, opened, rule)
    scoring = score_outputs(matched, profile, metrics, estimator, opened, crop, where)
    source = (
        f"dataset {opened.name}, revision {opened.content_hash[:12]}" if opened else ""
    )
    notes = [
        "restored elsewhere: how, and from which training, is not known here",
        *([source] if source else []),
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


def _protocol_notes(
    profile: Profile, estimator: FlowEstimator, *, with_inputs: bool
) -> list[str]:
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


def scoring_table(scoring: Scoring) -> Table:
    """Table of the metrics, with the files' names where they differ from the pictures'."""
    # A metric without any value has no column; its note says why.
    renamed = any(
        Path(file).stem != Path(name).stem for name, file in scoring.files.items()
    )
    files = {"File": scoring.files} if renamed else {}
    counts = {
        name: images
        for name in all_metrics()
        if (images := sum(row.get(name) is not None for row in scoring.images))
    }
    usual = next(iter(counts.values()), 0)
    rows = [
        *scoring.images,
        {"name": f"mean of {counted(usual, 'picture')}", **scoring.mean},
    ]
    columns = (
        column(
            name,
            ""
            if images == usual
            else f"{column(name).name}, {counted(images, 'picture')}",
        )
        for name, images in counts.items()
    )
    return Table.of(
        f"made elsewhere, profile {scoring.profile}"
        + (", cropped" if scoring.cropped else ""),
        ("Picture", *files, *columns),
        tuple(
            (
                row["name"],
                *(named.get(row["name"], "") for named in files.values()),
                *map(row.get, counts),
            )
            for row in rows
        ),
        "; ".join(scoring.notes),
    )


MISSING = "no restored picture was given"


def record_scoring(
    out: Path,
    name: str,
    dataset: str,
    scoring: Scoring,
    flow_weights: Path | None = None,
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


def _entry(
    name: str, dataset: Dataset, scoring: Scoring, flow: FlowEstimator | None
) -> Entry:
    # another revision of the dataset takes the row's place, another profile has its own row
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
    pixels = sorted(
        (name, *asdict(area).values()) for name, area in scoring.cropped.items()
    )
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
    names = {*all_metrics(), *PARTS}
    compared = any(image.get("psnr") is not None for image in scoring.images)
    for image in scoring.images:
        unknown = compared and image.get("psnr") is None
        for metric, number in image.items():
            value = (
                None if unknown else number
            )  # as in a run: all means are of the same pictures
            if metric not in names or (metric in PARTS and value is None):
                continue
            lacking = scoring.reasons.get(image["name"], {})
            reason = lacking.get("psnr" if unknown else metric, "no value")
            yield Score(
                profile=profile.name,
                protocol=profile.protocol,
                metric=metric,
                pair=image["name"],
                scene=scene[image["name"]],
                value=value,
                flow=flow.name if flow is not None else "",
                reason="" if value is not None else reason,
                flow_weights=flow.weights_sha256 if flow is not None else "",
            )
    reasons = dict.fromkeys(scoring.missing, MISSING)
    reasons |= {one.id: one.reason for one in scoring.left_out}
    for name, reason in reasons.items():  # a row says of how many pictures it is
        if name in scene:
            no_value = None, "", reason
            yield Score(
                profile.name, profile.protocol, "psnr", name, scene[name], *no_value
            )


def _flow(profile: Profile, weights: Path | None) -> FlowEstimator | None:
    """The flow estimator for the targets of a profile, None if there is none."""
    used = {"input-aligned": "dis", "deformed-gt": "pwcnet"}.get(profile.protocol)
    return flow_estimator(used, weights) if used is not None else None
