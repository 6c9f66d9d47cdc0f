"""Evaluate a run of a study and store its results, as a whole or by columns."""

import functools
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.objective_registry import flow_of
from defocus.baselines.weights.store import StoredWeights
from defocus.benchmark.evaluation.columns import PROTOCOL_ORDER, column_of
from defocus.benchmark.evaluation.kept_outputs import KeptOutputs
from defocus.benchmark.evaluation.versions import ESTIMATOR, evaluation_version, metric_versions
from defocus.benchmark.metrics.metric import NO_REFERENCE, all_metrics, lack_truth, metrics_for
from defocus.benchmark.results.dataset_facts import seen_in
from defocus.benchmark.results.run_folder import (
    AGAIN,
    CRASHES,
    FAILURE,
    OURS,
    fewer_words,
    library_versions,
    machine,
    one_line,
    run_folder,
    stamp,
    training_left_out,
    write_failure,
)
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import COSTS, Cost, Entry, MetricVersion, Results
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.study.attempt import load_run, train_run
from defocus.benchmark.study.plan import Run, Study
from defocus.errors import DefocusError, NotApplicableError
from defocus.files import make_folder, sha256_file, write_json
from defocus.isolation import left_out_by
from defocus.progress import say, track
from defocus.training.record.folder import CHECKPOINT, code_of

if TYPE_CHECKING:  # a finished study imports no torch
    from torch import nn

    from defocus.align.flow.estimator import FlowEstimator
    from defocus.benchmark.metrics.metric import Metric
    from defocus.training.loop import Trained

MOST_CAST = 3 / 255
"""Systems that restore move a colour by 1.3 of 255 at most on the sample; from about 3 on, one sees
it beside the input."""


def record_run(study: Study, results: Results, run: Run, trained: "Trained | None" = None) -> None:
    """Evaluate one run by every metric and store the result, even if it is a failure."""
    # Without a trained network, it is trained now if needed.
    folder = make_folder(run_folder(study.out, run.id))
    entry = _entry(study, run)
    try:
        trained = trained or train_run(study, run)
        entry = _with_checkpoint(study, run, entry)
        scores, costs = _evaluate(study, run, trained, folder, kept_outputs(study, entry))
    except OURS:
        raise
    except NotApplicableError as error:
        status = f"not-applicable: {one_line(error)}"
    except CRASHES as error:
        status = f"failed: {write_failure(error, folder)}"
        if not isinstance(error, DefocusError):
            say(f"{run.id}: unforeseen; please report it, with {folder / FAILURE}", error=True)
    else:
        (folder / FAILURE).unlink(missing_ok=True)
        results.record(entry, scores, costs, _versions(scores))
        (folder / AGAIN).unlink(missing_ok=True)
        return
    say(f"{run.id}: {status}")
    reason = status.partition(": ")[2]
    failed = replace(entry, status=status, checkpoint="", checkpoint_stamp="")
    scores = _no_scores(study, reason)
    costs = [Cost(name, None, reason) for name in COSTS]
    results.record(failed, scores, costs, _versions(scores))
    (folder / AGAIN).unlink(missing_ok=True)


def record_columns(
    study: Study, results: Results, run: Run, entry: Entry, names: Collection[str]
) -> str:
    """Compute some metrics of a stored run, from kept pictures or else by the network."""
    # Its other scores stay as they are. Returns why it failed, in one line, or nothing.
    wanted = metrics_for(study.dataset.split("test"))
    metrics = {name: metric for name, metric in wanted.items() if name in names}
    folder = make_folder(run_folder(study.out, run.id))
    try:
        if entry.scored:
            scores = _rescored(study, run, metrics, kept_outputs(study, entry))
        else:
            scores = _no_scores(study, entry.status.partition(": ")[2], metrics)
    except OURS:
        raise
    except CRASHES as error:
        reason = write_failure(error, folder)
        say(f"{run.id}: {', '.join(metrics)} failed: {reason}; stored scores stay", error=True)
        return reason
    (folder / FAILURE).unlink(missing_ok=True)
    store_columns(results, entry, metrics, scores)
    return ""


def store_columns(
    results: Results, entry: Entry, metrics: "Mapping[str, Metric]", scores: Sequence[Score]
) -> None:
    """Store the scores of some metrics of a run, with picture parts, in place of earlier ones."""
    kept: list[Score] = []
    versions: list[MetricVersion] = []
    if entry.evaluation == evaluation_version():
        kept = [one for one in results.scores(entry.run) if column_of(one.metric) not in metrics]
        stored = results.versions(entry.run).values()
        versions = [one for one in stored if column_of(one.metric) not in metrics]
    names = [*metrics, *(score.metric for score in scores)]  # a metric may come to no score
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


def _versions(scores: Iterable[Score]) -> list[MetricVersion]:
    return metric_versions((each.metric for each in scores), all_metrics())


def _no_scores(study: Study, reason: str, metrics: Iterable[str] | None = None) -> list[Score]:
    """Placeholder scores of a run without scores, so that tables have its rows."""
    from defocus.benchmark.scoring.protocols import PROTOCOLS

    pairs = study.dataset.split("test")
    if metrics is None:
        metrics = metrics_for(pairs)
    flows = {name: ESTIMATOR if PROTOCOLS[name].uses_flow else "" for name in PROTOCOL_ORDER}
    flows = {NO_REFERENCE: ""} if lack_truth(pairs) else flows
    return [
        Score(DEFAULT.name, protocol, metric, "", "", None, flow, reason)
        for protocol, flow in flows.items()
        for metric in metrics
    ]


def _evaluate(
    study: Study, run: Run, trained: "Trained", folder: Path, outputs: KeptOutputs
) -> tuple[list[Score], list[Cost]]:
    from defocus.align.flow.by_name import flow_estimator
    from defocus.benchmark.evaluation.evaluate import evaluate
    from defocus.training.devices import best_device

    device, started = best_device(), time.monotonic()
    scores, costs, casts = evaluate(
        trained.network,
        run.baseline.card,
        study.dataset,
        study.dataset.split("test"),
        flow_estimator(ESTIMATOR),
        folder,
        device=device,
        independent=_independent(run),
        outputs=outputs if study.keep_outputs or outputs.begun else None,
    )
    worst = max(casts, key=lambda pair: casts[pair])
    if casts[worst] > MOST_CAST:
        levels = f"{255 * casts[worst]:.1f} of 255 levels"
        say(f"{run.id} tinted the test picture '{worst}' by {levels}; look at it in report.html")
    write_json(
        folder / "run.json",
        {
            "run": run.id,
            **run.facts(),
            "dataset": study.dataset.name,
            "data_hash": study.dataset.content_hash,
            **_without(study, run),
            "profile": DEFAULT.name,
            "flow_estimator": ESTIMATOR,
            "device": str(device),
            "libraries": library_versions(),
            "machine": machine(),
            "training_seconds": round(trained.seconds, 3),
            "colour_cast": round(casts[worst], 5),
            "evaluation_seconds": round(time.monotonic() - started, 3),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )
    return scores, costs


def _without(study: Study, run: Run) -> dict[str, object]:
    """What ``run.json`` says of pairs that the dataset or the training is without."""
    home, trained = study.trained(run)
    left_out = {
        "left_out": study.dataset.without(),
        "training_left_out": training_left_out(run_folder(home.out, trained.id)),
    }
    return {name: [one.to_json() for one in those] for name, those in left_out.items() if those}


def _rescored(
    study: Study, run: Run, metrics: "Mapping[str, Metric]", outputs: KeptOutputs
) -> list[Score]:
    """Scores of kept pictures; the network is loaded for the first that is not kept."""
    from defocus.align.flow.by_name import flow_estimator
    from defocus.benchmark.evaluation.evaluate import UNREADABLE, restore_picture
    from defocus.benchmark.scoring.score import PairScorer
    from defocus.datasets.opening import require_one_size
    from defocus.images import read_member
    from defocus.training.devices import best_device

    estimator, device = flow_estimator(ESTIMATOR), best_device()
    scorer = PairScorer(study.dataset, estimator, metrics, DEFAULT, _independent(run))

    @functools.cache
    def network() -> "nn.Module":
        return load_run(*study.trained(run)).network.to(device).eval()

    scores: list[Score] = []
    for pair in track(study.dataset.split("test"), f"{run.system}: {', '.join(metrics)}"):
        try:
            require_one_size([pair])
            restored = outputs.read(pair)
            if restored is None:
                restored, _ = restore_picture(network(), run.baseline.card, pair, device)
                if study.keep_outputs or outputs.begun:
                    outputs.write(pair, restored)
            scores += list(scorer.scores(pair, restored, read_member(pair.blurry, pair.sharp)))
        except UNREADABLE as error:
            scores += scorer.of_unread(pair, left_out_by(pair.id, error).reason)
    return scores


def _independent(run: Run) -> "FlowEstimator | None":
    """Another flow estimator, for a system trained with that of the protocols."""
    if run.recipe is None or flow_of(run.recipe) != ESTIMATOR:
        return None
    from defocus.align.flow.by_name import ESTIMATORS, flow_estimator

    return flow_estimator(next(name for name in ESTIMATORS if name != ESTIMATOR))


def _entry(study: Study, run: Run) -> Entry:
    card = run.baseline.card
    trained_on, origin = "", "none"
    if run.recipe is not None:
        before = (_trained_on(run.start),) if run.start else ()
        trained_on = "+".join(dict.fromkeys([*before, study.trained(run)[0].dataset.name]))
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


def _with_checkpoint(study: Study, run: Run, entry: Entry) -> Entry:
    home, trained = study.trained(run)
    folder = run_folder(home.out, trained.id)
    lacking = training_left_out(folder) if run.recipe is not None else ()
    entry = replace(
        entry, code=code_of(folder), train_dataset=entry.train_dataset + fewer_words(len(lacking))
    )
    path = run_folder(study.out, run.id) / CHECKPOINT
    if entry.weights == "none" or not path.exists():  # added weights are in the cache
        return entry
    return replace(entry, checkpoint=sha256_file(path), checkpoint_stamp=stamp(path))
