"""Uformer: what its conformance fixtures cannot see."""

import pytest
import torch
from torch import nn

from defocus.baselines.systems.uformer_b.network import Uformer

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
