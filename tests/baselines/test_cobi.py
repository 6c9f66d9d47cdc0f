"""The contextual bilateral loss on features whose distances are known."""

import pytest
import torch

from defocus.baselines.losses.contextual_bilateral import (
    LAYERS,
    ContextualBilateral,
    contextual_bilateral,
)
from defocus.baselines.losses.perceptual import vgg19


def test_equal_features_cost_nothing_and_shifted_ones_their_way():
    draw = torch.Generator().manual_seed(0)
    features = torch.randn(1, 16, 1, 12, generator=draw)
    assert contextual_bilateral(features, features).item() == pytest.approx(
        0.0, abs=1e-6
    )
    moved = features.roll(2, dims=3)
    expected = 0.1 * (10 * 2 + 2 * 10) / 12 / 12  # ten go two places, two go ten
    assert contextual_bilateral(moved, features).item() == pytest.approx(
        expected, rel=1e-4
    )
    assert contextual_bilateral(moved, features, 0.0).item() == pytest.approx(
        0.0, abs=1e-6
    )


def test_a_shifted_picture_costs_less_than_another_one():
    draw = torch.Generator().manual_seed(1)
    first, other = torch.rand(2, 1, 3, 40, 40, generator=draw)
    loss = ContextualBilateral(None, patch_px=4)
    shifted, strange = loss(first.roll(1, dims=3), first), loss(other, first)
    assert shifted < 0.5 * strange


def test_all_layers_count_and_give_gradients():
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 32, 32, requires_grad=True)
    loss = ContextualBilateral(vgg19(max(LAYERS)).requires_grad_(False))
    assert [tuple(f.shape[1:]) for f in loss._features(picture)] == [
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
    ]
    (gradient,) = torch.autograd.grad(loss(picture, torch.rand(1, 3, 32, 32)), picture)
    assert torch.isfinite(gradient).all()
    assert float(gradient.abs().sum()) > 0
