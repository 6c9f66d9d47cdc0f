"""What conformance fixtures cannot see: the dropout's share, the start of the weights."""

import math

import pytest
import torch
from torch import nn

from defocus.baselines.objectives.jdrl.objective import make
from defocus.baselines.objectives.jdrl.reblur import ReblurNet
from defocus.baselines.registry import baseline


@torch.no_grad()
@pytest.mark.parametrize("name", ["unet", "jdrl-unet"])
def test_the_unet_drops_two_fifths_in_training(name: str) -> None:
    """The share of zeros, and the scale of what is kept, of features that are all 1."""
    torch.manual_seed(0)
    network = baseline(name).build()
    assert network.training
    dropouts = [module for module in network.modules() if isinstance(module, nn.Dropout)]
    assert len(dropouts) == 1
    features = dropouts[0](torch.ones(1, 512, 16, 16))
    share = float((features == 0).float().mean())
    assert share == pytest.approx(0.4, abs=0.01)  # 131,072 draws: standard deviation 0.0014
    assert features.unique().tolist() == pytest.approx([0.0, 1 / 0.6])


@torch.no_grad()
def test_levels_four_and_five_are_dropped_by_that_share() -> None:
    """In the network itself, against the same features without dropout."""
    from defocus.baselines.systems.unet.network import UNet

    torch.manual_seed(0)
    network = UNet()
    kept: list[float] = []

    def count(_: nn.Module, given: tuple[torch.Tensor, ...], found: torch.Tensor) -> None:
        alive = given[0] > 0
        kept.append(float((found[alive] > 0).float().mean()))

    network.dropout.register_forward_hook(count)
    network(torch.rand(2, 3, 64, 64))
    assert len(kept) == 2
    assert kept == pytest.approx([0.6, 0.6], abs=0.02)


@pytest.mark.parametrize("build", [ReblurNet, lambda: make().reblurring], ids=["network", "made"])
def test_the_reblurring_network_starts_as_xaviers_normal(build: object) -> None:
    """Standard deviation sqrt(2 / (fan in + fan out)) and biases 0, in every convolution."""
    torch.manual_seed(0)
    network = build()  # type: ignore[operator]
    layers = {name: m for name, m in network.named_modules() if isinstance(m, nn.Conv2d)}
    assert len(layers) == 16
    for name, layer in layers.items():
        weights = layer.weight.detach()
        taps = layer.kernel_size[0] * layer.kernel_size[1]
        expected = math.sqrt(2 / (taps * (layer.in_channels + layer.out_channels)))
        error = 5 / math.sqrt(2 * weights.numel())  # five standard errors of a normal's deviation
        assert float(weights.std()) == pytest.approx(expected, rel=error), name
        assert float(weights.mean()) == pytest.approx(0, abs=expected * error * math.sqrt(2)), name
        beyond = float((weights.abs() > 2 * expected).float().mean())
        assert 0.02 < beyond < 0.08, f"{name}: a normal has 4.6 % there, a uniform none"
        assert layer.bias is not None
        assert not layer.bias.detach().any(), name
