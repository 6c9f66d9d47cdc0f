"""Plain PWC-Net: features unfolded for the cost volume and concatenated before dense layers."""

import torch
from torch import nn

from defocus.align.flow.pwcnet.network import (
    DISPLACEMENTS,
    LEVEL_NAMES,
    SLOPE,
    SNIKLAUS,
    Decoder,
    PWCNet,
)


def unfolded_cost_volume(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Same result as ``cost_volume``, with 81 copies of the features."""
    count, channels, height, width = first.shape
    side = round(DISPLACEMENTS**0.5)
    copies = nn.functional.unfold(second, side, padding=side // 2)
    copies = copies.view(count, channels, DISPLACEMENTS, height, width)
    return (first[:, :, None] * copies).mean(dim=1)


class _PortedDecoder(Decoder):
    def dense(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = inputs
        for name in LEVEL_NAMES[:5]:
            features = torch.cat([self.get_submodule(name)(features), features], dim=1)
        flow: torch.Tensor = self.netSix(features)
        return flow, features


class _NaiveDecoder(_PortedDecoder):
    def volume(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return nn.functional.leaky_relu(unfolded_cost_volume(first, second), SLOPE)


def ported_network(network: PWCNet) -> PWCNet:
    """A network with the same parameters and our cost volume, whose dense layers concatenate."""
    return _twin(network, _PortedDecoder)


def naive_network(network: PWCNet) -> PWCNet:
    """A network with the same parameters that concatenates and unfolds."""
    return _twin(network, _NaiveDecoder)


def _twin(network: PWCNet, kind: type[Decoder]) -> PWCNet:
    twin = PWCNet(normalise=network.normalise)
    for level in range(2, 7):
        decoder = kind(level, SNIKLAUS, normalise=network.normalise)
        setattr(twin, LEVEL_NAMES[level - 1], decoder)
    twin.load_state_dict(network.state_dict())
    return twin.eval()
