"""Uformer: what its conformance fixtures cannot see."""

import numpy as np
import pytest
import torch
from torch import nn

from defocus.baselines.layers.attention.window import WindowAttention, merged, windows
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.uformer_b.network import Uformer
from tests.baselines.overfitting import loss_falls_to, paired_batch

NARROW = {"dim": 4, "depths": (2,) * 9, "heads": (1, 1, 1, 2, 2, 2, 1, 1, 1)}


@pytest.fixture
def narrow() -> Uformer:
    torch.manual_seed(0)
    return Uformer(**NARROW).eval()


@torch.no_grad()
def test_the_picture_stands_in_the_middle_of_a_black_square(narrow: Uformer) -> None:
    blurry = torch.rand(1, 3, 33, 140)
    square = torch.zeros(1, 3, 256, 256)
    square[..., 111:144, 58:198] = blurry
    torch.testing.assert_close(narrow(blurry), narrow(square)[..., 111:144, 58:198])


@torch.no_grad()
def test_corrected_pictures_are_reflected_to_rectangles() -> None:
    torch.manual_seed(0)
    corrected = Uformer(square=False, **NARROW).eval()
    blurry = torch.rand(1, 3, 100, 130)
    padded = nn.functional.pad(blurry, (0, 126, 0, 28), mode="reflect")
    torch.testing.assert_close(corrected(blurry), corrected(padded)[..., :100, :130])


def shifted_blocks(network: Uformer) -> list[str]:
    return [name for name, module in network.named_modules() if getattr(module, "shift", 0)]


def test_a_nominal_size_of_128_takes_the_shift_out_of_the_bottleneck_alone() -> None:
    trained, tested = (
        shifted_blocks(Uformer(**NARROW)),
        shifted_blocks(Uformer(nominal_px=128, **NARROW)),
    )
    assert set(trained) - set(tested) == {"conv.blocks.1"}
    assert len(trained) == 9  # every second block


@torch.no_grad()
def test_windows_come_apart_and_together_again() -> None:
    features = torch.rand(2, 16, 24, 3)
    split = windows(features)
    assert split.shape == (2, 2, 3, 64, 3)
    torch.testing.assert_close(split[1, 1, 2, 9], features[1, 9, 17])
    torch.testing.assert_close(merged(split), features, rtol=0, atol=0)


@torch.no_grad()
@pytest.mark.parametrize(
    "part", [np.s_[:, :8, :8], np.s_[:, :8, 8:12], np.s_[:, 8:12, :8], np.s_[:, 8:12, 8:12]]
)
def test_pixels_from_both_ends_of_the_picture_do_not_see_each_other(
    part: tuple[slice, ...],
) -> None:
    """A change above the seam of a rolled window changes nothing below it, and so to the sides."""
    torch.manual_seed(0)
    attention = WindowAttention(4, 2, shifted=True)
    features = torch.rand(1, 16, 16, 4)
    changed = features.clone()
    changed[part] += 1.0  # all that is seen from one of four windows
    difference = (merged(attention(windows(changed))) - merged(attention(windows(features)))).abs()
    assert float(difference[part].min()) > 1e-6
    difference[part] = 0
    assert float(difference.max()) == 0


@torch.no_grad()
def test_scores_have_a_bias_per_relative_position() -> None:
    attention = WindowAttention(2, 1, shifted=False)
    nn.init.zeros_(attention.qkv.to_q.weight)
    nn.init.zeros_(attention.qkv.to_q.bias)
    nn.init.zeros_(attention.relative_position_bias_table)
    attention.relative_position_bias_table[(1 + 7) * 15 + (-2 + 7)] = 50.0
    features = torch.rand(1, 8, 8, 2)
    _, value = attention.qkv.to_kv(features).chunk(2, dim=-1)
    attended = merged(attention(windows(features)))
    # the pixel one row above and two columns to the right of (4, 3) gets all of its attention
    torch.testing.assert_close(attended[0, 4, 3], attention.proj(value[0, 3, 5]))


def test_changes_are_left_out_in_training_alone(narrow: Uformer) -> None:
    drops = [block.drop for block in narrow.conv.blocks]
    assert drops == [0.1, 0.1]
    first = narrow.get_submodule("encoderlayer_0.blocks.0")
    last = narrow.get_submodule("decoderlayer_3.blocks.1")
    assert (first.drop, last.drop) == (0.0, 0.0)
    block = narrow.conv.blocks[0].train()
    block.drop = 0.5
    torch.manual_seed(1)
    change = block._dropped(torch.ones(64, 1, 1, 1)).flatten()
    assert set(change.tolist()) == {0.0, 2.0}
    block.eval()
    assert block._dropped(torch.ones(1)) == 1


@pytest.mark.full
def test_it_learns_a_batch_by_heart(narrow: Uformer) -> None:
    recipe = baseline("uformer-b").recipe()
    made = objective(recipe.objective, **recipe.objective_settings)
    assert loss_falls_to(narrow, made, recipe, paired_batch(64, count=1)) < 0.8
