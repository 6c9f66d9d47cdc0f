"""Score a network on the pairs of one split, with the test profile."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.align.flow.estimator import FlowEstimator
from defocus.baselines.card import Card
from defocus.benchmark.evaluation.evaluate import restore_picture
from defocus.benchmark.metric.metric import Metric, all_metrics
from defocus.benchmark.metrics import psnr
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.scoring.protocols import make_target
from defocus.benchmark.scoring.score import score_picture
from defocus.benchmark.training.train import Watch
from defocus.datasets.pair import Dataset, Pair, Split
from defocus.datasets.stream.dataset import pages_of
from defocus.errors import NotApplicableError
from defocus.images import as_float, read_member

__all__ = ["watch_split", "watch_text"]


def watch_split(
    card: Card, dataset: Dataset, split: Split, estimator: FlowEstimator, device: torch.device
) -> Watch:
    """Validation on a split: mean PSNR in dB of a network, and of the blurry pictures."""
    # A stream's pages of text do not count; ``watch_text`` reads them.
    pages = pages_of(dataset, split)
    pairs = [pair for pair in dataset.split(split) if pair not in pages]
    return _watch(card, device, _Scorer(psnr.METRIC, DEFAULT.protocol, dataset, pairs, estimator))


def watch_text(
    card: Card, dataset: Dataset, split: Split, estimator: FlowEstimator, device: torch.device
) -> Watch:
    """Validation on a stream's pages of text: mean of the metric ``text``, percent."""
    pages = pages_of(dataset, split)
    metric = all_metrics().get("text")
    if metric is None:
        raise NotApplicableError("no metric 'text' is installed here")
    first = _Scorer(metric, "truth", dataset, pages[:1], estimator)
    first.mean(_blurry)  # a missing program is reported before the training, not during it
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
                target = make_target(self.protocol, self.dataset, pair, restored, self.estimator)
            except NotApplicableError as error:  # counts in no score of the test either
                reason = str(error)
                continue
            metrics = {self.metric.name: self.metric}
            found = score_picture(restored, target, DEFAULT, metrics)[self.metric.name]
            reason = found.reason or reason
            if found.value is not None:
                values.append(found.value)
        if not values:
            raise NotApplicableError(f"no pair can be scored by {self.metric.name}: {reason}")
        return math.fsum(values) / len(values)


def _watch(card: Card, device: torch.device, scorer: _Scorer) -> Watch:
    def of_network(network: nn.Module) -> float:
        return scorer.mean(lambda pair: restore_picture(network, card, pair, device)[0])

    return Watch(of_network, lambda: scorer.mean(_blurry))


def _blurry(pair: Pair) -> NDArray[np.float64]:
    return as_float(read_member(pair.blurry, pair.sharp)).astype(np.float64)
