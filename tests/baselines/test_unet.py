"""JDRL's U-Net: what its conformance fixture cannot see."""

import pytest
import torch

from defocus.baselines.registry import baseline
from defocus.baselines.systems.unet.network import UNet


@pytest.fixture(scope="module")
def network() -> UNet:
    torch.manual_seed(0)
    return UNet().eval()


def test_the_skip_of_level_four_is_taken_after_its_dropout(network: UNet) -> None:
    """With every feature dropped, levels 4 and 5 hand nothing on, neither up nor across."""
    network.train()
    network.dropout.p = 1.0
    levels = network._encode(torch.rand(1, 3, 32, 32))
    network.dropout.p = 0.4
    network.eval()
    assert [float(level.detach().abs().max()) > 0 for level in levels] == [True] * 3 + [False] * 2


def test_recipes_follow_the_paper_and_compare_with_each_other() -> None:
    systems = {
        name: baseline(name) for name in ("unet", "unet-prealigned", "unet-truth", "jdrl-unet")
    }
    recipes = {name: system.recipe() for name, system in systems.items() if system.recipe}
    paper = recipes["unet"].paper
    assert (paper.crop_px, paper.batch, paper.learning_rate) == (256, 1, 2e-5)
    assert recipes["unet"].epochs == 100
    assert recipes["unet"].learning_rate("paper", 60) == 1e-5
    assert recipes["jdrl-unet"].warmup_epochs == 15
    targets = [recipe.target for recipe in recipes.values()]
    assert targets == ["sharp", "prealigned", "truth", "sharp"]
    for recipe in recipes.values():
        assert recipe.demo == recipes["unet"].demo
        assert recipe.quick == recipes["unet"].quick
    for variant in ("unet-prealigned", "unet-truth"):
        assert systems[variant].card.variant_of == "unet"
    parameters = sum(p.numel() for p in systems["jdrl-unet"].build().parameters())
    assert parameters == 31_033_411
