"""Stored facts of a run besides its scores: its identity, its pictures, missing columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product

from defocus.baselines.weights.store import StoredWeights
from defocus.benchmark.evaluation.columns import PROTOCOL_ORDER, column_of
from defocus.benchmark.evaluation.kept_outputs import KeptOutputs
from defocus.benchmark.evaluation.versions import (
    ESTIMATOR,
    evaluation_version,
    metric_versions,
)
from defocus.benchmark.metrics.metric import (
    NO_REFERENCE,
    Metric,
    all_metrics,
    lack_truth,
    metrics_for,
)
from defocus.benchmark.results.dataset_facts import seen_in
from defocus.benchmark.results.run_folder import (
    fewer_words,
    run_folder,
    stamp,
    training_left_out,
)
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import Entry, MetricVersion, Results
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.study.plan import Run, Study
from defocus.storage.files import sha256_file
from defocus.training.record.folder import CHECKPOINT, code_of

MOST_CAST = 3 / 255
"""Largest shift of a colour, as a share of white, that is not mentioned. Systems that restore shift
a colour by 1.3 of 255 at most on the sample; from about 3 on, the shift is visible next to the
input."""


def store_columns(
    results: Results,
    entry: Entry,
    metrics: Mapping[str, Metric],
    scores: Sequence[Score],
) -> None:
    """Store the scores of some metrics of a run, with picture parts, in place of earlier ones."""
    kept: list[Score] = []
    versions: list[MetricVersion] = []
    if entry.evaluation == evaluation_version():
        scored = results.scores(entry.run)
        stored = results.versions(entry.run).values()
        kept = [one for one in scored if column_of(one.metric) not in metrics]
        versions = [one for one in stored if column_of(one.metric) not in metrics]
    # a metric may come to no score
    names = [*metrics, *(score.metric for score in scores)]
    results.record(
        replace(entry, evaluation=evaluation_version()),
        [*kept, *scores],
        results.costs(entry.run),
        [*versions, *metric_versions(names, metrics)],
    )


def kept_outputs(study: Study, entry: Entry) -> KeptOutputs:
    """The kept restored pictures of a run, if its checkpoint is the one of the entry."""
    basis = {"data": study.dataset.content_hash, "checkpoint": entry.checkpoint}
    return KeptOutputs(run_folder(study.out, entry.run), basis)


def versions_of(scores: Iterable[Score]) -> list[MetricVersion]:
    """The versions of the metrics of newly computed scores."""
    return metric_versions((each.metric for each in scores), all_metrics())


def no_scores(
    study: Study,
    reason: str,
    metrics: Iterable[str] | None = None,
) -> list[Score]:
    """Placeholder scores of a run without scores, so that tables have its rows."""
    from defocus.benchmark.scoring.protocols import PROTOCOLS

    pairs = study.dataset.split("test")
    if metrics is None:
        metrics = metrics_for(pairs)
    flows = dict.fromkeys(PROTOCOL_ORDER, "")
    for name in flows:
        if PROTOCOLS[name].uses_flow:
            flows[name] = ESTIMATOR
    if lack_truth(pairs):
        flows = {NO_REFERENCE: ""}
    scores = []
    for (name, flow), metric in product(flows.items(), metrics):
        scores.append(Score(DEFAULT.name, name, metric, "", "", None, flow, reason))
    return scores


def without(study: Study, run: Run) -> dict[str, object]:
    """The part of ``run.json`` on pairs that the dataset or the training lacks."""
    home, trained = study.trained(run)
    left_out = {
        "left_out": study.dataset.without(),
        "training_left_out": training_left_out(run_folder(home.out, trained.id)),
    }
    documents: dict[str, object] = {}
    for name, those in left_out.items():
        if those:
            documents[name] = [one.to_json() for one in those]
    return documents


def entry_of(study: Study, run: Run) -> Entry:
    """The entry of a run that succeeds, as far as it is known before it is trained."""
    card = run.baseline.card
    trained_on, origin = "", "none"
    if run.recipe is not None:
        before = (_trained_on(run.start),) if run.start else ()
        trained_on = "+".join(
            dict.fromkeys([*before, study.trained(run)[0].dataset.name])
        )
        origin = run.trained_weights
    elif run.weights is not None:
        trained_on, origin = _trained_on(run.weights), run.weights.origin
    return Entry(
        run=run.id,
        grouping=run.group,
        evaluation=evaluation_version(),
        system=run.system,
        input=card.given,
        weights=origin,
        reconstruction=int(card.status == "reconstruction"),
        train_dataset=trained_on,
        dataset=study.dataset.name,
        data_hash=study.dataset.content_hash,
        split="test",
        budget=run.reported_budget,
        seed=run.seed,
        status=_status(study, run),
    )


def _trained_on(weights: StoredWeights) -> str:
    return "+".join(weights.trained_on) or "unknown"


def _status(study: Study, run: Run) -> str:
    """Status of a successful run; it says if test scenes may have been used for training."""
    added = run.weights or run.start
    reason = seen_in(added.trained_on, study.dataset) if added is not None else ""
    return f"seen: {reason}" if reason else "ok"


def with_checkpoint(study: Study, run: Run, entry: Entry) -> Entry:
    """The entry with facts from the run's training: code, left-out pairs, checkpoint."""
    home, trained = study.trained(run)
    folder = run_folder(home.out, trained.id)
    lacking = training_left_out(folder) if run.recipe is not None else ()
    entry = replace(
        entry,
        code=code_of(folder),
        train_dataset=entry.train_dataset + fewer_words(len(lacking)),
    )
    path = study.checkpoint_folder(run) / CHECKPOINT
    if entry.weights == "none" or not path.exists():  # added weights are in the cache
        return entry
    return replace(entry, checkpoint=sha256_file(path), checkpoint_stamp=stamp(path))
