"""LaKDNet: what its conformance fixtures cannot see."""

import pytest
import torch
from torch import nn

from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.lakdnet.network import LaKDNet
from tests.baselines.overfitting import loss_falls_to, paired_batch

NARROW = {"dim": 8, "blocks": (1, 1, 1, 1)}


@pytest.fixture
def narrow() -> LaKDNet:
    torch.manual_seed(0)
    return LaKDNet(**NARROW).eval()


@torch.no_grad()
def test_padding_is_reflection_and_is_cropped_again(narrow: LaKDNet) -> None:
    blurry = torch.rand(1, 3, 19, 30)
    padded = nn.functional.pad(blurry, (0, 2, 0, 5), mode="reflect")
    torch.testing.assert_close(narrow(blurry), narrow(padded)[..., :19, :30])


@pytest.mark.parametrize("corrected", [False, True])
@torch.no_grad()
def test_the_mixer_stays_only_where_it_is_corrected(corrected: bool) -> None:
    block = LaKDNet(corrected=corrected, **NARROW).encoder_level1[0]
    nn.init.zeros_(block.ffn.project_out.weight)
    features = torch.rand(1, 8, 12, 12)
    kept = features + block.mixer(block.norm1(features)) if corrected else features
    torch.testing.assert_close(block(features), kept, rtol=0, atol=0)


@torch.no_grad()
def test_every_layer_of_the_mixer_adds_the_mixers_input(narrow: LaKDNet) -> None:
    mixer = narrow.encoder_level1[0].mixer
    for layer in mixer.children():
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)
    normed = torch.randn(1, 8, 12, 12)
    torch.testing.assert_close(mixer(normed), normed, rtol=0, atol=0)


def test_clipped_pixels_have_no_gradient(narrow: LaKDNet) -> None:
    nn.init.zeros_(narrow.output.weight)  # the picture itself comes out
    blurry = torch.full((1, 3, 16, 16), 0.5)
    blurry[..., :8] = 1.5
    blurry.requires_grad_()
    narrow(blurry).sum().backward()
    assert blurry.grad is not None
    assert float(blurry.grad[..., :8].abs().max()) == 0
    assert float(blurry.grad[..., 8:].abs().min()) == 1


def test_dual_views_are_needed_where_they_are() -> None:
    dual, single = LaKDNet(dual=True, **NARROW), LaKDNet(**NARROW)
    blurry, views = torch.rand(1, 3, 16, 16), torch.rand(1, 6, 16, 16)
    assert dual(blurry, dual_pixel=views).shape == blurry.shape
    for network, given in ((dual, {}), (single, {"dual_pixel": views})):
        with pytest.raises(TypeError, match="dual_pixel"):
            network(blurry, **given)


@torch.no_grad()
def test_it_is_the_picture_and_no_view_that_is_added() -> None:
    dual = LaKDNet(dual=True, **NARROW)
    nn.init.zeros_(dual.output.weight)
    blurry, views = torch.rand(1, 3, 16, 16), torch.rand(1, 6, 16, 16)
    torch.testing.assert_close(dual(blurry, dual_pixel=views), blurry, rtol=0, atol=0)


def test_variants_differ_in_size_and_bit_depth() -> None:
    depths = {name: baseline(name).recipe().bit_depth for name in ("lakdnet", "lakdnet-l-dual")}
    assert depths == {"lakdnet": 8, "lakdnet-l-dual": 16}
    with torch.device("meta"):
        large = baseline("lakdnet-l-dual").build()
    assert sum(each.numel() for each in large.parameters()) == 38_415_168


@pytest.mark.parametrize("corrected", [False, True])
def test_it_learns_a_batch_by_heart(corrected: bool) -> None:
    torch.manual_seed(0)
    recipe = baseline("lakdnet").recipe()
    made = objective(recipe.objective, **recipe.objective_settings)
    network = LaKDNet(corrected=corrected, **NARROW)
    assert loss_falls_to(network, made, recipe, paired_batch(32)) < 0.8
