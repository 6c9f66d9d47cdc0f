"""FSIM against pinned values of an independent implementation."""

import json
from pathlib import Path

import numpy as np
import pytest

from defocus.benchmark.metrics.fsim import METRIC, feature_similarity
from defocus.benchmark.metrics.metric import MetricUnavailableError

FIXTURE = Path(__file__).parent / "fsim"
VALUES = json.loads((FIXTURE / "meta.json").read_text())["values"]


@pytest.mark.parametrize("name", VALUES)
def test_pinned_values(name: str) -> None:
    kind, output = name.split("_")
    with np.load(FIXTURE / "input.npz") as pictures:
        restored, reference = pictures[output] / 255, pictures[f"ref{output[-1]}"] / 255
    everywhere = np.ones(restored.shape[:2], dtype=bool)
    found = feature_similarity(restored, reference, everywhere, chroma=kind == "fsimc")
    assert found == pytest.approx(VALUES[name], abs=1e-9)
    if kind == "fsimc":
        assert METRIC.score(restored, reference, everywhere) == found


def test_equal_pictures_are_one_and_what_the_mask_hides_does_not_count() -> None:
    random = np.random.default_rng(0)
    reference = random.random((48, 60, 3))
    mask = np.ones((48, 60), dtype=bool)
    assert METRIC.score(reference, reference, mask) == pytest.approx(1, abs=1e-12)
    mask[:, 30:] = False
    noise = random.random(reference.shape)
    restored = np.where(mask[:, :, None], 0.7 * reference + 0.3 * noise, reference)
    hidden = np.where(mask[:, :, None], restored, noise)
    assert METRIC.score(hidden, reference, mask) == METRIC.score(restored, reference, mask) < 1


def test_pictures_without_structure_have_a_reason() -> None:
    grey = np.full((32, 32, 3), 0.5)
    with pytest.raises(MetricUnavailableError, match="structure"):
        METRIC.score(grey, grey, np.ones((32, 32), dtype=bool))
