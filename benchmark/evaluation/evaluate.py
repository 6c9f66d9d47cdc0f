"""Evaluate a run of a study: restore, score against every target, keep pictures, store scores."""

import functools
import os
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
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
from defocus.benchmark.evaluation.kept_scores import KeptScores, ScoresOfPicture, score_keys
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
from defocus.benchmark.evaluation.shown_pictures import SHOWN_PAIRS, keep_pictures
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
from defocus.benchmark.study.attempt import load_run, train_run
from defocus.benchmark.study.plan import Run, Study
from defocus.datasets.opening import require_one_size
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import DatasetError, DefocusError, ImageError, NotApplicableError, TrainingError
from defocus.files import make_folder, write_json
from defocus.isolation import LeftOut, left_out_by
from defocus.pictures.read import read_member
from defocus.pictures.values import Image, as_float
from defocus.progress import say, track
from defocus.training.devices import best_device
from defocus.training.loop import Trained

UNREADABLE = (DatasetError, ImageError)
"""Errors of a pair's own files. Whatever else a restoration raises is the system's."""

THREADS = os.cpu_count() or 1
AT_ONCE_PX = 1 << 20
"""Pictures are scored together, one per thread, until they are so many pixels: metrics of a large
picture take much memory, and several threads by themselves."""


@dataclass(frozen=True)
class _Restored:
    """A restored picture ``(H, W, 3)`` of a pair, and its blurry one as stored."""

    number: int
    pair: Pair
    made: TimedRestoration
    blurry: Image

    @property
    def picture(self) -> NDArray[np.float64]:
        """``(H, W, 3)``, not clamped."""
        return self.made.picture


def record_run(study: Study, results: Results, run: Run, trained: Trained | None = None) -> None:
    """Evaluate one run by every metric and store the result, even if it is a failure."""
    # Without a trained network, it is trained now if needed.
    folder = make_folder(run_folder(study.out, run.id))
    entry = entry_of(study, run)
    try:
        _require_trained(results, run)
        trained = trained or train_run(study, run)
        entry = with_checkpoint(study, run, entry)
        scores, costs = _evaluate_run(study, run, trained, folder, kept_outputs(study, entry))
    except OURS:
        raise
    except NotApplicableError as error:
        status = f"not-applicable: {one_line(error)}"
    except CRASHES as error:
        reason = write_failure(error, folder, run.baseline.source_hash)
        status = f"failed: {reason}"
        if not isinstance(error, DefocusError) and not reason.startswith("plug-in "):
            say(f"{run.id}: unforeseen; please report it, with {folder / FAILURE}", error=True)
    else:
        (folder / FAILURE).unlink(missing_ok=True)
        results.record(entry, scores, costs, versions_of(scores))
        (folder / AGAIN).unlink(missing_ok=True)
        return
    say(f"{run.id}: {status}")
    reason = status.partition(": ")[2]
    failed = replace(entry, status=status, checkpoint="", checkpoint_stamp="")
    scores = no_scores(study, reason)
    costs = [Cost(name, None, reason) for name in COSTS]
    results.record(failed, scores, costs, versions_of(scores))
    (folder / AGAIN).unlink(missing_ok=True)


def _require_trained(results: Results, run: Run) -> None:
    """Refuse a run that evaluates another's training, where that has no scores, for its reason."""
    if run.training is None:
        return
    entries = {entry.run: entry for entry in results.entries()}
    stored = entries.get(run.training.id)
    if stored is None or stored.scored:
        return
    reason = stored.status.partition(": ")[2]
    if stored.failed:
        raise TrainingError(f"{stored.run} failed: {reason}")
    raise NotApplicableError(reason)


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
            scores = no_scores(study, entry.status.partition(": ")[2], metrics)
    except OURS:
        raise
    except CRASHES as error:
        reason = write_failure(error, folder)
        say(f"{run.id}: {', '.join(metrics)} failed: {reason}; stored scores stay", error=True)
        return reason
    (folder / FAILURE).unlink(missing_ok=True)
    store_columns(results, entry, metrics, scores)
    return ""


def _evaluate_run(
    study: Study, run: Run, trained: Trained, folder: Path, outputs: KeptOutputs
) -> tuple[list[Score], list[Cost]]:
    device, started = best_device(), time.monotonic()
    keeps_outputs = study.keep_outputs or outputs.begun
    kept = None
    if not keeps_outputs:  # else every picture is restored, to be kept
        metrics = metrics_for(study.dataset.split("test"))
        kept = KeptScores(folder, score_keys(study.dataset, run, outputs.checkpoint, metrics))
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
            **without(study, run),
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
) -> tuple[list[Score], list[Cost], dict[str, float]]:
    """Scores by every metric that pairs can have, costs, and the colour cast of each pair."""
    # ``independent`` estimates flow for targets that follow the output, if ``estimator`` helped to
    # train the system. A pair of which a file cannot be read has this reason as all its scores.
    # Pairs whose scores are kept are not restored again.
    check_inputs(card, pairs)
    network.to(device).eval()
    scorer = PairScorer(
        dataset, estimator, metrics_for(dataset.split("test"), profile.name), profile, independent
    )
    outcomes: dict[str, list[Score] | LeftOut] = {}
    times: dict[str, tuple[tuple[int, ...], float]] = {}
    tile_sides_px: dict[str, int] = {}
    tile_px = foreseen_tile_px(network, card, largest_size(pairs), device)
    casts: dict[str, float] = {}
    waiting: list[_Restored] = []
    shown = folder / "images", max(1, len(pairs) // SHOWN_PAIRS)
    score = partial(_scored, scorer=scorer, dataset=dataset, shown=shown)
    with ThreadPoolExecutor(THREADS) as pool:
        for number, pair in enumerate(track(pairs, f"{card.name}: evaluation")):
            earlier = None if kept is None else kept.of(pair)
            if earlier is not None:
                outcomes[pair.id] = earlier.scores
                times[pair.id] = earlier.shape, earlier.seconds
                tile_sides_px[pair.id] = earlier.tile_px
                casts[pair.id] = earlier.cast
            else:
                try:
                    one = _restored(network, card, number, pair, device, outputs, tile_px)
                except UNREADABLE as error:
                    outcomes[pair.id] = left_out_by(pair.id, error)
                else:
                    waiting.append(one)
                    times[pair.id] = one.picture.shape[:2], one.made.seconds
                    tile_sides_px[pair.id] = tile_px = one.made.tile_px
                    casts[pair.id] = colour_cast(one.picture, one.blurry)
            if _is_due(waiting) or pair is pairs[-1]:
                for each, scores in zip(waiting, pool.map(score, waiting), strict=True):
                    outcomes[each.pair.id] = scores
                    if kept is not None and not isinstance(scores, LeftOut):
                        kept.add(each.pair, _picture_scores(each, scores, casts[each.pair.id]))
                waiting.clear()
    left_out = {name: one for name, one in outcomes.items() if isinstance(one, LeftOut)}
    if len(left_out) == len(pairs):
        raise ImageError(f"{left_out[pairs[0].id].reason}; {_none_of(pairs)}")
    whole = [pair for pair in pairs if pair.id not in left_out]
    sizes, seconds = zip(*(times[pair.id] for pair in whole), strict=True)
    by_id = {pair.id: pair for pair in pairs}
    scores = [
        score
        for name, one in outcomes.items()
        for score in (
            scorer.of_unread(by_id[name], one.reason) if isinstance(one, LeftOut) else one
        )
    ]
    smallest_px = min(filter(None, tile_sides_px.values()), default=0)
    say_tiles(network, card, whole[0], smallest_px)
    return scores, measure_costs(network, card, whole[0], sizes, seconds, smallest_px), casts


def _picture_scores(one: _Restored, scores: list[Score], cast: float) -> ScoresOfPicture:
    """What is kept of a picture."""
    height, width = one.picture.shape[:2]
    return ScoresOfPicture(scores, (height, width), one.made.seconds, cast, one.made.tile_px)


def _restored(
    network: nn.Module,
    card: Card,
    number: int,
    pair: Pair,
    device: torch.device,
    outputs: KeptOutputs | None,
    tile_px: int,
) -> _Restored:
    require_one_size([pair])
    blurry = read_member(pair.blurry, pair.sharp, pair.white)
    made = restore_picture(network, card, pair, device, blurry, tile_px=tile_px)
    if outputs is not None:
        outputs.write(pair, made.picture)
    return _Restored(number, pair, made, blurry)


def _scored(
    one: _Restored, scorer: PairScorer, dataset: Dataset, shown: tuple[Path, int]
) -> list[Score] | LeftOut:
    """The scores of a picture; every so many is also put into a folder, to be shown."""
    folder, every = shown
    try:
        scores = list(scorer.scores(one.pair, one.picture, one.blurry))
        if one.number % every == 0:
            keep_pictures(one.pair, one.blurry, one.picture, dataset, scorer.estimator, folder)
    except UNREADABLE as error:
        return left_out_by(one.pair.id, error)
    return scores


def colour_cast(restored: NDArray[np.float64], blurry: Image) -> float:
    """How far the mean of a colour moved beyond what all three moved, as a share of white."""
    shown = np.clip(restored, 0.0, 1.0).mean(axis=(0, 1))
    moved = shown - as_float(blurry, np.float64).mean(axis=(0, 1))
    return float(np.abs(moved - moved.mean()).max())


def _none_of(pairs: Sequence[Pair]) -> str:
    if len(pairs) == 1:
        return f"{pairs[0].id} is the only test pair, so nothing can be scored"
    return f"none of the {len(pairs)} test pairs can be read, so nothing can be scored"


def _is_due(waiting: Sequence[_Restored]) -> bool:
    """Whether to score what waits: the first picture alone, as metrics load things once."""
    # Nothing is restored meanwhile, so that its seconds are those of a machine without other work.
    if not waiting:
        return False
    pixels = sum(one.picture.shape[0] * one.picture.shape[1] for one in waiting)
    return waiting[-1].number == 0 or len(waiting) == THREADS or pixels > AT_ONCE_PX


def _rescored(
    study: Study, run: Run, metrics: Mapping[str, Metric], outputs: KeptOutputs
) -> list[Score]:
    """Scores of kept pictures; the network is loaded for the first that is not kept."""
    estimator, device = flow_estimator(ESTIMATOR), best_device()
    scorer = PairScorer(study.dataset, estimator, metrics, DEFAULT, _independent(run))

    @functools.cache
    def network() -> nn.Module:
        return load_run(*study.trained(run)).network.to(device).eval()

    scores: list[Score] = []
    for pair in track(study.dataset.split("test"), f"{run.system}: {', '.join(metrics)}"):
        try:
            require_one_size([pair])
            restored = outputs.read(pair)
            if restored is None:
                restored = restore_picture(network(), run.baseline.card, pair, device).picture
                if study.keep_outputs or outputs.begun:
                    outputs.write(pair, restored)
            scores += list(
                scorer.scores(pair, restored, read_member(pair.blurry, pair.sharp, pair.white))
            )
        except UNREADABLE as error:
            scores += scorer.of_unread(pair, left_out_by(pair.id, error).reason)
    return scores


def _independent(run: Run) -> FlowEstimator | None:
    """Another flow estimator, for a system trained with that of the protocols."""
    if run.recipe is None or flow_of(run.recipe) != ESTIMATOR:
        return None
    return flow_estimator(next(name for name in ESTIMATORS if name != ESTIMATOR))
