"""Evaluate a run of a study: restore, score against every target, keep pictures, store scores."""

import functools
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.align.flow.by_name import ESTIMATORS, flow_estimator
from defocus.align.flow.estimator import FlowEstimator
from defocus.baselines.card import Card
from defocus.baselines.objective_registry import flow_of
from defocus.benchmark.cost.tiling import foreseen_tile_px, largest_size
from defocus.benchmark.evaluation.kept_outputs import KeptOutputs
from defocus.benchmark.evaluation.kept_scores import (
    KeptScores,
    ScoresOfPicture,
    score_keys,
)
from defocus.benchmark.evaluation.picture_scores import (
    UNREADABLE,
    PictureScores,
    PictureScoring,
    RestoredPair,
    Scored,
    ScoringQueue,
    scoring_of_run,
    scoring_queue,
)
from defocus.benchmark.evaluation.recording import (
    MOST_CAST,
    entry_of,
    kept_outputs,
    no_scores,
    store_columns,
    versions_of,
    with_checkpoint,
    without,
)
from defocus.benchmark.evaluation.replaced import forget_replaced
from defocus.benchmark.evaluation.restore import (
    check_inputs,
    measure_costs,
    restore_picture,
    say_tiles,
)
from defocus.benchmark.evaluation.versions import ESTIMATOR
from defocus.benchmark.metrics.metric import Metric, metrics_for
from defocus.benchmark.results.run_folder import (
    AGAIN,
    CRASHES,
    FAILURE,
    OURS,
    RECORD,
    library_versions,
    machine,
    one_line,
    run_folder,
    write_failure,
)
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import COSTS, Cost, Entry, Results
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.scoring.score import PairScorer
from defocus.benchmark.study.attempt import computing_as_trained, network_of, train_run
from defocus.benchmark.study.plan import Run, Study
from defocus.datasets.opening import require_one_size
from defocus.datasets.pair import Pair
from defocus.errors import (
    DefocusError,
    ImageError,
    NotApplicableError,
    TrainingError,
    lacks_memory,
)
from defocus.pictures.read import read_blurry
from defocus.pictures.values import Image, as_float
from defocus.processes.isolation import LeftOut, left_out_by, require_none_killed
from defocus.processes.machines import Where
from defocus.progress import say, track
from defocus.storage.files import make_folder, write_json
from defocus.training.devices import best_device
from defocus.training.loop import Trained


@dataclass(frozen=True)
class Evaluated:
    """Result of a run, which may be a failure; or some metrics of a stored run."""

    entry: Entry
    scores: list[Score]
    costs: list[Cost] = field(default_factory=list)
    metrics: Mapping[str, Metric] | None = None  # None: everything of the run

    def store(self, study: Study, results: Results) -> None:
        """Store the result in place of an earlier one."""
        if self.metrics is not None:
            store_columns(results, self.entry, self.metrics, self.scores)
            return
        versions = versions_of(self.scores)
        results.record(self.entry, self.scores, self.costs, versions)
        again = run_folder(study.out, self.entry.run) / AGAIN
        again.unlink(missing_ok=True)
        if self.entry.scored:
            pairs = {pair.id for pair in study.dataset.pairs}
            forget_replaced(study.out, self.entry, pairs, results)


def evaluated_run(
    study: Study,
    run: Run,
    training: Entry | None = None,
    trained: Trained | None = None,
    where: Where = 1,
    *,
    alone: bool = True,
) -> Evaluated:
    """Evaluate one run by every metric; without a trained network, it is trained now if needed."""
    # ``training`` is what is stored of the run whose training is evaluated, if it is another's.
    folder = make_folder(run_folder(study.out, run.id))
    entry = entry_of(study, run)
    try:
        _require_trained(training)
        trained = trained or train_run(study, run)
        entry = with_checkpoint(study, run, entry)
        with computing_as_trained(run):
            work = _evaluation(study, run, trained.network, entry)
            work = replace(work, where=where, alone=alone)
            scores, costs = _evaluate_run(study, run, trained, work)
    except OURS:
        raise
    except NotApplicableError as error:
        return _without_scores(study, entry, f"not-applicable: {one_line(error)}")
    except CRASHES as error:
        reason = _written_reason(run, folder, error)
        return _without_scores(study, entry, f"failed: {reason}")
    (folder / FAILURE).unlink(missing_ok=True)
    return Evaluated(entry, scores, costs)


def _without_scores(study: Study, entry: Entry, status: str) -> Evaluated:
    """A run that has the reason of its status in place of scores and costs."""
    say(f"{entry.run}: {status}")
    _, _, reason = status.partition(": ")
    failed = replace(entry, status=status, checkpoint="", checkpoint_stamp="")
    costs = [Cost(name, None, reason) for name in COSTS]
    return Evaluated(failed, no_scores(study, reason), costs)


def _written_reason(run: Run, folder: Path, error: BaseException) -> str:
    """Why a run failed, which is written into its folder; an unforeseen error is called so."""
    reason = write_failure(error, folder, run.baseline.source_hash)
    foreseen = isinstance(error, DefocusError) or lacks_memory(error)
    if not foreseen and not reason.startswith("plug-in "):
        path = folder / FAILURE
        say(f"{run.id}: unforeseen; please report it, with {path}", error=True)
    return reason


def _require_trained(training: Entry | None) -> None:
    """Refuse to evaluate another run's training that has no scores, for its reason."""
    if training is None or training.scored:
        return
    reason = training.status.partition(": ")[2]
    if training.failed:
        raise TrainingError(f"{training.run} failed: {reason}")
    raise NotApplicableError(reason)


def evaluated_columns(
    study: Study,
    run: Run,
    entry: Entry,
    names: Collection[str],
    where: Where = 1,
) -> Evaluated | None:
    """Some metrics of a stored run, from kept or newly restored pictures; None if they fail."""
    wanted = metrics_for(study.dataset.split("test"))
    metrics = {name: metric for name, metric in wanted.items() if name in names}
    folder = make_folder(run_folder(study.out, run.id))
    try:
        if entry.scored:
            with computing_as_trained(run):
                scores = _rescored(
                    study,
                    run,
                    metrics,
                    kept_outputs(study, entry),
                    where,
                )
        else:
            scores = no_scores(study, entry.status.partition(": ")[2], metrics)
    except OURS:
        raise
    except CRASHES as error:
        reason = write_failure(error, folder)
        say(
            f"{run.id}: {', '.join(metrics)} failed: {reason}; stored scores stay",
            error=True,
        )
        return None
    (folder / FAILURE).unlink(missing_ok=True)
    return Evaluated(entry, scores, metrics=metrics)


def _evaluate_run(
    study: Study,
    run: Run,
    trained: Trained,
    work: "Evaluation",
) -> tuple[list[Score], list[Cost]]:
    started = time.monotonic()
    scores, costs, casts = evaluate(work)
    worst = max(casts, key=lambda pair: casts[pair])
    if casts[worst] > MOST_CAST:
        levels = f"{255 * casts[worst]:.1f} of 255 levels"
        say(
            f"{run.id} tinted the test picture '{worst}' by {levels}; look at it in report.html"
        )
    facts = {
        "run": run.id,
        **run.facts(),
        "dataset": study.dataset.name,
        "data_hash": study.dataset.content_hash,
        **without(study, run),
        "profile": DEFAULT.name,
        "flow_estimator": ESTIMATOR,
        "device": str(work.device),
        "evaluation_precision": "float32",
        "libraries": library_versions(),
        "machine": machine(),
        "training_seconds": round(trained.seconds, 3),
        "colour_cast": round(casts[worst], 5),
        "evaluation_seconds": round(time.monotonic() - started, 3),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_json(work.folder / RECORD, facts)
    return scores, costs


def _evaluation(
    study: Study,
    run: Run,
    network: nn.Module,
    entry: Entry,
) -> "Evaluation":
    """The evaluation of a run, which keeps pictures or, where these are not kept, scores."""
    metrics = metrics_for(study.dataset.split("test"))
    folder, outputs = run_folder(study.out, run.id), kept_outputs(study, entry)
    keeping: KeptOutputs | KeptScores = outputs
    if not study.keep_outputs and not outputs.begun:
        keys = score_keys(study.dataset, run, outputs.checkpoint, metrics)
        keeping = KeptScores(folder, keys)
    scorer = _scorer(study, run, metrics)
    card, device = run.baseline.card, best_device()
    return Evaluation(network, card, scorer, folder, device, keeping)


@dataclass
class Evaluation:
    """How the test pictures of a dataset are restored and scored, and what came of them so far."""

    # Where it is not ``alone`` on this machine, seconds say nothing and are measured later.
    # ``facts`` are of restored pictures, also of those whose scores are kept, which are not
    # restored again; ``tile_px`` is the side of the tiles of the last one.

    network: nn.Module
    card: Card
    scorer: PairScorer
    folder: Path
    device: torch.device
    keeping: KeptOutputs | KeptScores | None = None
    where: Where = 1
    alone: bool = True
    facts: dict[str, ScoresOfPicture] = field(default_factory=dict)
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    tile_px: int = 0

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The test pairs."""
        assert self.scorer.dataset is not None  # noqa: S101 - its pairs are scored
        return self.scorer.dataset.split("test")

    def run(self) -> None:
        """Restore and score all pairs; a pair with an unreadable file is left out."""
        name = self.card.name
        size = largest_size(self.pairs)
        self.tile_px = foreseen_tile_px(self.network, self.card, size, self.device)
        scoring = scoring_of_run(self.scorer, self.folder, len(self.pairs))
        pairs = track(self.pairs, f"{name}: evaluation")
        with scoring_queue(scoring, self.folder, name, self.where) as queue:
            for pair, scores in _scored(queue, pairs, self.restored):
                if isinstance(scores, LeftOut):
                    self.left_out[pair] = scores
                    continue
                facts = replace(self.facts[pair], scores=scores)
                self.facts[pair] = facts
                if isinstance(self.keeping, KeptScores):
                    self.keeping.add(pair, facts)

    def restored(self, number: int, pair: Pair) -> RestoredPair | None:
        """A pair with its restored picture; None if its scores are kept."""
        if isinstance(self.keeping, KeptScores) and (kept := self.keeping.of(pair)):
            self.facts[pair.id] = kept
            return None
        blurry = read_blurry(pair.blurry, pair.sharp, pair.white)
        made = restore_picture(
            self.network,
            self.card,
            pair,
            self.device,
            blurry,
            tile_px=self.tile_px,
        )
        picture, self.tile_px = made.picture, made.tile_px
        if isinstance(self.keeping, KeptOutputs):
            self.keeping.write(pair, picture)
        size = (picture.shape[0], picture.shape[1])
        seconds = made.seconds if self.alone else None
        cast = colour_cast(picture, blurry)
        self.facts[pair.id] = ScoresOfPicture([], size, seconds, cast, made.tile_px)
        return RestoredPair(number, pair, picture, blurry)


def _scored(
    queue: ScoringQueue,
    pairs: Iterable[Pair],
    restored: Callable[[int, Pair], RestoredPair | None],
) -> Scored:
    """The scores of pairs that are restored one by one; for an unreadable pair, the reason."""
    for number, pair in enumerate(pairs):
        try:
            require_one_size([pair])
            one = restored(number, pair)
        except UNREADABLE as error:
            yield pair.id, left_out_by(pair.id, error)
            continue
        if one is not None:
            yield from queue.add(one)
    yield from queue.finish()


def evaluate(work: Evaluation) -> tuple[list[Score], list[Cost], dict[str, float]]:
    """Scores by every metric that pairs can have, costs, and the colour cast of each pair."""
    # A pair of which a file cannot be read has this reason as all its scores.
    pairs = work.pairs
    check_inputs(work.card, pairs)
    work.network.to(work.device).eval()
    work.run()
    require_none_killed(work.left_out.values(), "picture")
    whole = [pair for pair in pairs if pair.id not in work.left_out]
    if not whole:
        reason = work.left_out[pairs[0].id].reason
        raise ImageError(f"{reason}; {_none_of(pairs)}")
    costs = _costs(work, whole)
    casts = {}
    for name, facts in work.facts.items():
        casts[name] = facts.cast
    outcomes: dict[str, PictureScores] = {**work.left_out}
    for pair in whole:
        outcomes[pair.id] = work.facts[pair.id].scores
    scores = _in_order(work.scorer, pairs, outcomes)
    return scores, costs, casts


def _costs(work: Evaluation, whole: Sequence[Pair]) -> list[Cost]:
    """The costs of restoring the pairs that were scored; what was restored in tiles says so."""
    first = whole[0]
    tiles = [one.tile_px for one in work.facts.values() if one.tile_px]
    smallest_px = min(tiles, default=0)
    say_tiles(work.network, work.card, first, smallest_px)
    sizes = []
    seconds = []
    for pair in whole:
        facts = work.facts[pair.id]
        sizes.append(facts.shape)
        if facts.seconds is not None:
            seconds.append(facts.seconds)
    if len(seconds) < len(sizes):
        seconds = []
    return measure_costs(work.network, work.card, first, sizes, seconds, smallest_px)


def colour_cast(restored: NDArray[np.float64], blurry: Image) -> float:
    """How far the mean of a colour moved beyond what all three moved, as a share of white."""
    shown = np.clip(restored, 0.0, 1.0)
    before = as_float(blurry, np.float64).mean(axis=(0, 1))
    moved = shown.mean(axis=(0, 1)) - before
    apart = np.abs(moved - moved.mean())
    return float(apart.max())


def _none_of(pairs: Sequence[Pair]) -> str:
    if len(pairs) == 1:
        return f"{pairs[0].id} is the only test pair, so nothing can be scored"
    return f"none of the {len(pairs)} test pairs can be read, so nothing can be scored"


def _rescored(
    study: Study,
    run: Run,
    metrics: Mapping[str, Metric],
    outputs: KeptOutputs,
    where: Where,
) -> list[Score]:
    """Scores of kept pictures; the network is loaded for the first that is not kept."""
    network = functools.cache(functools.partial(network_of, study, run))

    def restored(pair: Pair) -> NDArray[np.float64]:
        card, device = run.baseline.card, best_device()
        picture = restore_picture(network(), card, pair, device).picture
        if study.keep_outputs or outputs.begun:
            outputs.write(pair, picture)
        return picture

    kept_or_restored = functools.partial(_kept_or_restored, outputs, restored)
    scoring = PictureScoring(_scorer(study, run, metrics))
    name = f"{run.system}: {', '.join(metrics)}"
    with scoring_queue(scoring, run_folder(study.out, run.id), name, where) as queue:
        pairs = study.dataset.split("test")
        outcomes = dict(_scored(queue, track(pairs, name), kept_or_restored))
    require_none_killed(outcomes.values(), "picture")
    return _in_order(scoring.scorer, pairs, outcomes)


def _kept_or_restored(
    outputs: KeptOutputs,
    restored: Callable[[Pair], NDArray[np.float64]],
    number: int,
    pair: Pair,
) -> RestoredPair:
    picture = outputs.read(pair)
    if picture is None:
        picture = restored(pair)
    blurry = read_blurry(pair.blurry, pair.sharp, pair.white)
    return RestoredPair(number, pair, picture, blurry)


def _in_order(
    scorer: PairScorer,
    pairs: Iterable[Pair],
    outcomes: Mapping[str, PictureScores],
) -> list[Score]:
    """The scores of all pairs in order; for a pair that is left out, the reason."""
    scores: list[Score] = []
    for pair in pairs:
        outcome = outcomes[pair.id]
        if isinstance(outcome, LeftOut):
            outcome = [*scorer.of_unread(pair, outcome.reason)]
        scores += outcome
    return scores


def _scorer(study: Study, run: Run, metrics: Mapping[str, Metric]) -> PairScorer:
    flow = flow_estimator(ESTIMATOR)
    return PairScorer(study.dataset, flow, metrics, DEFAULT, _independent(run))


def _independent(run: Run) -> FlowEstimator | None:
    """Another flow estimator, for a system trained with that of the protocols."""
    if run.recipe is None or flow_of(run.recipe) != ESTIMATOR:
        return None
    return flow_estimator(next(name for name in ESTIMATORS if name != ESTIMATOR))
