"""FocalNet, IRNeXt and OKNet: their blocks against the official formulas, and their learning."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.three_scales.frame import ThreeScales
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.focalnet.attention import DualAttention
from defocus.baselines.systems.focalnet.network import FocalNet
from defocus.baselines.systems.irnext.network import IRNeXt
from defocus.baselines.systems.oknet.network import OKNet
from defocus.baselines.systems.oknet.omni_kernel import OmniKernel
from tests.baselines.overfitting import loss_falls_to, paired_batch

NETWORKS: dict[str, type[ThreeScales]] = {"focalnet": FocalNet, "irnext": IRNeXt, "oknet": OKNet}


@torch.no_grad()
def test_focal_attention_starts_as_the_identity() -> None:
    features = torch.rand(2, 8, 6, 7)
    torch.testing.assert_close(DualAttention(8)(features), features, rtol=0, atol=0)


@torch.no_grad()
def test_the_paths_at_full_size_meet_at_their_end_alone() -> None:
    torch.manual_seed(0)
    paths = FocalNet(width=8, blocks=2).eval().Encoder[0].layers
    features = torch.rand(1, 8, 8, 12)
    other = torch.cat([features[:, :4], torch.rand(1, 4, 8, 12)], dim=1)
    first, second = paths(features), paths(other)
    torch.testing.assert_close(first[:, :4], second[:, :4], rtol=0, atol=0)
    assert (first[:, 4:] - second[:, 4:]).abs().max() > 0.01


@torch.no_grad()
def test_irnext_s_contrast_starts_as_the_identity() -> None:
    contrast = IRNeXt(width=8, blocks=1).eval().Encoder[0].layers[0].main[1].dynas[0]
    features = torch.rand(2, 8, 6, 7)
    torch.testing.assert_close(contrast(features), features, rtol=0, atol=0)


@torch.no_grad()
def test_coarser_means_feed_the_finer_ones() -> None:
    torch.manual_seed(0)
    pyramid = IRNeXt(width=8, blocks=1).eval().Encoder[0].layers[0].main[1]
    features = torch.rand(1, 8, 16, 24)
    aligned = {"mode": "bilinear", "align_corners": True}
    expected = features
    before: torch.Tensor | None = None
    for number, side in enumerate((8, 4, 2)):
        blocks = features.unfold(2, side, side).unfold(3, side, side)
        means = blocks.mean(dim=(-1, -2))
        if before is not None:
            means = means + functional.interpolate(before, scale_factor=2, **aligned)
        before = pyramid.dynas[number](pyramid.convs[number](means))
        expected = expected + functional.interpolate(before, (16, 24), **aligned)
    torch.testing.assert_close(pyramid(features), pyramid.conv_sum(functional.gelu(expected)))


@torch.no_grad()
def test_only_the_last_block_of_a_size_sees_coarser_means() -> None:
    rows = IRNeXt(width=8, blocks=3).Decoder[1].layers
    assert [isinstance(block.main[1], nn.Identity) for block in rows] == [True, True, False]


@torch.no_grad()
def test_oknet_s_first_product_needs_no_transform() -> None:
    """As it is released: by way of two transforms, a real factor per channel between them."""
    torch.manual_seed(0)
    module = OmniKernel(4)
    nn.init.normal_(module.fgm.alpha)
    mixed = torch.randn(2, 4, 6, 7)
    factor = module.fac_conv(mixed.mean(dim=(2, 3), keepdim=True))
    weighed = torch.fft.ifft2(factor * torch.fft.fft2(mixed)).abs()
    weighed = module.conv(weighed.mean(dim=(2, 3), keepdim=True)) * weighed
    content = torch.fft.fft2(module.fgm.dwconv2(weighed))
    product = torch.fft.ifft2(module.fgm.dwconv1(weighed) * content).abs()
    expected = module.fgm.alpha * product + module.fgm.beta * weighed
    torch.testing.assert_close(module._over_the_map(mixed), expected)


@pytest.mark.parametrize(("strip", "shape"), [("dw_13", (1, 63)), ("dw_31", (63, 1))])
def test_strips_lie_along_width_and_height(strip: str, shape: tuple[int, int]) -> None:
    assert OmniKernel(4).get_submodule(strip).weight.shape[2:] == shape


@pytest.mark.parametrize("name", NETWORKS)
def test_it_learns_a_batch_by_heart(name: str) -> None:
    torch.manual_seed(0)
    recipe = baseline(name).recipe()
    made = objective(recipe.objective, **recipe.objective_settings)
    network = NETWORKS[name](width=8, blocks=1)
    assert loss_falls_to(network, made, recipe, paired_batch(32), steps=6) < 0.9
