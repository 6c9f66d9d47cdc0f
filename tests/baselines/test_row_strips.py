"""A network gives the same for a picture in strips as for the whole picture."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from defocus.baselines.layers.row_strips import RestoresInStrips, Strip
from defocus.baselines.systems.defocus_own.network import DefocusUNet

TINY = {"widths": (4, 6, 8, 8), "encoder": (1, 2, 1, 1), "decoder": (1, 1, 2)}


def network() -> DefocusUNet:
    torch.manual_seed(0)
    made = DefocusUNet(**TINY).eval()
    for parameter in made.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter)
    return made


def in_strips(
    made: DefocusUNet,
    blurry: torch.Tensor,
    strip_px: int,
) -> torch.Tensor:
    height, width = blurry.shape[-2:]

    def strips() -> Iterator[Strip]:
        rows = blurry.split(strip_px, dim=2)
        for number, strip in enumerate(rows, 1):
            yield Strip(strip, number == len(rows))

    restored = [strip.rows for strip in made.in_strips(strips())]
    return torch.cat(restored, dim=2)[..., :height, :width]


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("size", "strip_px"), [((128, 96), 32), ((160, 80), 16), ((157, 85), 64)]
)
@torch.no_grad()
def test_strips_give_what_the_whole_picture_gives(size, strip_px, precision):
    made = network()
    blurry = torch.rand(1, 3, *size)
    lower = precision != torch.float32
    with torch.autocast("cpu", torch.bfloat16, enabled=lower):
        whole = made(blurry)
        strips = in_strips(made, blurry, strip_px)
    largest = float((whole - blurry).abs().max())
    difference = float((strips - whole).abs().max())
    assert difference <= (3e-2 if lower else 1e-5) * largest


@torch.no_grad()
def test_nothing_is_computed_twice():
    made = network()
    blurry = torch.rand(1, 3, 320, 64)
    with FlopCounterMode(display=False) as whole:
        made(blurry)
    with FlopCounterMode(display=False) as strips:
        in_strips(made, blurry, 32)
    assert strips.get_total_flops() == whole.get_total_flops()


@torch.no_grad()
def test_a_pixel_changes_nothing_beyond_where_the_network_looks():
    made = network()
    assert isinstance(made, RestoresInStrips)
    reach = made.looks_px()
    blurry = torch.rand(1, 3, 2 * reach + 64, 32)
    changed = blurry.clone()
    changed[:, :, reach + 32] += 0.5
    rows = (made(changed) - made(blurry)).abs().amax(dim=(0, 1, 3)).nonzero().flatten()
    farthest = max(int(rows[-1]) - reach - 32, reach + 32 - int(rows[0]))
    assert reach // 2 < farthest <= reach
