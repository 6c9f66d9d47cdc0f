"""Row ``ceiling`` of a study: the score of a perfect restoration, stored like a run."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from defocus.benchmark.evaluation.columns import column_of
from defocus.benchmark.evaluation.recording import store_columns
from defocus.benchmark.evaluation.remaining import missing_metrics
from defocus.benchmark.evaluation.versions import ESTIMATOR, evaluation_version
from defocus.benchmark.metrics.metric import Metric, metrics_for
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import NOT_TRAINED, Entry, Results
from defocus.benchmark.statistics.comparable import CEILING
from defocus.benchmark.study.plan import Study
from defocus.datasets.measuring.revision import REFERENCED
from defocus.reading import read_json
from defocus.storage.files import make_folder, write_json


def record_ceiling(study: Study, results: Results) -> bool:
    """Store the row of a study that lacks it, or some metrics of it; return whether it did."""
    wanted = metrics_for(study.dataset.split("test"))
    stored = results.entries_by_run()
    entry = _entry(study)
    metrics = {}
    for name, metric in wanted.items():
        of_target = metric.against == "target"
        if of_target:
            metrics[name] = metric
    if entry.run in stored:
        entry = stored[entry.run]
        lacking = missing_metrics(results, metrics).get(entry.run, ())
        metrics = {name: metrics[name] for name in metrics if name in lacking}
    if metrics:
        store_columns(results, entry, metrics, _scores(study, metrics))
    return bool(metrics)


def ceiling_run(study: Study) -> str:
    """Id of the row's run."""
    return _entry(study).run


def _entry(study: Study) -> Entry:
    digest = hashlib.sha256(study.dataset.content_hash.encode()).hexdigest()
    return Entry(
        run=f"{CEILING}-{digest[:8]}",
        grouping=digest[:16],
        evaluation=evaluation_version(),
        system=CEILING,
        input="",
        weights="none",
        reconstruction=0,
        train_dataset="",
        dataset=study.dataset.name,
        data_hash=study.dataset.content_hash,
        split="test",
        budget=NOT_TRAINED,
        seed=0,
        status="ok",
    )


def _scores(study: Study, metrics: Mapping[str, Metric]) -> list[Score]:
    """Scores of all test pairs, cached with the dataset by metric for its other studies."""
    kept: dict[str, list[Score]] = {}
    absent = {}
    for name, metric in metrics.items():
        earlier = _read(_path(study, metric))
        kept[name] = earlier or []
        if earlier is None or fillable(earlier, metric):
            absent[name] = metric
    computed: dict[str, list[Score]] = defaultdict(list)
    for score in _computed(study, absent) if absent else ():
        computed[column_of(score.metric)].append(score)
    for name, metric in absent.items():
        kept[name] = computed[name]
        path = _path(study, metric)
        make_folder(path.parent)
        write_json(path, list(map(asdict, computed[name])))
    return list(chain.from_iterable(kept.values()))


def _path(study: Study, metric: Metric) -> Path:
    """Path of the cached scores.

    Its name has a hash of everything that they depend on, and of the scenes."""
    scenes = [(pair.id, pair.scene) for pair in study.dataset.split("test")]
    identity = json.dumps([scenes, REFERENCED])
    basis = hashlib.sha256(identity.encode()).hexdigest()[:16]
    folder = study.dataset.derived / CEILING / evaluation_version() / basis
    return folder / f"{metric.name}-{metric.version}.json"


def fillable(scores: Sequence[Score], metric: Metric) -> bool:
    """Whether a metric's weights were missing and are available now."""
    if not metric.remedy:
        return False
    empty = [score for score in scores if score.value is None]
    lacking = any(metric.remedy in score.reason for score in empty)
    return lacking and metric.ready()


def _computed(study: Study, metrics: Mapping[str, Metric]) -> list[Score]:
    from defocus.align.flow.by_name import flow_estimator
    from defocus.benchmark.scoring.ceiling import ceiling_scores
    from defocus.progress import track

    estimator = flow_estimator(ESTIMATOR)
    scores: list[Score] = []
    pairs = study.dataset.split("test")
    for pair in track(pairs, "what a perfect restoration would score"):
        scores += ceiling_scores(study.dataset, pair, estimator, metrics)
    return scores


def _read(path: Path) -> list[Score] | None:
    """Read cached scores; None if there are no usable ones."""
    try:
        return [Score(**each) for each in read_json(path)]
    except (FileNotFoundError, ValueError, TypeError):  # absent, or damaged
        return None
