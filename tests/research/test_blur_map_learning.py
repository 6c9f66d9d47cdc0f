"""The map of blur can be learned again: its loss, its patterns and its network."""

import cv2
import numpy as np
import pytest
import torch

from defocus.blur.learned_map import CELL_PX, as_level, details
from research.learning import blur_map as learning

SIDE = 32


@pytest.mark.parametrize("row", [0, 1])
def test_the_loss_is_least_where_each_level_is_its_quantile(row):
    diameters = torch.linspace(0, 9, 201).view(1, 1, 1, -1)
    tried = torch.linspace(0, 3.5, 141)
    levels = torch.zeros(141, 2, 1, 1)
    levels[:, row, 0, 0] = tried
    losses = [float(learning.pinball(one[None], diameters)) for one in levels]
    wanted = as_level(diameters).flatten().quantile(learning.QUANTILES[row])
    assert float(tried[int(np.argmin(losses))]) == pytest.approx(
        float(wanted), abs=0.03
    )


def test_patterns_have_two_colours_in_eight_bits_and_are_of_many_kinds():
    random = np.random.default_rng(0)
    patterns = [learning.pattern(random, SIDE) for _ in range(20)]
    for one in patterns:
        assert one.shape == (SIDE, SIDE, 3)
        assert np.array_equal(np.rint(one * 255) / np.float32(255), one)
        assert 0 <= one.min() <= one.max() <= 1
    assert (
        sum(np.ptp(one) == 0 or one.std(axis=(0, 1)).max() < 1e-6 for one in patterns)
        < 10
    )
    assert len({round(float(one.std()), 4) for one in patterns}) > 10


@pytest.mark.full
def test_a_network_learns_to_tell_blurred_noise(monkeypatch):
    for name, value in {"STEPS": 200, "WARM_UP": 10, "BATCH": 4}.items():
        monkeypatch.setattr(learning, name, value)
    random = np.random.default_rng(1)
    features, diameters = [], []
    for number in range(16):
        sigma = (0.0, 2.5)[number % 2]
        picture = random.random((SIDE, SIDE, 3), np.float32)
        if sigma:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)
        features.append(details(torch.from_numpy(picture.transpose(2, 0, 1))[None])[0])
        diameters.append(torch.full((1, SIDE // CELL_PX, SIDE // CELL_PX), 4 * sigma))
    torch.manual_seed(0)
    network = learning.learn(features, diameters)
    with torch.no_grad():
        median = network(torch.stack(features))[:, 0].mean(dim=(1, 2))
    assert median[1::2].min() > median[0::2].max() + 0.5
