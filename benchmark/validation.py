"""Scoring a network on the pairs of one split, under the profile of the test."""

import math

import torch
from torch import nn

from defocus.align.flow import FlowEstimator
from defocus.baselines.card import Card
from defocus.benchmark.evaluate import restore_picture
from defocus.benchmark.metrics.psnr import METRIC
from defocus.benchmark.profiles import DEFAULT, score_picture
from defocus.benchmark.protocols import make_target
from defocus.benchmark.watching import Watch
from defocus.datasets.pair import Dataset, Split
from defocus.errors import NotApplicableError

__all__ = ["watch_split"]


def watch_split(
    card: Card, dataset: Dataset, split: Split, estimator: FlowEstimator, device: torch.device
) -> Watch:
    """A function from a network to its mean PSNR on a split, dB.

    Args:
        card: Of the system.
        dataset: The pairs.
        split: Which of them.
        estimator: Flow estimator, where the profile's protocol needs one.
        device: Where to restore.
    """
    pairs = dataset.split(split)

    def score(network: nn.Module) -> float:
        values, reason = [], ""
        for pair in pairs:
            restored, _ = restore_picture(network, card, pair, device)
            try:
                target = make_target(DEFAULT.protocol, dataset, pair, restored, estimator)
            except NotApplicableError as error:  # counts in no score of the test either
                reason = str(error)
                continue
            found = score_picture(restored, target, DEFAULT, {METRIC.name: METRIC})
            values.append(found[METRIC.name].value)
        known = [value for value in values if value is not None]
        if not known:
            raise NotApplicableError(f"no {split} pair can be scored: {reason}")
        return math.fsum(known) / len(known)

    return score
