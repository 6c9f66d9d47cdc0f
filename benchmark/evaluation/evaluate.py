"""Evaluate a run of a study: restore, score against every target, keep pictures, store scores."""

import functools
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

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
from defocus.benchmark.evaluation.restore import (
    TimedRestoration,
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
    library_versions,
    machine,
    one_line,
    run_folder,
    write_failure,
)
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import COSTS, Cost, Entry, Results
from defocus.benchmark.scoring.profiles import DEFAULT, Profile
from defocus.benchmark.scoring.score import PairScorer
from defocus.benchmark.study.attempt import computing_as_trained, load_run, train_run
from defocus.benchmark.study.plan import Run, Study
from defocus.datasets.opening import require_one_size
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import (
    DefocusError,
    ImageError,
    NotApplicableError,
    TrainingError,
    lacks_memory,
)
from defocus.pictures.read import read_member
from defocus.pictures.values import Image, as_float
from defocus.processes.isolation import LeftOut, left_out_by
from defocus.processes.machines import Where
from defocus.progress import say, track
from defocus.storage.files import make_folder, write_json
from defocus.training.devices import best_device
from defocus.training.loop import Trained


@dataclass(frozen=True)
class Evaluated:
    """What a run came to, even if it is a failure; or some metrics of a stored run."""

    entry: Entry
    scores: list[Score]
    costs: list[Cost] = field(default_factory=list)
    metrics: Mapping[str, Metric] | None = None  # None: everything of the run

    def store(self, study: Study, results: Results) -> None:
        """Store it in the place of what was there."""
        if self.metrics is not None:
            store_columns(results, self.entry, self.metrics, self.scores)
            return
        results.record(self.entry, self.scores, self.costs, versions_of(self.scores))
        (run_folder(study.out, self.entry.run) / AGAIN).unlink(missing_ok=True)


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
        outputs = kept_outputs(study, entry)
        with computing_as_trained(run):
            scores, costs = _evaluate_run(
                study, run, trained, folder, outputs, where, alone=alone
            )
    except OURS:
        raise
    except NotApplicableError as error:
        status = f"not-applicable: {one_line(error)}"
    except CRASHES as error:
        reason = write_failure(error, folder, run.baseline.source_hash)
        status = f"failed: {reason}"
        foreseen = isinstance(error, DefocusError) or lacks_memory(error)
        if not foreseen and not reason.startswith("plug-in "):
            say(
                f"{run.id}: unforeseen; please report it, with {folder / FAILURE}",
                error=True,
            )
    else:
        (folder / FAILURE).unlink(missing_ok=True)
        return Evaluated(entry, scores, costs)
    say(f"{run.id}: {status}")
    reason = status.partition(": ")[2]
    failed = replace(entry, status=status, checkpoint="", checkpoint_stamp="")
    costs = [Cost(name, None, reason) for name in COSTS]
    return Evaluated(failed, no_scores(study, reason), costs)


def _require_trained(training: Entry | None) -> None:
    """Refuse to evaluate another run's training that has no scores, for its reason."""
    if training is None or training.scored:
        return
    reason = training.status.partition(": ")[2]
    if training.failed:
        raise TrainingError(f"{training.run} failed: {reason}")
    raise NotApplicableError(reason)


def evaluated_columns(
    study: Study, run: Run, entry: Entry, names: Collection[str], where: Where = 1
) -> Evaluated | None:
    """Some metrics of a stored run, from kept or newly restored pictures; None if they fail."""
    wanted = metrics_for(study.dataset.split("test"))
    metrics = {name: metric for name, metric in wanted.items() if name in names}
    folder = make_folder(run_folder(study.out, run.id))
    try:
        if entry.scored:
            with computing_as_trained(run):
                scores = _rescored(
                    study, run, metrics, kept_outputs(study, entry), where
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
    folder: Path,
    outputs: KeptOutputs,
    where: Where,
    *,
    alone: bool,
) -> tuple[list[Score], list[Cost]]:
    device, started = best_device(), time.monotonic()
    keeps_outputs = study.keep_outputs or outputs.begun
    kept = None
    if not keeps_outputs:  # else every picture is restored, to be kept
        metrics = metrics_for(study.dataset.split("test"))
        kept = KeptScores(
            folder, score_keys(study.dataset, run, outputs.checkpoint, metrics)
        )
    scores, costs, casts = evaluate(
        trained.network,
        run.baseline.card,
        study.dataset,
        study.dataset.split("test"),
        flow_estimator(ESTIMATOR),
        folder,
        device=device,
        independent=_independent(run),
        outputs=outputs if keeps_outputs else None,
        kept=kept,
        where=where,
        alone=alone,
    )
    worst = max(casts, key=lambda pair: casts[pair])
    if casts[worst] > MOST_CAST:
        levels = f"{255 * casts[worst]:.1f} of 255 levels"
        say(
            f"{run.id} tinted the test picture '{worst}' by {levels}; look at it in report.html"
        )
    write_json(
        folder / "run.json",
        {
            "run": run.id,
            **run.facts(),
            "dataset": study.dataset.name,
            "data_hash": study.dataset.content_hash,
            **without(study, run),
            "profile": DEFAULT.name,
            "flow_estimator": ESTIMATOR,
            "device": str(device),
            "evaluation_precision": "float32",
            "libraries": library_versions(),
            "machine": machine(),
            "training_seconds": round(trained.seconds, 3),
            "colour_cast": round(casts[worst], 5),
            "evaluation_seconds": round(time.monotonic() - started, 3),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )
    return scores, costs


def evaluate(
    network: nn.Module,
    card: Card,
    dataset: Dataset,
    pairs: tuple[Pair, ...],
    estimator: FlowEstimator,
    folder: Path,
    *,
    device: torch.device,
    profile: Profile = DEFAULT,
    independent: FlowEstimator | None = None,
    outputs: KeptOutputs | None = None,
    kept: KeptScores | None = None,
    where: Where = 1,
    alone: bool = True,
) -> tuple[list[Score], list[Cost], dict[str, float]]:
    """Scores by every metric that pairs can have, costs, and the colour cast of each pair."""
    # Where it is not ``alone`` on this machine, seconds say nothing and are measured later.
    # ``independent`` estimates flow for targets that follow the output, if ``estimator`` helped to
    # train the system. A pair of which a file cannot be read has this reason as all its scores.
    # Pairs whose scores are kept are not restored again.
    check_inputs(card, pairs)
    network.to(device).eval()
    scorer = PairScorer(
        dataset,
        estimator,
        metrics_for(dataset.split("test"), profile.name),
        profile,
        independent,
    )
    outcomes: dict[str, PictureScores] = {}
    restored: dict[str, _RestoredFacts] = {}
    tile_px = foreseen_tile_px(network, card, largest_size(pairs), device)
    by_id = {pair.id: pair for pair in pairs}

    def take(scored: Scored) -> None:
        for name, scores in scored:
            outcomes[name] = scores
            if kept is not None and not isinstance(scores, LeftOut):
                kept.add(by_id[name], restored[name].with_scores(scores))

    scoring = scoring_of_run(scorer, folder, len(pairs))
    with scoring_queue(scoring, folder, card.name, where) as queue:
        for number, pair in enumerate(track(pairs, f"{card.name}: evaluation")):
            earlier = None if kept is None else kept.of(pair)
            if earlier is not None:
                outcomes[pair.id] = earlier.scores
                restored[pair.id] = _RestoredFacts.of_kept(earlier)
                continue
            try:
                require_one_size([pair])
                blurry = read_member(pair.blurry, pair.sharp, pair.white)
                made = restore_picture(
                    network, card, pair, device, blurry, tile_px=tile_px
                )
                if outputs is not None:
                    outputs.write(pair, made.picture)
            except UNREADABLE as error:
                outcomes[pair.id] = left_out_by(pair.id, error)
                continue
            tile_px = made.tile_px
            restored[pair.id] = _RestoredFacts.of_made(made, blurry, alone=alone)
            take(queue.add(RestoredPair(number, pair, made.picture, blurry)))
        take(queue.finish())
    every = [outcomes[pair.id] for pair in pairs]
    left_out = [one for one in every if isinstance(one, LeftOut)]
    if len(left_out) == len(pairs):
        raise ImageError(f"{left_out[0].reason}; {_none_of(pairs)}")
    unread = {one.id for one in left_out}
    whole = [pair for pair in pairs if pair.id not in unread]
    scores: list[Score] = []
    for pair in pairs:
        scores += _scores_or_reason(scorer, pair, outcomes[pair.id])
    facts = [restored[pair.id] for pair in whole]
    casts = {pair.id: restored[pair.id].cast for pair in pairs if pair.id in restored}
    smallest_px = min(
        (one.tile_px for one in restored.values() if one.tile_px), default=0
    )
    say_tiles(network, card, whole[0], smallest_px)
    sizes = [one.shape for one in facts]
    seconds = [one.seconds for one in facts if one.seconds is not None]
    if len(seconds) < len(facts):
        seconds = []
    return (
        scores,
        measure_costs(network, card, whole[0], sizes, seconds, smallest_px),
        casts,
    )


@dataclass(frozen=True)
class _RestoredFacts:
    """What is known of a restored picture besides its scores."""

    shape: tuple[int, int]
    seconds: float | None  # None where the machine did other work beside it
    cast: float
    tile_px: int

    @classmethod
    def of_kept(cls, kept: ScoresOfPicture) -> Self:
        """Those of a picture whose scores are kept."""
        return cls(kept.shape, kept.seconds, kept.cast, kept.tile_px)

    @classmethod
    def of_made(cls, made: TimedRestoration, blurry: Image, *, alone: bool) -> Self:
        """Those of a picture that was restored now."""
        height, width = made.picture.shape[:2]
        cast = colour_cast(made.picture, blurry)
        return cls((height, width), made.seconds if alone else None, cast, made.tile_px)

    def with_scores(self, scores: list[Score]) -> ScoresOfPicture:
        """What is kept of the picture."""
        return ScoresOfPicture(
            scores, self.shape, self.seconds, self.cast, self.tile_px
        )


def colour_cast(restored: NDArray[np.float64], blurry: Image) -> float:
    """How far the mean of a colour moved beyond what all three moved, as a share of white."""
    shown = np.clip(restored, 0.0, 1.0).mean(axis=(0, 1))
    moved = shown - as_float(blurry, np.float64).mean(axis=(0, 1))
    return float(np.abs(moved - moved.mean()).max())


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
    estimator, device = flow_estimator(ESTIMATOR), best_device()
    scorer = PairScorer(study.dataset, estimator, metrics, DEFAULT, _independent(run))

    @functools.cache
    def network() -> nn.Module:
        return load_run(*study.trained(run)).network.to(device).eval()

    outcomes: dict[str, PictureScores] = {}
    pairs = study.dataset.split("test")
    name = f"{run.system}: {', '.join(metrics)}"
    folder = run_folder(study.out, run.id)
    with scoring_queue(PictureScoring(scorer), folder, name, where) as queue:
        for number, pair in enumerate(track(pairs, name)):
            try:
                require_one_size([pair])
                restored = outputs.read(pair)
                if restored is None:
                    restored = restore_picture(
                        network(), run.baseline.card, pair, device
                    ).picture
                    if study.keep_outputs or outputs.begun:
                        outputs.write(pair, restored)
                blurry = read_member(pair.blurry, pair.sharp, pair.white)
            except UNREADABLE as error:
                outcomes[pair.id] = left_out_by(pair.id, error)
            else:
                outcomes.update(queue.add(RestoredPair(number, pair, restored, blurry)))
        outcomes.update(queue.finish())
    scores: list[Score] = []
    for pair in pairs:
        scores += _scores_or_reason(scorer, pair, outcomes[pair.id])
    return scores


def _scores_or_reason(
    scorer: PairScorer, pair: Pair, outcome: PictureScores
) -> Iterable[Score]:
    """The scores of a pair; in their place the reason why it is left out."""
    if isinstance(outcome, LeftOut):
        return scorer.of_unread(pair, outcome.reason)
    return outcome


def _independent(run: Run) -> FlowEstimator | None:
    """Another flow estimator, for a system trained with that of the protocols."""
    if run.recipe is None or flow_of(run.recipe) != ESTIMATOR:
        return None
    return flow_estimator(next(name for name in ESTIMATORS if name != ESTIMATOR))
