"""Externally restored pictures: request, table, and marked row of a study's leaderboard."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.estimator import FlowEstimator
from defocus.benchmark.documents.publish import publish
from defocus.benchmark.evaluation.columns import PARTS
from defocus.benchmark.evaluation.versions import evaluation_version, metric_versions
from defocus.benchmark.external_results.matching import (
    Match,
    dataset_subjects,
    folder_subjects,
    match,
    match_file,
)
from defocus.benchmark.external_results.options import ScoreOptions
from defocus.benchmark.external_results.scoring import Row, Scoring, score_outputs
from defocus.benchmark.leaderboard import rows
from defocus.benchmark.leaderboard.columns import column
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
from defocus.benchmark.scoring.score import PairScorer
from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Dataset
from defocus.errors import InputError
from defocus.pictures.read import IMAGE_SUFFIXES
from defocus.progress import counted
from defocus.reports.model import Column, Table


def score_request(options: ScoreOptions) -> Scoring:
    """Score a picture or a folder, against sharp ones or else the test pairs of a dataset."""
    profile = find_profile(options.profile)
    deformed = profile.protocol == "deformed-gt"
    if options.flow_weights is not None and not deformed:
        raise InputError(f"the profile {profile.name} has no flow; drop --flow-weights")
    metrics = profile_metrics(profile.name)
    for name in (*metrics_of_profile(options.profile), *options.metric):
        metrics[name] = find_metric(name)
    estimator = flow_estimator("pwcnet" if deformed else "dis", options.flow_weights)
    opened, notes = None, [HOW_RESTORED]
    if options.dataset is not None:
        opened = open_dataset(options.dataset, damaged=True)
        notes.append(f"dataset {opened.name}, revision {opened.content_hash[:12]}")
    notes += _protocol_notes(profile, estimator, with_inputs=opened is not None)
    scorer = PairScorer(opened, estimator, metrics, profile)
    matched = _matched(options, opened)
    return score_outputs(matched, scorer, options.crop, options.where, notes)


def _matched(options: ScoreOptions, opened: Dataset | None) -> Match:
    restored, sharp = options.restored, options.sharp
    assert restored is not None  # noqa: S101 - the command has asked for it
    if opened is not None:
        return match(restored, dataset_subjects(opened), options.rule)
    if sharp is None:
        raise InputError("neither sharp pictures nor a dataset are given")
    named = any(path.suffix.lower() in IMAGE_SUFFIXES for path in (restored, sharp))
    if restored.is_file() or sharp.is_file() or (named and not restored.is_dir()):
        return match_file(restored, sharp)
    return match(restored, folder_subjects(sharp), options.rule)


def _protocol_notes(
    profile: Profile,
    estimator: FlowEstimator,
    *,
    with_inputs: bool,
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
    counts = _values_by_metric(scoring)
    usual = next(iter(counts.values()), 0)
    columns: list[Column | str] = ["Picture"]
    files = _other_names(scoring.files)
    if files:
        columns.append("File")
    for name, images in counts.items():
        columns.append(_column(name, images, usual))
    mean = {"name": f"mean of {counted(usual, 'picture')}", **scoring.mean}
    body = []
    for row in (*scoring.images, mean):
        name = row["name"]
        file = [files.get(name, "")] if files else []
        body.append([name, *file, *map(row.get, counts)])
    cropped = ", cropped" if scoring.cropped else ""
    caption = f"made elsewhere, profile {scoring.profile}{cropped}"
    return Table.of(caption, columns, body, "; ".join(scoring.notes))


def _other_names(files: dict[str, str]) -> dict[str, str]:
    """The files by picture; nothing if all have their picture's name."""
    stems = ((Path(a).stem, Path(b).stem) for a, b in files.items())
    return files if any(picture != file for picture, file in stems) else {}


def _column(metric: str, images: int, usual: int) -> Column:
    """The column of a metric, which names its number of pictures if that is not the usual one."""
    if images == usual:
        return column(metric)
    return column(metric, f"{column(metric).name}, {counted(images, 'picture')}")


def _values_by_metric(scoring: Scoring) -> dict[str, int]:
    """How many pictures have a value; a metric without any has none, and its note says why."""
    counts = {}
    for name in all_metrics():
        images = sum(row.get(name) is not None for row in scoring.images)
        if images:
            counts[name] = images
    return counts


MISSING = "no restored picture was given"
HOW_RESTORED = "restored elsewhere: how, and from which training, is not known here"


def record_scoring(
    out: Path,
    name: str,
    dataset: str,
    scoring: Scoring,
    flow_weights: Path | None = None,
) -> list[rows.Row]:
    """Store the scores of a folder's pictures as a row of a study; return its leaderboard."""
    if not name.strip() or not name.isprintable():
        raise InputError(f"--name {name!r}: give a name that can be printed")
    opened, profile = open_dataset(dataset, damaged=True), find_profile(scoring.profile)
    flow = _flow(profile, flow_weights)
    scores = list(_scores(opened, profile, scoring, flow))
    versions = metric_versions((score.metric for score in scores), all_metrics())
    with study_lock(out), open_results(out / STORE) as results:
        follow_dataset(opened, results)
        results.record(_entry(name, opened, scoring, flow), scores, versions=versions)
        return publish(out, results)


def _entry(
    name: str,
    dataset: Dataset,
    scoring: Scoring,
    flow: tuple[str, str],
) -> Entry:
    # another revision of the dataset takes the row's place, another profile has its own row
    digest = hashlib.sha256(f"{name}\n{dataset.name}\n{scoring.profile}".encode())
    group = digest.hexdigest()[:16]
    evaluation = evaluation_version(find_profile(scoring.profile), *flow)
    return Entry(
        run=f"{ELSEWHERE}-{group[:8]}",
        grouping=group,
        evaluation=evaluation + _cropped_version(scoring),
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
    """Ending of the evaluation of cropped pictures, which are ranked only with the same pixels."""
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
    words = ", cropped"
    if len(scoring.cropped) != len(scoring.images):
        words += f" {len(scoring.cropped)} of {len(scoring.images)}"
    sizes = {area.scored for area in scoring.cropped.values()}
    if len(sizes) == 1:
        words += f" to {sizes.pop()}"
    return words


def _scores(
    dataset: Dataset,
    profile: Profile,
    scoring: Scoring,
    flow: tuple[str, str],
) -> Iterator[Score]:
    """The scores of a row; a picture that has none says why, so that the row counts it."""
    scene = {pair.id: pair.scene for pair in dataset.split("test")}
    without = partial(Score, profile.name, profile.protocol, "psnr", value=None)
    estimator, weights = flow
    for image in scoring.images:
        name = image["name"]
        blank = without(name, scene[name], flow=estimator, flow_weights=weights)
        yield from _scores_of_picture(image, scoring, blank)
    reasons = dict.fromkeys(scoring.missing, MISSING)
    for one in scoring.left_out:
        reasons[one.id] = one.reason
    for name, reason in reasons.items():
        if name in scene:
            yield without(name, scene[name], reason=reason)


def _scores_of_picture(image: Row, scoring: Scoring, blank: Score) -> Iterator[Score]:
    """The scores of a picture; ``blank`` is one without metric and value."""
    names = {*all_metrics(), *PARTS}
    # Without PSNR it has no value at all: as in a run, all means are of the same pictures.
    compared = any(one.get("psnr") is not None for one in scoring.images)
    unknown = compared and image.get("psnr") is None
    reasons = scoring.reasons.get(blank.pair, {})
    for metric, number in image.items():
        value = None if unknown else number
        if metric not in names or (metric in PARTS and value is None):
            continue
        reason = ""
        if value is None:
            reason = reasons.get("psnr" if unknown else metric, "no value")
        yield replace(blank, metric=metric, value=value, reason=reason)


def _flow(profile: Profile, weights: Path | None) -> tuple[str, str]:
    """Name and weights of the flow estimator for the targets of a profile; empty without one."""
    used = {"input-aligned": "dis", "deformed-gt": "pwcnet"}.get(profile.protocol)
    if used is None:
        return "", ""
    estimator = flow_estimator(used, weights)
    return estimator.name, estimator.weights_sha256
