"""Restormer: what its conformance fixtures cannot see."""

import pytest
import torch
from torch import nn

from defocus.baselines.layers.pointwise import Pointwise, PointwiseLinear
from defocus.baselines.layers.transformer import TransposedAttention
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.restormer.network import Restormer
from tests.baselines.overfitting import loss_falls_to, paired_batch

NARROW = {"dim": 8, "blocks": (1, 1, 1, 1), "refinement": 1}


@pytest.fixture
def narrow() -> Restormer:
    torch.manual_seed(0)
    return Restormer(**NARROW).eval()


@torch.no_grad()
def test_attention_is_between_normalised_channels() -> None:
    torch.manual_seed(0)
    attention = TransposedAttention(4, 2)
    attention.temperature[:] = torch.tensor([0.5, 3.0]).view(2, 1, 1)
    features = torch.rand(1, 4, 5, 6)
    mixed = attention.qkv_dwconv(attention.qkv(features))[0].flatten(1).double()
    expected = torch.empty(4, 30, dtype=torch.float64)
    for head, temperature in ((0, 0.5), (1, 3.0)):
        rows = slice(2 * head, 2 * head + 2)
        query, key, value = (mixed[4 * part : 4 * part + 4][rows] for part in range(3))
        unit = [each / each.norm(dim=1, keepdim=True) for each in (query, key)]
        expected[rows] = (temperature * unit[0] @ unit[1].T).softmax(dim=1) @ value
    projected = attention.project_out(expected.float().view(1, 4, 5, 6))
    torch.testing.assert_close(attention(features), projected)


def test_attention_of_black_features_has_finite_gradients() -> None:
    attention = TransposedAttention(4, 2)
    features = torch.zeros(1, 4, 5, 6, requires_grad=True)
    attention(features).sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


@torch.no_grad()
def test_padding_is_reflection_and_is_cropped_again(narrow: Restormer) -> None:
    blurry = torch.rand(1, 3, 19, 30)
    padded = nn.functional.pad(blurry, (0, 2, 0, 5), mode="reflect")
    torch.testing.assert_close(narrow(blurry), narrow(padded)[..., :19, :30])


@torch.no_grad()
def test_a_single_picture_is_added_and_dual_views_are_not() -> None:
    for dual in (False, True):
        network = Restormer(dual=dual, **NARROW).eval()
        nn.init.zeros_(network.output.weight)
        blurry = torch.rand(1, 6 if dual else 3, 16, 16)
        expected = torch.zeros(1, 3, 16, 16) if dual else blurry
        torch.testing.assert_close(network(blurry), expected, rtol=0, atol=0)


@torch.no_grad()
def test_rows_as_a_batch_give_what_a_1x1_convolution_gives() -> None:
    for count, bias in ((1, True), (3, False)):
        pointwise = Pointwise(5, 7, bias=bias)
        plain = nn.Conv2d(5, 7, 1, bias=bias)
        plain.load_state_dict(pointwise.state_dict())
        features = torch.rand(count, 5, 18, 4)
        for layout in (torch.contiguous_format, torch.channels_last):
            given = features.contiguous(memory_format=layout)
            torch.testing.assert_close(pointwise(given), plain(features))


def test_tokens_as_pixels_give_what_a_linear_layer_gives_and_its_gradients() -> None:
    for shape, bias in (((2, 8, 3, 5), True), ((4, 12, 5), False), ((5, 7), True)):
        fast = PointwiseLinear(5, 7, bias=bias)
        plain = nn.Linear(5, 7, bias=bias)
        plain.load_state_dict(fast.state_dict())
        tokens = torch.rand(shape).transpose(0, 1)
        for layer in (fast, plain):
            layer(tokens).square().sum().backward()
        torch.testing.assert_close(fast(tokens), plain(tokens))
        for own, known in zip(fast.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(own.grad, known.grad)


def test_the_recipe_is_the_authors() -> None:
    recipe = baseline("restormer").recipe()
    dual = baseline("restormer-dual").recipe()
    assert (recipe.bit_depth, dual.bit_depth) == (8, 16)
    assert recipe.gradient_clip == 0.01
    sizes = {epoch: recipe.paper.size_at(epoch) for epoch in (0, 92, 156, 204, 240, 276, 299)}
    assert list(sizes.values()) == [
        (128, 64),
        (160, 40),
        (192, 32),
        (256, 16),
        (320, 8),
        (384, 8),
        (384, 8),
    ]
    assert recipe.learning_rate("paper", 91.9) == pytest.approx(3e-4)
    assert recipe.learning_rate("paper", 196) == pytest.approx((3e-4 + 1e-6) / 2)
    assert recipe.learning_rate("paper", 300) == pytest.approx(1e-6)


def test_it_learns_a_batch_by_heart(narrow: Restormer) -> None:
    recipe = baseline("restormer").recipe()
    made = objective(recipe.objective, **recipe.objective_settings)
    assert loss_falls_to(narrow, made, recipe, paired_batch(32)) < 0.8
