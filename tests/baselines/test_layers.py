"""What conformance fixtures cannot see of networks: gradients, corrected variants, storage."""

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from defocus.baselines.layers.pointwise import Pointwise, PointwiseLinear
from defocus.baselines.layers.transformer import TransposedAttention
from defocus.baselines.registry import baseline
from defocus.baselines.systems.lakdnet.network import LaKDNet
from defocus.baselines.systems.mprnet.network import MPRNet
from defocus.baselines.systems.p2ikt.kernels import KernelFeatures, inverse_gaussians

LAKDNET = {"dim": 8, "blocks": (1, 1, 1, 1)}


def test_attention_of_black_features_has_finite_gradients() -> None:
    features = torch.zeros(1, 4, 5, 6, requires_grad=True)
    TransposedAttention(4, 2)(features).sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


@torch.no_grad()
def test_rows_as_a_batch_give_what_a_1x1_convolution_gives() -> None:
    for count, bias in ((1, True), (3, False)):
        pointwise = Pointwise(5, 7, bias=bias)
        plain = nn.Conv2d(5, 7, 1, bias=bias)
        plain.load_state_dict(pointwise.state_dict())
        features = torch.rand(count, 5, 18, 4)
        for layout in (torch.contiguous_format, torch.channels_last):
            given = features.contiguous(memory_format=layout)
            torch.testing.assert_close(pointwise(given), plain(features))


def test_tokens_as_pixels_give_what_a_linear_layer_gives_and_its_gradients() -> None:
    for shape, bias in (((2, 8, 3, 5), True), ((4, 12, 5), False), ((5, 7), True)):
        fast = PointwiseLinear(5, 7, bias=bias)
        plain = nn.Linear(5, 7, bias=bias)
        plain.load_state_dict(fast.state_dict())
        tokens = torch.rand(shape).transpose(0, 1)
        for layer in (fast, plain):
            layer(tokens).square().sum().backward()
        torch.testing.assert_close(fast(tokens), plain(tokens))
        for own, known in zip(fast.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(own.grad, known.grad)


@torch.no_grad()
def test_lakdnet_corrected_keeps_its_mixer() -> None:
    block = LaKDNet(corrected=True, **LAKDNET).encoder_level1[0]
    nn.init.zeros_(block.ffn.project_out.weight)
    features = torch.rand(1, 8, 12, 12)
    kept = features + block.mixer(block.norm1(features))
    torch.testing.assert_close(block(features), kept, rtol=0, atol=0)


def test_pixels_that_lakdnet_clips_have_no_gradient() -> None:
    network = LaKDNet(**LAKDNET).eval()
    nn.init.zeros_(network.output.weight)  # the picture itself comes out
    blurry = torch.full((1, 3, 16, 16), 0.5)
    blurry[..., :8] = 1.5
    blurry.requires_grad_()
    network(blurry).sum().backward()
    assert blurry.grad is not None
    assert float(blurry.grad[..., :8].abs().max()) == 0
    assert float(blurry.grad[..., 8:].abs().min()) == 1


def test_one_activation_serves_all_blocks_of_mprnet_and_is_stored_under_each_name() -> None:
    network = MPRNet(16, 8, 24, 1)
    state = network.state_dict()
    names = [name for name, entry in state.items() if entry.shape == (1,)]
    assert len(names) == 55 - 3 * 7  # one attention block in each of the three groups, not eight
    assert sum(p.shape == (1,) for p in network.parameters()) == 1
    stored = load(save(dict(state))) | dict.fromkeys(names, torch.tensor([0.75]))
    network.load_state_dict(stored, strict=True)
    assert network.get_parameter(names[0]).item() == 0.75
    assert not any("bias" in name for name in state)


@torch.no_grad()
def test_in_p2ikt_corrected_every_colour_meets_all_kernels_and_has_its_own() -> None:
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
    official, mended = (baseline(name).recipe() for name in ("p2ikt", "p2ikt-corrected"))
    lpips = [made.objective_settings["terms"][2]["settings"] for made in (official, mended)]
    assert lpips == [{"normalise": False}, {"normalise": True}]
