"""PWC-Net as it is usually ported: the peer that the network is measured against.

Same parameters and same result; the cost volume unfolds the features, and every dense layer
concatenates all features before it.
"""

import torch
from torch import nn

from defocus.align.pwcnet.network import LEVEL_NAMES, SLOPE, Decoder, PWCNet
from defocus.align.pwcnet.operators import DISPLACEMENTS, SNIKLAUS

__all__ = ["naive_network", "unfolded_cost_volume"]


def unfolded_cost_volume(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """As :func:`defocus.align.pwcnet.operators.cost_volume`, with 81 copies of the features."""
    count, channels, height, width = first.shape
    side = round(DISPLACEMENTS**0.5)
    copies = nn.functional.unfold(second, side, padding=side // 2)
    copies = copies.view(count, channels, DISPLACEMENTS, height, width)
    return (first[:, :, None] * copies).mean(dim=1)


class _NaiveDecoder(Decoder):
    def volume(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return nn.functional.leaky_relu(unfolded_cost_volume(first, second), SLOPE)

    def dense(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = inputs
        for name in LEVEL_NAMES[:5]:
            features = torch.cat([self.get_submodule(name)(features), features], dim=1)
        flow: torch.Tensor = self.netSix(features)
        return flow, features


def naive_network(network: PWCNet) -> PWCNet:
    """A naive twin with the parameters of a network."""
    twin = PWCNet(normalise=network.normalise)
    for level in range(2, 7):
        decoder = _NaiveDecoder(level, SNIKLAUS, normalise=network.normalise)
        setattr(twin, LEVEL_NAMES[level - 1], decoder)
    twin.load_state_dict(network.state_dict())
    return twin.eval()
