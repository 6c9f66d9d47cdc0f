"""The row ``ceiling`` of a study: what a perfect restoration would have, stored like a run."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from defocus.benchmark.attempt import ESTIMATOR, Study
from defocus.benchmark.metrics.registry import all_metrics
from defocus.benchmark.provenance import code_version
from defocus.benchmark.results import Entry, Results, Score
from defocus.benchmark.track import CEILING
from defocus.files import make_folder, write_json

__all__ = ["record_ceiling"]


def record_ceiling(study: Study, results: Results, evaluation: str) -> bool:
    """Store the row for every budget of a study that has none, or one by other code or data.

    Args:
        study: Whose dataset it is of.
        results: The study's store.
        evaluation: :func:`~defocus.benchmark.attempt.evaluation_version`.

    Returns:
        Whether anything was stored.

    Raises:
        ImageError: A picture cannot be read.
        StorageError: The disk is full or the folder not writable.
    """
    stored = {entry.run: entry for entry in results.entries()}
    wanted = [
        entry
        for budget in sorted({run.reported_budget for run in study.runs})
        for entry in [_entry(study, budget, evaluation)]
        if stored.get(entry.run) != entry or _fillable(results.scores(entry.run))
    ]
    if not wanted:
        return False
    scores = _scores(study, evaluation)
    for entry in wanted:
        results.record(entry, scores)
    return True


def _entry(study: Study, budget: str, evaluation: str) -> Entry:
    facts = f"{study.dataset.content_hash} {budget}"
    digest = hashlib.sha256(facts.encode()).hexdigest()
    return Entry(
        run=f"{CEILING}-{digest[:8]}",
        grouping=digest[:16],
        evaluation=evaluation,
        system=CEILING,
        input="",
        weights="none",
        reconstruction=0,
        train_dataset="",
        dataset=study.dataset.name,
        data_hash=study.dataset.content_hash,
        split="test",
        budget=budget,
        seed=0,
        status="ok",
    )


def _fillable(scores: Sequence[Score]) -> bool:
    """Whether a metric's weights were missing that are there now."""
    metrics = all_metrics()
    lacking = {
        score.metric
        for score in scores
        if (metric := metrics.get(score.metric)) and metric.remedy
        if score.value is None and metric.remedy in score.reason
    }
    return any(metrics[name].ready() for name in lacking)


def _scores(study: Study, evaluation: str) -> list[Score]:
    """Of all test pairs; kept with the dataset, for the other studies of it."""
    code = code_version(["defocus.benchmark.ceiling"])
    path = study.dataset.derived / CEILING / f"{evaluation}-{code}.json"
    kept = _read(path)
    if kept is not None and not _fillable(kept):
        return kept
    from defocus.align.flow import flow_estimator
    from defocus.benchmark.ceiling import ceiling_scores
    from defocus.progress import track

    estimator = flow_estimator(ESTIMATOR)
    pairs = study.dataset.split("test")
    scores = [
        score
        for pair in track(pairs, "what a perfect restoration would score")
        for score in ceiling_scores(study.dataset, pair, estimator)
    ]
    make_folder(path.parent)
    write_json(path, [asdict(score) for score in scores])
    return scores


def _read(path: Path) -> list[Score] | None:
    """None where nothing usable is kept."""
    try:
        return [Score(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
    except (FileNotFoundError, ValueError, TypeError):  # absent, or damaged
        return None
