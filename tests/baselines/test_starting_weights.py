"""What conformance fixtures cannot see: dropout, and the start of the weights."""

import math

import pytest
import torch
from torch import nn

from defocus.baselines.objectives.jdrl import make
from defocus.baselines.objectives.jdrl.reblur import ReblurNet
from defocus.baselines.registry import baseline
from defocus.baselines.systems.bokehlicious.network import Bokehlicious
from defocus.baselines.systems.dmphn.network import DMPHN
from defocus.baselines.systems.focalnet.network import DualAttention
from defocus.baselines.systems.irnext.network import IRNeXt
from defocus.baselines.systems.nafnet.network import NAFNet
from defocus.baselines.systems.unet.network import UNet


def test_levels_four_and_five_of_the_unet_drop_two_fifths_in_training():
    """In the network itself, against the same features without dropout."""
    torch.manual_seed(0)
    kept: list[float] = []

    def count(
        _: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor
    ) -> None:
        alive = given[0] > 0
        kept.append(float((output[alive] > 0).float().mean()))
        scale = (output[output > 0] / given[0][output > 0]).mean()
        assert float(scale) == pytest.approx(1 / 0.6)

    network = baseline("unet").build()
    assert network.training
    (dropout,) = (
        module for module in network.modules() if isinstance(module, nn.Dropout)
    )
    dropout.register_forward_hook(count)
    with torch.no_grad():
        network(torch.rand(2, 3, 64, 64))
    assert kept == pytest.approx([0.6, 0.6], abs=0.02)


def test_the_last_block_of_bokehlicious_is_left_out_for_a_tenth_of_the_pictures():
    torch.manual_seed(0)
    block = Bokehlicious(width=4, channels=6).blocks[-1].residual_group.blocks[-1]
    change = torch.ones(2000, 2, 2, 6)
    kept = block.train()._kept(change)
    values, counts = kept.unique(return_counts=True)
    assert values.tolist() == pytest.approx([0, 1 / 0.9])
    assert float(counts[0] / counts.sum()) == pytest.approx(0.1, abs=0.02)
    assert (kept.flatten(1).amax(1) == kept.flatten(1).amin(1)).all()
    assert block.eval()._kept(change).equal(change)


@pytest.mark.parametrize(
    "build", [ReblurNet, lambda: make().reblurring], ids=["network", "made"]
)
def test_the_reblurring_network_starts_as_xaviers_normal(build):
    """Standard deviation sqrt(2 / (fan in + fan out)) and biases 0, in every convolution."""
    torch.manual_seed(0)
    network = build()  # type: ignore[operator]
    layers = {
        name: m for name, m in network.named_modules() if isinstance(m, nn.Conv2d)
    }
    assert len(layers) == 16
    for name, layer in layers.items():
        weights = layer.weight.detach()
        taps = layer.kernel_size[0] * layer.kernel_size[1]
        expected = math.sqrt(2 / (taps * (layer.in_channels + layer.out_channels)))
        # five standard errors of a normal's deviation
        error = 5 / math.sqrt(2 * weights.numel())
        assert float(weights.std()) == pytest.approx(expected, rel=error), name
        assert float(weights.mean()) == pytest.approx(
            0, abs=expected * error * math.sqrt(2)
        ), name
        beyond = float((weights.abs() > 2 * expected).float().mean())
        assert 0.02 < beyond < 0.08, f"{name}: a normal has 4.6 % there, a uniform none"
        assert not layer.bias.detach().any(), name


def test_the_unet_starts_as_he_by_fan_out_and_dmphn_half_as_wide():
    torch.manual_seed(0)
    starts = [(layer, 1.0) for layer in UNet().modules()]
    starts.append((DMPHN(3).get_submodule("encoder_lv1.layer10.0"), 0.5))
    for layer, factor in starts:
        if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 10_000:
            fan_out = layer.out_channels * layer.kernel_size[0] * layer.kernel_size[1]
            wanted = factor * math.sqrt(2 / fan_out)
            assert float(layer.weight.detach().std()) == pytest.approx(wanted, rel=0.03)


@pytest.mark.parametrize(
    "block",
    [
        NAFNet(width=8, encoder_blocks=(1, 1, 1, 1)).encoders[0],
        DualAttention(8),
        IRNeXt(width=8, blocks=1).Encoder[0].layers[0].main[1].dynas[0],
    ],
    ids=["nafnet", "focalnet", "irnext"],
)
@torch.no_grad()
def test_blocks_start_as_identities(block):
    features = torch.rand(2, 8, 6, 7)
    torch.testing.assert_close(block.eval()(features), features, rtol=0, atol=0)
