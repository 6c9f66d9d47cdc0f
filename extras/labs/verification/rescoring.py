"""Score submitted pictures again and compare every score with the stated one."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from defocus.align.flow.by_name import ESTIMATORS, flow_estimator
from defocus.baselines.registry import known_baselines
from defocus.baselines.weights.store import shipped_weights
from defocus.benchmark.evaluation.columns import INDEPENDENT, column_of
from defocus.benchmark.evaluation.versions import ESTIMATOR
from defocus.benchmark.metrics.metric import all_metrics, metrics_for
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.scoring.protocols import make_target, picture_in_full
from defocus.benchmark.scoring.score import PairScorer
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import NotApplicableError
from defocus.extras.labs.opening import BundleRefusedError, OpenBundle, read_output
from defocus.extras.labs.statement import RunFacts
from defocus.extras.labs.verification.leaks import (
    MOST_LEAKED,
    MOST_LEAKED_IN_ONE,
    leaked_shares,
    looks_like,
    low_share,
)
from defocus.pictures.read import read_blurry
from defocus.progress import track

TOLERANCE = 1e-5
"""Largest difference between a stated score and the computed one, if no flow is estimated for it.
"""

FLOW_TOLERANCE = 1e-3
"""Largest difference of a score with an estimated flow, which differs between processors."""

Picture = NDArray[np.float64]


@dataclass
class Rescored:
    """Findings of rescoring."""

    # kind of each fraud and what is wrong
    findings: list[tuple[str, str]] = field(default_factory=list)
    notes: tuple[str, ...] = ()  # what could not be checked
    rescored: int = 0  # number of scores computed again
    # the new scores of each run that was scored as a whole
    scores: dict[str, list[Score]] = field(default_factory=dict)
    # pictures by runs without weights that a filter by luck or the truth has made; only restoring
    # them again tells
    suspected: dict[str, list[Pair]] = field(default_factory=dict)


def rescore(
    bundle: OpenBundle,
    dataset: Dataset,
    stated: Mapping[str, Sequence[Score]],
    *,
    compare: bool = True,
    unread: Mapping[str, str] = MappingProxyType({}),
) -> Rescored:
    """Score every submitted picture again; ``unread``: by id, why pairs here cannot be read.

    Without ``compare``, for sealed truth, stated scores need not be those found here."""
    outcome = Rescored()
    notes: list[str] = []
    for run in bundle.statement.runs:
        name = run.entry.run
        if any(bundle.output(run, pair) is None for pair in run.outputs):
            notes.append(
                f"{name}: its pictures are not in the bundle; nothing was rescored"
            )
            continue
        try:
            said = notes if compare else None
            _rescore_run(bundle, dataset, run, stated[name], outcome, said, unread)
        except BundleRefusedError as error:
            outcome.findings.append((error.kind, f"{name}: {error}"))
    outcome.notes = tuple(notes)
    return outcome


def _rescore_run(
    bundle: OpenBundle,
    dataset: Dataset,
    run: RunFacts,
    stated: Sequence[Score],
    outcome: Rescored,
    notes: list[str] | None,
    unread: Mapping[str, str],
) -> None:
    name = run.entry.run
    tests = dataset.split("test")
    pairs = [pair for pair in tests if pair.id not in unread]
    is_shipped = shipped_copy(run) is not None
    scorer = _scorer(dataset, stated, sealed=notes is None)
    blurry = [picture_in_full(pair.blurry, pair.white) for pair in pairs]
    again: list[Score] = []
    for pair in tests:
        if pair.id in unread:
            again += scorer.of_unread(pair, unread[pair.id])
    shares: list[float] = []
    for number, pair in enumerate(track(pairs, f"{name}: rescoring")):
        restored = read_submitted(bundle, run, pair, blurry[number].shape)
        as_read = read_blurry(pair.blurry, pair.sharp, pair.white)
        again += scorer.scores(pair, restored, as_read)
        best = looks_like(restored, blurry)
        if best != number:
            said = f"{name}: the output of {pair.id} shows {pairs[best].id}"
            outcome.findings.append(("outputs", said))
        true = truths(dataset, pair, restored)
        own = [leaked_shares(restored, blurry[number], one) for one in true]
        shares += chain.from_iterable(own)
        can_restore = is_shipped or run.weights is None
        _judge_pair(outcome, own, name, pair, can_restore=can_restore)
    _judge_run(outcome, shares, is_shipped, name, pairs)
    if notes is not None:
        different = _different(name, stated, again, notes)
        outcome.findings += [("scores", said) for said in different]
    outcome.rescored += len(again)
    outcome.scores[name] = again


def _judge_pair(
    outcome: Rescored,
    shares: Sequence[list[float]],
    name: str,
    pair: Pair,
    *,
    can_restore: bool,
) -> None:
    """Suspect a pair or refuse a run whose output has too much of a sharp picture.

    Where the run's pictures can be restored here, a suspicion is tested so."""
    leaked = max((low_share(one) or 0.0 for one in shares), default=0.0)
    if leaked <= MOST_LEAKED_IN_ONE:
        return
    if can_restore:
        outcome.suspected.setdefault(name, []).append(pair)
        return
    said = _leak(name, leaked, f"the output of {pair.id}")
    outcome.findings.append(("leak", said))


def _judge_run(
    outcome: Rescored,
    shares: list[float],
    is_shipped: bool,
    name: str,
    pairs: list[Pair],
) -> None:
    """Suspect or refuse a run whose outputs have too much of the sharp pictures."""
    share = low_share(shares) or 0.0
    if share > MOST_LEAKED and is_shipped:
        outcome.suspected[name] = list(pairs)
    elif share > MOST_LEAKED:
        outcome.findings.append(("leak", _leak(name, share, "its outputs")))


def shipped_copy(run: RunFacts) -> Path | None:
    """The verifier's own file of weights that the package ships; None for other weights."""
    system = known_baselines([run.entry.system]).get(run.entry.system)
    if system is None or run.weights is None:
        return None
    stored = shipped_weights(system)
    return stored.path if stored and stored.sha256 == run.weights.sha256 else None


def _leak(run: str, share: float, where: str) -> str:
    return (
        f"{run}: {share:.1%} of the truth's finest detail is in every part of {where}"
    )


def _scorer(dataset: Dataset, stated: Sequence[Score], *, sealed: bool) -> PairScorer:
    """A scorer of the metrics that were stated, with the second flow where there is one.

    Where the truth was sealed, nothing that needs it could be stated: it gets a study's metrics."""
    names = {column_of(score.metric) for score in stated}
    if sealed:
        names |= set(metrics_for(dataset.split("test")))
    metrics = {name: metric for name, metric in all_metrics().items() if name in names}
    flows = {score.flow for score in stated if score.metric.endswith(INDEPENDENT)}
    second = flows - {""}
    if unknown := sorted(second - set(ESTIMATORS)) or sorted(second)[1:]:
        raise BundleRefusedError("format", f"{unknown[0]!r} is not its one second flow")
    independent = flow_estimator(second.pop()) if second else None
    return PairScorer(
        dataset,
        flow_estimator(ESTIMATOR),
        metrics,
        independent=independent,
    )


def _different(
    run: str,
    stated: Sequence[Score],
    again: Sequence[Score],
    notes: list[str],
) -> Iterator[str]:
    """Scores that differ, that are stated without ground, or that were left out."""
    said = {_place(one): one for one in stated if one.pair}
    unknown = sorted({metric for _, metric, _ in said} - {one.metric for one in again})
    notes += [
        f"{run}: {name} is not a metric here and is not rescored" for name in unknown
    ]
    missing_here: set[str] = set()
    for one in again:
        other = said.pop(_place(one), None)
        where = f"{run}: {one.metric} of {one.pair} under {one.protocol}"
        if other is None:
            yield f"{where} is not stated"
        elif other.value is not None and _is_missing_here(one):
            missing_here.add(f"{run}: {one.metric} was not rescored: {one.reason}")
        elif not _alike(one, other):
            yield f"{where} is {_shown(one.value)}, {_shown(other.value)} was stated"
        elif one.flow != other.flow:
            yield f"{where} has the flow {one.flow!r}, {other.flow!r} was stated"
    for protocol, metric, pair in said:
        if metric not in unknown:
            yield f"{run}: {metric} of {pair} under {protocol} is stated without ground"
    notes += sorted(missing_here)


def _place(score: Score) -> tuple[str, str, str | None]:
    """What a score is of: protocol, metric and pair."""
    return score.protocol, score.metric, score.pair


def _is_missing_here(score: Score) -> bool:
    """Whether a score has no value because its metric's package is not installed."""
    if score.value is not None:
        return False
    remedy = all_metrics()[column_of(score.metric)].remedy
    return remedy in (score.reason or "-")


def _alike(score: Score, stated: Score) -> bool:
    if score.value is None or stated.value is None:
        return score.value is stated.value
    with_flow = score.flow or score.metric == "warp_px"
    tolerance = FLOW_TOLERANCE if with_flow else TOLERANCE
    return math.isclose(score.value, stated.value, rel_tol=0.0, abs_tol=tolerance)


def _shown(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.6g}"


def read_submitted(
    bundle: OpenBundle,
    run: RunFacts,
    pair: Pair,
    shape: tuple[int, ...],
) -> Picture:
    """The submitted picture of a pair."""
    path = bundle.output(run, pair.id)
    if path is None:
        raise BundleRefusedError("pairs", f"the output of {pair.id} is missing")
    return read_output(path, shape)


def truths(dataset: Dataset, pair: Pair, restored: Picture) -> Iterator[Picture]:
    """The pictures of the truth from which something could have been blended in."""
    for protocol in ("gt", "input-aligned", "truth"):
        try:
            target = make_target(
                protocol,
                dataset,
                pair,
                restored,
                flow_estimator(ESTIMATOR),
            )
        except NotApplicableError:
            continue
        yield target.reference
