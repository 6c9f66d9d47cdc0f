"""NAFNet: what its conformance fixtures cannot see."""

import pytest
import torch
from torch import nn

from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.nafnet.network import NAFNet
from tests.baselines.overfitting import loss_falls_to, paired_batch

NARROW = {"width": 8, "encoder_blocks": (1, 1, 1, 1)}


@pytest.fixture
def narrow() -> NAFNet:
    torch.manual_seed(0)
    return NAFNet(**NARROW).eval()


@torch.no_grad()
def test_padding_is_black_and_is_cropped_again(narrow: NAFNet) -> None:
    blurry = torch.rand(1, 3, 19, 30)
    padded = nn.functional.pad(blurry, (0, 2, 0, 13))
    torch.testing.assert_close(narrow(blurry), narrow(padded)[..., :19, :30])


@torch.no_grad()
def test_blocks_start_as_identities(narrow: NAFNet) -> None:
    features = torch.rand(2, 8, 6, 7)
    torch.testing.assert_close(narrow.encoders[0](features), features, rtol=0, atol=0)


@torch.no_grad()
def test_a_block_gates_halves_and_weighs_by_the_mean(narrow: NAFNet) -> None:
    block = narrow.encoders[0][0]
    nn.init.ones_(block.beta)
    features = torch.rand(1, 8, 6, 7)
    pixels = features.permute(0, 2, 3, 1).double()
    spread = (pixels.var(dim=-1, keepdim=True, unbiased=False) + 1e-6).sqrt()
    normed = ((pixels - pixels.mean(dim=-1, keepdim=True)) / spread).permute(0, 3, 1, 2).float()
    wide = block.conv2(block.conv1(normed))
    gated = wide[:, :8] * wide[:, 8:]
    weighed = gated * block.sca[1](gated.mean(dim=(2, 3), keepdim=True))
    torch.testing.assert_close(block(features), features + block.conv3(weighed))


def test_recipes_are_the_authors_for_gopro() -> None:
    narrow, wide = (baseline(name).recipe() for name in ("nafnet", "nafnet-w64"))
    assert (narrow.paper.steps, narrow.paper.batch) == (200_000, 32)
    assert (wide.paper.steps, wide.paper.batch) == (400_000, 64)
    for recipe in (narrow, wide):
        assert recipe.optimiser.betas == (0.9, 0.9)
        assert recipe.gradient_clip == 0.01
        assert recipe.learning_rate("paper", recipe.epochs / 2) == pytest.approx(5e-4, rel=1e-3)


def test_it_learns_a_batch_by_heart(narrow: NAFNet) -> None:
    """The loss is in dB here: a fall is taken from the squared error."""
    recipe = baseline("nafnet").recipe()
    squares = objective("supervised", terms=[{"loss": "l2"}])
    assert loss_falls_to(narrow, squares, recipe, paired_batch(32)) < 0.8
