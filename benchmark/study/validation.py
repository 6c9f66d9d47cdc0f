"""Validation of a training between its steps: scores of a network on pairs, and of its input."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.align.flow.estimator import FlowEstimator
from defocus.baselines.card import Card
from defocus.benchmark.evaluation.restore import restore_picture
from defocus.benchmark.metrics import psnr
from defocus.benchmark.metrics.metric import Metric, all_metrics
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.scoring.protocols import make_target
from defocus.benchmark.scoring.score import score_picture
from defocus.datasets.pair import Dataset, Pair, Split
from defocus.datasets.stream.dataset import pages_of
from defocus.errors import NotApplicableError
from defocus.pictures.read import read_blurry
from defocus.pictures.values import as_float
from defocus.training.method import Training
from defocus.training.record.curves import Scores, Watching

TEXT = "validation_text"
"""Name of the score on a stream's pages of text, percent of characters read rightly. Weights are
not chosen by it."""


@dataclass(frozen=True)
class Watch:
    """Validation scores of one kind, of a network and of its input; higher is better."""

    of_network: Callable[[nn.Module], float]
    of_input: Callable[[], float] | None = None


def watching_of(
    settings: Training,
    watches: Mapping[str, Watch],
    steps: int,
) -> Watching:
    """Validation at even intervals, and at the end."""
    # ``validation_gain`` is the score ``validation`` minus that of the input, and so on.
    times = settings.times if watches else 0
    due = frozenset(math.ceil(steps * k / times) for k in range(1, times + 1))
    inputs: dict[str, float] = {}

    def scores_of(network: nn.Module) -> Scores:
        scores = {split: watch.of_network(network) for split, watch in watches.items()}
        for split, watch in watches.items():
            if watch.of_input is None:
                continue
            if split not in inputs:
                inputs[split] = watch.of_input()
            scores[f"{split}_gain"] = scores[split] - inputs[split]
        return scores

    return Watching(scores_of, due, "validation", _gain)


def _gain(scores: Scores) -> str:
    """The gain of the validation score over the input, if known, and the text that is read."""
    gain = scores.get("validation_gain")
    if gain is None:
        return ""
    score = scores["validation"]
    words = f"validation {score:.2f} dB, {gain:+.2f} dB beside the input"
    if TEXT in scores:
        text_gain = scores[f"{TEXT}_gain"]
        words += f"; text {scores[TEXT]:.0f} %, {text_gain:+.0f} points"
    return words


def watch_split(
    card: Card,
    dataset: Dataset,
    split: Split,
    estimator: FlowEstimator,
    device: torch.device,
) -> Watch:
    """Validation on a split: mean PSNR in dB of a network, and of the blurry pictures."""
    # A stream's pages of text do not count; ``watch_text`` reads them.
    pages = pages_of(dataset, split)
    pairs = [pair for pair in dataset.split(split) if pair not in pages]
    return _watch(
        card,
        device,
        _Scorer(psnr.METRIC, DEFAULT.protocol, dataset, pairs, estimator),
    )


def watch_text(
    card: Card,
    dataset: Dataset,
    split: Split,
    estimator: FlowEstimator,
    device: torch.device,
) -> Watch:
    """Validation on a stream's pages of text: mean of the metric ``text``, percent."""
    pages = pages_of(dataset, split)
    metric = all_metrics().get("text")
    if metric is None:
        raise NotApplicableError("no metric 'text' is installed here")
    first = _Scorer(metric, "truth", dataset, pages[:1], estimator)
    # a missing program is reported before the training, not during it
    first.mean(_blurry)
    return _watch(card, device, _Scorer(metric, "truth", dataset, pages, estimator))


@dataclass(frozen=True)
class _Scorer:
    """Scores restored pairs by one metric under one protocol."""

    metric: Metric
    protocol: str
    dataset: Dataset
    pairs: Sequence[Pair]
    estimator: FlowEstimator

    def mean(self, restored_of: Callable[[Pair], NDArray[np.float64]]) -> float:
        """Mean over the pairs that can be scored; NotApplicableError if there are none."""
        values, reason = [], "there is none"
        for pair in self.pairs:
            restored = restored_of(pair)
            try:
                target = make_target(
                    self.protocol,
                    self.dataset,
                    pair,
                    restored,
                    self.estimator,
                )
            except NotApplicableError as error:  # counts in no score of the test either
                reason = str(error)
                continue
            metrics = {self.metric.name: self.metric}
            score = score_picture(restored, target, DEFAULT, metrics)[self.metric.name]
            reason = score.reason or reason
            if score.value is not None:
                values.append(score.value)
        if not values:
            raise NotApplicableError(
                f"no pair can be scored by {self.metric.name}: {reason}"
            )
        return math.fsum(values) / len(values)


def _watch(card: Card, device: torch.device, scorer: _Scorer) -> Watch:
    # what is learned does not depend on the scales
    alone = replace(card, at_scales=False)

    def of_network(network: nn.Module) -> float:
        return scorer.mean(
            lambda pair: restore_picture(network, alone, pair, device).picture
        )

    return Watch(of_network, lambda: scorer.mean(_blurry))


def _blurry(pair: Pair) -> NDArray[np.float64]:
    return as_float(read_blurry(pair.blurry, pair.sharp, pair.white)).astype(np.float64)
