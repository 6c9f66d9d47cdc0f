"""The share of a change that is kept is learned from what restoring gains and loses."""

import cv2
import numpy as np
import pytest
import torch

from research.learning import share as learning
from research.learning.share import error_left, learn, softened
from tests.restoration.test_guard import middle


@pytest.mark.full
def test_the_share_with_the_least_error_is_learned(monkeypatch):
    """The first number says whether the change is right."""
    monkeypatch.setattr(learning, "STEPS", 300)
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    change = np.full(16, 1e-2, np.float32)
    samples = []
    for _ in range(64):
        seen = random.standard_normal((16, 54)).astype(np.float32)
        right = change * (seen[:, 0] > 0)
        samples.append((5 + seen, np.stack([change, right, right]), 1.0))
    network = learn(samples)
    seen = torch.from_numpy(np.concatenate([one for one, _, _ in samples]))
    share = torch.sigmoid(network(seen))[:, 0]
    assert share[seen[:, 0] < 4.5].mean() < 0.3
    assert share[seen[:, 0] > 5.5].mean() > 0.7


def test_the_error_is_that_of_the_mixed_picture():
    random = np.random.default_rng(0)
    blurry, restored, sharp = random.random((3, 32, 32, 3)).astype(np.float32)
    errors = torch.from_numpy(
        learning._blocks(learning._errors(blurry, restored, sharp)).T
    )[None]
    mixed = blurry + 0.3 * (restored - blurry)
    left = error_left(torch.full((1, 1), 0.3), errors)
    assert float(left) == pytest.approx(
        float(np.square(mixed - sharp).mean()), rel=1e-4
    )


@pytest.mark.parametrize("number", range(8))
def test_a_softened_picture_has_its_size_and_fewer_details(number):
    picture = np.rint(255 * middle("coffee")).astype(np.uint8)
    soft = softened(np.random.default_rng(number), picture)
    assert soft.shape == picture.shape
    assert soft.dtype == np.uint8
    before, after = (cv2.Laplacian(one, cv2.CV_32F).std() for one in (picture, soft))
    assert 0 < after < before
