"""Validation of a training between its steps: scores of a network on pairs, and of its input."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.align.flow.estimator import FlowEstimator
from defocus.baselines.card import Card
from defocus.benchmark.evaluation.restore import restore_picture
from defocus.benchmark.metrics import psnr
from defocus.benchmark.metrics.metric import Metric
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.scoring.protocols import make_target
from defocus.benchmark.scoring.score import score_picture
from defocus.datasets.pair import SPLITS, Dataset, Pair, Split
from defocus.datasets.patching.endless import pages_of
from defocus.errors import NotApplicableError, RegistryError
from defocus.pictures.read import read_blurry
from defocus.pictures.values import as_float
from defocus.plugins.discovery import Kind, Shape
from defocus.training.method import Training
from defocus.training.record.curves import Scores, Watching


@dataclass(frozen=True)
class Watch:
    """Validation scores of one kind, of a network and of its input; higher is better."""

    of_network: Callable[[nn.Module], float]
    of_input: Callable[[], float] | None = None
    # says its scores in the line that is printed of a validation; None: that line has none of them
    words: Callable[[Scores], str] | None = None


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

    return Watching(scores_of, due, "validation", partial(_words, watches))


def _words(watches: Mapping[str, Watch], scores: Scores) -> str:
    """The gain of the validation score over the input, if known, and what extras add to it."""
    gain = scores.get("validation_gain")
    if gain is None:
        return ""
    score = scores["validation"]
    words = f"validation {score:.2f} dB, {gain:+.2f} dB beside the input"
    for watch in watches.values():
        if watch.words is not None:
            words += f"; {watch.words(scores)}"
    return words


@dataclass(frozen=True)
class AddedWatch:
    """Scores that an extra adds to the validation of a training; weights are not chosen by them.

    Attributes:
        name: Name of the score in ``validation.csv``; not that of a split's score.
        watch: Makes what is watched on a dataset's validation pairs. It gives None where there is
            nothing for it, and raises NotApplicableError, with a sentence, where the score cannot
            be computed here.

    Raises:
        RegistryError: The name is that of a split's score.

    Examples:
        >>> from defocus.benchmark.study.validation import AddedWatch
        >>> faces = AddedWatch("validation_faces", lambda card, dataset, flow, device: None)
        >>> faces.name
        'validation_faces'
    """

    name: str
    watch: Callable[[Card, Dataset, FlowEstimator, torch.device], Watch | None]

    def __post_init__(self) -> None:
        """Refuse the name of a split's score."""
        gains = [f"{split}_gain" for split in SPLITS]
        if self.name in {*SPLITS, *gains}:
            raise RegistryError(
                f"watch '{self.name}' has the name of a split's score; give it another"
            )


WATCHES: Kind[AddedWatch] = Kind(
    "watches",
    Shape(lambda: AddedWatch),
    word="watch",
)


def added_watches() -> list[AddedWatch]:
    """What extras (folder ``watches``), packages and plug-in files add to a validation."""
    return [added for _, added in WATCHES.values()]


def watch_split(
    card: Card,
    dataset: Dataset,
    split: Split,
    estimator: FlowEstimator,
    device: torch.device,
) -> Watch:
    """Validation on a split: mean PSNR in dB of a network, and of the blurry pictures."""
    # Pages of text do not count: a score of their own reads them.
    pages = pages_of(dataset, split)
    pairs = [pair for pair in dataset.split(split) if pair not in pages]
    scorer = Scorer(psnr.METRIC, DEFAULT.protocol, dataset, pairs, estimator)
    return watch_pairs(card, device, scorer)


@dataclass(frozen=True)
class Scorer:
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

    def mean_of_input(self) -> float:
        """Mean of the blurry pictures themselves."""
        return self.mean(_blurry)


def watch_pairs(
    card: Card,
    device: torch.device,
    scorer: Scorer,
    words: Callable[[Scores], str] | None = None,
) -> Watch:
    """Validation by the scores of pairs, of a network and of the blurry pictures."""
    # what is learned does not depend on the scales
    alone = replace(card, at_scales=False)

    def of_network(network: nn.Module) -> float:
        return scorer.mean(
            lambda pair: restore_picture(network, alone, pair, device).picture
        )

    return Watch(of_network, scorer.mean_of_input, words)


def _blurry(pair: Pair) -> NDArray[np.float64]:
    return as_float(read_blurry(pair.blurry, pair.sharp, pair.white)).astype(np.float64)
