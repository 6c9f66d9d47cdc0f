"""What is read on a stream's pages of text, at each validation of a training."""

import torch

from defocus.align.flow.estimator import FlowEstimator
from defocus.baselines.card import Card
from defocus.benchmark.study.validation import AddedWatch, Scorer, Watch, watch_pairs
from defocus.datasets.pair import Dataset
from defocus.datasets.patching.endless import pages_of
from defocus.errors import NotApplicableError
from defocus.extras.text.metrics.legibility import METRIC
from defocus.training.record.curves import Scores

NAME = "validation_text"


def _watch(
    card: Card,
    dataset: Dataset,
    estimator: FlowEstimator,
    device: torch.device,
) -> Watch | None:
    """Mean of the metric ``text`` on the pages, percent of characters that are read rightly."""
    pages = pages_of(dataset, "validation")
    if not pages:
        return None
    try:
        # a missing program is reported before the training, not during it
        Scorer(METRIC, "truth", dataset, pages[:1], estimator).mean_of_input()
    except NotApplicableError as error:
        raise NotApplicableError(
            f"its validation reads no pages of text: {error}"
        ) from error
    scorer = Scorer(METRIC, "truth", dataset, pages, estimator)
    return watch_pairs(card, device, scorer, words)


def words(scores: Scores) -> str:
    """How much of the pages is read, and what a network gains, in percent of the characters."""
    gain = scores[f"{NAME}_gain"]
    return f"text {scores[NAME]:.0f} %, {gain:+.0f} points"


WATCH = AddedWatch(NAME, _watch)
