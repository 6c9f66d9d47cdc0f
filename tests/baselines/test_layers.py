"""What conformance fixtures cannot see of networks: gradients, corrected variants, frames."""

import numpy as np
import pytest
import torch
from torch import nn

from defocus.baselines.layers.attention import WindowAttention, merged, windows
from defocus.baselines.layers.pointwise import Pointwise
from defocus.baselines.layers.transformer import TransposedAttention
from defocus.baselines.objective import Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.ffdnet.network import FFDNet
from defocus.baselines.systems.gkmnet.network import (
    GKMNet,
    GroupedBank,
    InterleavedBank,
)
from defocus.baselines.systems.lakdnet.network import LaKDNet
from defocus.baselines.systems.p2ikt.network import KernelFeatures, inverse_gaussians
from defocus.baselines.systems.uformer_b.network import Uformer
from defocus.baselines.systems.unet.network import UNet
from tests.baselines.overfitting import paired_batch

LAKDNET = {"dim": 8, "blocks": (1, 1, 1, 1)}


def test_attention_of_black_features_has_finite_gradients():
    features = torch.zeros(1, 4, 5, 6, requires_grad=True)
    TransposedAttention(4, 2)(features).sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


def test_a_gpu_gets_a_1x1_convolution_whole(monkeypatch):
    shapes = []
    forward = nn.Conv2d.forward
    monkeypatch.setattr(
        nn.Conv2d, "forward", lambda *of: shapes.append(of[1].shape) or forward(*of)
    )
    for device in ("cpu", "meta"):
        Pointwise(5, 7).to(device)(torch.zeros(2, 5, 8, 9, device=device))
    assert shapes == [(16, 5, 1, 9), (2, 5, 8, 9)]


@torch.no_grad()
def test_lakdnet_corrected_keeps_its_mixer():
    block = LaKDNet(corrected=True, **LAKDNET).encoder_level1[0]
    nn.init.zeros_(block.ffn.project_out.weight)
    features = torch.rand(1, 8, 12, 12)
    kept = features + block.mixer(block.norm1(features))
    torch.testing.assert_close(block(features), kept, rtol=0, atol=0)


def test_pixels_that_lakdnet_clips_have_no_gradient():
    network = LaKDNet(**LAKDNET).eval()
    nn.init.zeros_(network.output.weight)  # the picture itself comes out
    blurry = torch.full((1, 3, 16, 16), 0.5)
    blurry[..., :8] = 1.5
    blurry.requires_grad_()
    network(blurry).sum().backward()
    assert float(blurry.grad[..., :8].abs().max()) == 0
    assert float(blurry.grad[..., 8:].abs().min()) == 1


@torch.no_grad()
def test_in_p2ikt_corrected_every_colour_meets_all_kernels_and_has_its_own():
    torch.manual_seed(0)
    corrected = KernelFeatures(corrected=True).eval()
    bank = inverse_gaussians()
    for colour in range(3):
        torch.testing.assert_close(corrected.bank[6 * colour : 6 * colour + 6, 0], bank)
    pictures = torch.rand(2, 3, 16, 20)
    predictor = corrected.adaption_conv
    taps = predictor.ConvNet(pictures)[1, :, 2, 0]
    assert float(taps.sum()) == pytest.approx(1.0)
    expected = (taps.reshape(5, 5) * pictures[1, 2, 6:11, 8:13]).sum()
    torch.testing.assert_close(predictor(pictures)[1, 2, 8, 10], expected)
    official, mended = (
        baseline(name).recipe() for name in ("p2ikt", "p2ikt-corrected")
    )
    lpips = [
        recipe.objective_settings["terms"][2]["settings"]
        for recipe in (official, mended)
    ]
    assert lpips == [{"normalise": False}, {"normalise": True}]


UFORMER = {"dim": 4, "depths": (2,) * 9, "heads": (1, 1, 1, 2, 2, 2, 1, 1, 1)}


@pytest.fixture
def narrow():
    torch.manual_seed(0)
    return Uformer(**UFORMER).eval()


@torch.no_grad()
def test_the_picture_stands_in_the_middle_of_a_black_square(narrow):
    blurry = torch.rand(1, 3, 33, 140)
    square = torch.zeros(1, 3, 256, 256)
    square[..., 111:144, 58:198] = blurry
    torch.testing.assert_close(narrow(blurry), narrow(square)[..., 111:144, 58:198])


def test_changes_are_left_out_in_training_alone(narrow):
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


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return UNet().eval()


def test_the_skip_of_level_four_is_taken_after_its_dropout(network):
    """With every feature dropped, levels 4 and 5 hand nothing on, neither up nor across."""
    network.train()
    network.dropout.p = 1.0
    levels = network._encode(torch.rand(1, 3, 32, 32))
    network.dropout.p = 0.4
    network.eval()
    assert [float(level.detach().abs().max()) > 0 for level in levels] == [True] * 3 + [
        False
    ] * 2


@pytest.mark.parametrize("bank", [GroupedBank, InterleavedBank])
@torch.no_grad()
def test_a_small_bank_has_evenly_spaced_kernels_of_the_whole_one(bank):
    whole, third = InterleavedBank().taps[::3], bank(7).taps
    assert torch.equal(third.unique(dim=0), whole[::3].unique(dim=0))
    picture = torch.rand(1, 3, 16, 16)
    assert bank(7)(picture).shape == (1, 3 * 8, 16, 16)
    assert bank.spread(torch.rand(1, 8, 4, 4)).shape == (1, 3 * 8, 4, 4)


def test_structure_has_its_turns():
    recipe = baseline("gkmnet").recipe()
    criterion = objective(recipe.objective, **recipe.objective_settings)
    network = GKMNet().eval()
    batch = paired_batch(64, count=1)

    def kind(epoch: float) -> set[str]:
        parts = criterion(network, batch, Progress(0, epoch))[1]
        return {name.split("_")[0] for name in parts}

    with torch.no_grad():
        turns = {
            epoch: kind(epoch) for epoch in (999.9, 1000.0, 1099.9, 1100.0, 1200.0)
        }
    assert list(turns.values()) == [{"l2"}, {"ssim"}, {"ssim"}, {"l2"}, {"ssim"}]


@torch.no_grad()
def test_the_denoiser_is_told_a_level_per_picture():
    network = FFDNet(width=8, depth=3).eval()
    picture = torch.rand(1, 3, 17, 21).expand(2, -1, -1, -1)
    both = network.denoised(picture, torch.tensor([0.1, 0.4]).view(2, 1, 1, 1))
    assert both.shape == picture.shape
    assert not torch.allclose(both[0], both[1])
    torch.testing.assert_close(
        network(picture)[:1],
        network.denoised(picture[:1], torch.full((1, 1, 1, 1), 15 / 255)),
        rtol=0,
        atol=1e-5,
    )


@torch.no_grad()
@pytest.mark.parametrize(
    "part",
    [np.s_[:, :8, :8], np.s_[:, :8, 8:12], np.s_[:, 8:12, :8], np.s_[:, 8:12, 8:12]],
)
def test_pixels_from_both_ends_of_the_picture_do_not_see_each_other(part):
    """A change above the seam of a rolled window changes nothing below it, and so to the sides."""
    torch.manual_seed(0)
    attention = WindowAttention(4, 2, shifted=True)
    features = torch.rand(1, 16, 16, 4)
    changed = features.clone()
    changed[part] += 1.0  # all that is seen from one of four windows
    difference = (
        merged(attention(windows(changed))) - merged(attention(windows(features)))
    ).abs()
    assert float(difference[part].min()) > 1e-6
    difference[part] = 0
    assert float(difference.max()) == 0
