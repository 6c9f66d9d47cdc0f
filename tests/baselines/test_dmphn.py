"""DMPHN: patches, stages, training."""

import math

import pytest
import torch
from torch import nn

from defocus.baselines.layers.patch_grid import join, split
from defocus.baselines.objectives.supervised import make
from defocus.baselines.registry import baseline
from defocus.baselines.sizes.size import parameter_count
from defocus.baselines.systems.dmphn.network import DMPHN, StackedDMPHN, by_patches
from defocus.baselines.systems.dmphn.parts import Encoder
from tests.baselines.overfitting import loss_falls_to, paired_batch


@pytest.mark.parametrize("grid", [(1, 1), (2, 1), (2, 2), (4, 2)])
@torch.no_grad()
def test_each_patch_is_encoded_by_itself(grid: tuple[int, int]) -> None:
    encoder = Encoder()
    whole = torch.rand(2, 3, 32, 24)
    rows, columns = grid
    bands = [
        torch.cat([encoder(patch) for patch in band.chunk(columns, dim=3)], dim=3)
        for band in whole.chunk(rows, dim=2)
    ]
    torch.testing.assert_close(by_patches(encoder, whole, grid), torch.cat(bands, dim=2))
    assert torch.equal(join(split(whole, *grid), *grid), whole)


def silenced(network: nn.Module, biases: dict[str, float]) -> nn.Module:
    """All weights zero, so that each decoder gives a number of its own."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for name, value in biases.items():
            network.get_parameter(f"{name}.layer24.bias").fill_(value)
    return network.eval()


@torch.no_grad()
def test_a_decoder_adds_to_the_picture_of_the_next_level() -> None:
    """1-2-4-8: what the encoders see, and that the last decoder's picture is the result itself."""
    biases = {f"decoder_lv{level}": 10.0**-level for level in (1, 2, 3, 4)}
    network = silenced(DMPHN(), biases)
    seen: dict[int, float] = {}
    for level in (1, 2, 3, 4):

        def keep(_: nn.Module, given: tuple[torch.Tensor, ...], level: int = level) -> None:
            seen[level] = float(given[0].mean())

        network.get_submodule(f"encoder_lv{level}").register_forward_pre_hook(keep)
    restored = network(torch.full((1, 3, 32, 32), 0.5))
    assert seen == pytest.approx({4: 0.0, 3: 1e-4, 2: 1e-3, 1: 1e-2})
    assert float(restored.mean()) == pytest.approx(0.5 + 0.1)


@torch.no_grad()
def test_later_stages_see_the_stage_before_and_add_the_first_one() -> None:
    """Stage 3's coarsest encoder: stage 2's picture + its own decoder's + stage 1's picture."""
    biases = {f"decoder_s{stage}_lv1": 10.0**-stage for stage in (1, 2, 3)}
    network = silenced(StackedDMPHN(3), biases | {"decoder_s3_lv2": 5e-5})
    seen: dict[int, float] = {}
    for level in (1, 2, 3):

        def keep(_: nn.Module, given: tuple[torch.Tensor, ...], level: int = level) -> None:
            seen[level] = float(given[0].mean())

        network.get_submodule(f"encoder_s3_lv{level}").register_forward_pre_hook(keep)
    assert isinstance(network, StackedDMPHN)
    found = network.outputs(torch.full((1, 3, 16, 16), 0.5))
    assert seen == pytest.approx({3: 0.01, 2: 0.01, 1: 0.01 + 5e-5 + 0.1})
    stages = [float(found[name].mean()) for name in ("stage1", "stage2", "stage3", "restored")]
    assert stages == pytest.approx([0.6, 0.51, 0.501, 0.501])


def test_weights_start_half_as_wide_as_he_by_fan_out() -> None:
    layer = Encoder().layer10[0]
    assert isinstance(layer, nn.Conv2d)
    torch.manual_seed(0)
    started = DMPHN(3).get_parameter("encoder_lv1.layer10.0.weight").detach()
    assert float(started.std()) == pytest.approx(0.5 * math.sqrt(2 / (9 * 128)), rel=0.02)


def test_stacks_of_every_released_depth_have_their_size_and_losses() -> None:
    for stages in (2, 3, 4):
        system = baseline(f"dmphn-stack{stages}")
        assert parameter_count(system) == stages * 3 * 1_808_131
        assert system.recipe is not None
        terms = system.recipe().objective_settings["terms"]
        assert [term["of"] for term in terms] == [f"stage{k}" for k in range(1, stages + 1)]


def test_lengths_of_training_are_the_released_ones() -> None:
    recipes = {
        name: system.recipe()
        for name in ("dmphn", "dmphn-1-2-4", "dmphn-stack4")
        if (system := baseline(name)).recipe is not None
    }
    assert [recipe.epochs for recipe in recipes.values()] == [4000, 2400, 3000]
    rates = [recipes["dmphn"].learning_rate("paper", epoch) for epoch in (999, 1000, 3999)]
    assert rates == pytest.approx([1e-4, 1e-5, 1e-7])


@pytest.mark.full
def test_one_batch_is_learnt() -> None:
    torch.manual_seed(0)
    made = baseline("dmphn").recipe
    assert made is not None
    recipe = made()
    one = make([{"loss": "l2"}])
    assert loss_falls_to(DMPHN(3), one, recipe, paired_batch(), steps=8, learning_rate=1e-4) < 0.8
    stack = StackedDMPHN(2)
    both = make([{"loss": "l2", "of": "stage1"}, {"loss": "l2", "of": "stage2"}])
    assert loss_falls_to(stack, both, recipe, paired_batch(), steps=8, learning_rate=1e-4) < 0.8
