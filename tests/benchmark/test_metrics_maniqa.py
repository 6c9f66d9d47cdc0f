"""MANIQA beside its network, which a conformance fixture covers: crops, and weights that lack."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from defocus.baselines.weights.backbone_files import BACKBONES, fetch
from defocus.benchmark.metrics import maniqa
from defocus.benchmark.metrics.metric import MetricUnavailableError, all_metrics
from defocus.storage.files import sha256_file

MANIQA = all_metrics()["maniqa"]
PICTURE = np.random.default_rng(0).random((240, 300, 3))
EVERYWHERE = np.ones(PICTURE.shape[:2], dtype=bool)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A file in place of the authors', fetched from a copy as a person without a network does."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    copy = tmp_path / "copy.pt"
    torch.save({"a": torch.ones(2)}, copy)
    file = replace(BACKBONES["maniqa"], sha256_prefix=sha256_file(copy))
    monkeypatch.setitem(BACKBONES, "maniqa", file)
    cached = (maniqa._missing, maniqa._weights)
    for each in cached:
        each.cache_clear()
    yield lambda: fetch(file, str(copy))
    for each in cached:
        each.cache_clear()


def test_without_its_weights_it_says_what_to_do(weights, refused):
    assert not MANIQA.ready()
    with refused(MetricUnavailableError):
        MANIQA.score(PICTURE, PICTURE, EVERYWHERE)


def test_the_score_is_the_mean_of_the_crops_that_the_authors_program_draws(
    weights, monkeypatch, refused
):
    weights()
    assert MANIQA.ready()
    seen = []

    def quality(given: dict[str, torch.Tensor], crop: torch.Tensor) -> torch.Tensor:
        assert list(given) == ["a"]
        seen.append(crop)
        return crop.mean(dim=(1, 2, 3))

    monkeypatch.setattr(maniqa, "quality", quality)
    score = MANIQA.score(PICTURE, PICTURE, EVERYWHERE)
    np.random.seed(20)  # noqa: NPY002 - as the authors' program does
    for crop in seen:
        top = np.random.randint(0, 240 - 224)  # noqa: NPY002
        left = np.random.randint(0, 300 - 224)  # noqa: NPY002
        part = PICTURE[top : top + 224, left : left + 224].transpose(2, 0, 1)
        assert np.allclose(crop[0], 2 * part - 1, atol=1e-6)
    assert len(seen) == 20
    assert score == pytest.approx(np.mean([float(crop.mean()) for crop in seen]))
    small = slice(0, 224)
    with refused(MetricUnavailableError):
        MANIQA.score(PICTURE[small], PICTURE[small], EVERYWHERE[small])
