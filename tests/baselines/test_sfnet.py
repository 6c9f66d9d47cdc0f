"""SFNet and FSNet: their blocks, and their learning."""

import pytest
import torch
from torch import nn

from defocus.baselines.layers.three_scales.frequency_selection import SelectiveBlock
from defocus.baselines.layers.three_scales.pooling import Pooling
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.fsnet.network import FSNet
from defocus.baselines.systems.sfnet.network import SFNet
from tests.baselines.overfitting import loss_falls_to, paired_batch


@torch.no_grad()
def test_a_fresh_block_keeps_what_deviates_in_half_of_the_channels_and_no_more() -> None:
    torch.manual_seed(0)
    block = SelectiveBlock(8, Pooling(), filters=False)
    features = torch.rand(2, 8, 6, 10)
    mixed = block.conv1(features)[:, :4]
    kept = mixed - mixed.mean(dim=(2, 3), keepdim=True)
    both = torch.cat([kept, torch.zeros_like(kept)], dim=1)
    torch.testing.assert_close(block(features), block.conv2(both) + features)


@torch.no_grad()
def test_quarters_of_the_picture_have_weights_of_their_own() -> None:
    torch.manual_seed(0)
    quadrants = SelectiveBlock(4, Pooling(), filters=False).localap
    for weights in (quadrants.h, quadrants.l):
        nn.init.normal_(weights)
    features = torch.rand(1, 2, 6, 8)
    expected = torch.empty_like(features)
    for channel in range(2):
        for down in (0, 1):
            for right in (0, 1):
                place = (0, channel, slice(3 * down, 3 * down + 3), slice(4 * right, 4 * right + 4))
                low = features[place].mean()
                number = 4 * channel + 2 * down + right
                expected[place] = quadrants.h[number] * (features[place] - low)
                expected[place] += quadrants.l[number] * low
    torch.testing.assert_close(quadrants(features), expected)


@torch.no_grad()
def test_low_and_high_share_one_softmax_over_all_channels() -> None:
    torch.manual_seed(0)
    modulation = SelectiveBlock(16, Pooling(), filters=True).dyna.modulate
    low, high = torch.rand(1, 8, 5, 6), torch.rand(1, 8, 5, 6)
    reduced = modulation.fc((low + high).mean(dim=(2, 3), keepdim=True))
    powers = [each(reduced).exp() for each in modulation.fcs]
    total = powers[0].sum() + powers[1].sum()
    expected = modulation.out(high * powers[0] / total + low * powers[1] / total)
    torch.testing.assert_close(modulation(low, high), expected)


@torch.no_grad()
def test_the_middle_half_of_a_waist_works_at_half_the_size() -> None:
    torch.manual_seed(0)
    waist = FSNet(width=8, blocks=8).eval().Encoder[0].layers
    sizes: list[int] = []
    for block in waist.layers:
        block.register_forward_hook(lambda _, given, __: sizes.append(given[0].shape[-1]))
    waist(torch.rand(1, 8, 16, 24))
    assert sizes == [24, 24, 12, 12, 12, 12, 24, 24]


@pytest.mark.parametrize("name", ["sfnet", "fsnet"])
def test_it_learns_a_batch_by_heart(name: str) -> None:
    torch.manual_seed(0)
    recipe = baseline(name).recipe()
    made = objective(recipe.objective, **recipe.objective_settings)
    network = {"sfnet": SFNet, "fsnet": FSNet}[name](width=8, blocks=4)
    assert loss_falls_to(network, made, recipe, paired_batch(32), steps=6) < 0.9
