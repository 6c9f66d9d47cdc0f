"""Check whether a test set may hold scenes that weights were trained on."""

from collections.abc import Collection

from defocus.baselines.card import UNKNOWN
from defocus.baselines.weights.store import StoredWeights
from defocus.datasets.pair import Dataset

__all__ = ["seen_in", "seen_reason"]

SAME_SCENES = {"dpdd-dual": "dpdd"}
"""Readers that give the scenes of another one."""


def seen_reason(weights: StoredWeights, dataset: Dataset) -> str:
    """Why weights may have been trained on a dataset's test pictures; see :func:`seen_in`."""
    return seen_in(weights.trained_on, dataset)


def seen_in(trained_on: Collection[str], dataset: Dataset) -> str:
    """Why the test pictures may have been used for training; empty if they were not."""
    # Official splits are trusted if the dataset's own reader provides them; pictures that were
    # imported, split or compensated again may be from the training set.
    reader = dataset.name.partition(":")[0]
    family = _family(dataset.source or dataset.name)
    if not trained_on or UNKNOWN in trained_on:
        if not dataset.source:
            return ""
        return f"what the weights were trained on is not known; it may be {family}"
    if family not in {_family(name) for name in trained_on}:
        return ""
    if dataset.name in trained_on or _family(reader) == family:
        return ""
    return f"scenes may be among the weights' training set {family}, whose split this is not"


def _family(name: str) -> str:
    return SAME_SCENES.get(name, name)
