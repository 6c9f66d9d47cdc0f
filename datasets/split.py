"""Splits by scene for datasets without official splits."""

import hashlib
import os
from collections.abc import Iterable

from defocus.datasets.pair import Split

__all__ = ["scene_splits"]

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1


def scene_splits(scenes: Iterable[str]) -> dict[str, Split]:
    """The split of each scene, from a hash of its name; it stays when others are added."""
    # Small datasets are adjusted: there is always a test scene, and with two or more scenes also a
    # training scene.
    places = {scene: _place(scene) for scene in scenes}
    splits = {scene: _split(place) for scene, place in places.items()}
    if splits and "test" not in splits.values():
        splits[min(places, key=lambda scene: (places[scene], scene))] = "test"
    if len(splits) >= 2 and "train" not in splits.values():
        splits[max(places, key=lambda scene: (places[scene], scene))] = "train"
    return splits


def _place(scene: str) -> float:
    """A number in [0, 1) that depends only on the name."""
    return int.from_bytes(hashlib.sha256(os.fsencode(scene)).digest()[:8], "big") / 2.0**64


def _split(place: float) -> Split:
    if place < TEST_SHARE:
        return "test"
    return "validation" if place < TEST_SHARE + VALIDATION_SHARE else "train"
