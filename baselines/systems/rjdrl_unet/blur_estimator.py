"""The parts that reblurring-guided JDRL adds to a network: blur estimator and channel attention."""

import torch
from torch import nn

from defocus.baselines.objectives.jdrl.reblur import LEVELS, Trunk
from defocus.baselines.operators.reblurring.rings import seed_count

__all__ = ["CORE", "BlurEstimator", "ChannelAttention"]

CORE = seed_count(LEVELS)
"""Radial samples of all kernels: what the estimator predicts of each pixel."""
FEATURES = 32
BIAS = 0.1
REDUCTION = 16


class BlurEstimator(Trunk):
    """From the blurry picture alone to the kernels' radial samples that R finds for it."""

    def __init__(self) -> None:
        super().__init__(3, CORE, FEATURES)
        self.apply(_initialise)


class ChannelAttention(nn.Module):
    """Squeeze and excitation: each channel of picture and blur estimate gets a factor.

    Args:
        channels: Of the input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        between = channels // REDUCTION
        self.fc = nn.Sequential(
            nn.Linear(channels, between, bias=False),
            nn.ReLU(),
            nn.Linear(between, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """The maps ``(N, C, H, W)``, each times its factor in (0, 1)."""
        factors: torch.Tensor = self.fc(maps.mean(dim=(2, 3)))
        return maps * factors[:, :, None, None]


def _initialise(module: nn.Module) -> None:
    """He's initialisation by fan-out, biases 0.1, as the released code."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.constant_(module.bias, BIAS)
