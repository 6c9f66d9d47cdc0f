"""Score a network on the pairs of one split, with the test profile."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.align.flow.estimator import FlowEstimator
from defocus.baselines.card import Card
from defocus.benchmark.evaluation.evaluate import restore_picture
from defocus.benchmark.metrics.psnr import METRIC
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.benchmark.scoring.protocols import make_target
from defocus.benchmark.scoring.score import score_picture
from defocus.benchmark.training.watch import Watch
from defocus.datasets.pair import Dataset, Pair, Split
from defocus.errors import NotApplicableError
from defocus.images import as_float, read_image

__all__ = ["watch_split"]


def watch_split(
    card: Card, dataset: Dataset, split: Split, estimator: FlowEstimator, device: torch.device
) -> Watch:
    """Make the validation of a split: mean PSNR in dB of a network, and of the blurry pictures.

    Args:
        card: The system's card.
        dataset: The dataset with the pairs.
        split: Split of the pairs.
        estimator: Flow estimator, if the profile's protocol needs one.
        device: The device to restore on.
    """
    pairs = dataset.split(split)

    def mean_score(restored_of: Callable[[Pair], NDArray[np.float64]]) -> float:
        values, reason = [], ""
        for pair in pairs:
            restored = restored_of(pair)
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

    def of_network(network: nn.Module) -> float:
        return mean_score(lambda pair: restore_picture(network, card, pair, device)[0])

    return Watch(of_network, lambda: mean_score(_blurry))


def _blurry(pair: Pair) -> NDArray[np.float64]:
    return as_float(read_image(pair.blurry)).astype(np.float64)
