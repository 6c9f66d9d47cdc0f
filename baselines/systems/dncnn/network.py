"""DnCNN with the state-dict names of cszn/KAIR (at fc1732f, models/network_dncnn.py).

Source: Zhang et al., Beyond a Gaussian Denoiser (TIP 2017)."""

import math

from torch import Tensor, nn

WIDTH = 64
NORM_EPSILON = 1e-4
NORM_MOMENTUM = 0.9
WEIGHT_GAIN = 0.2
PLAIN_WEIGHT_GAIN = math.sqrt(2)
"""Gain of the initial weights without normalisation. With the released 0.2, nothing would be left
after twenty layers."""


class DnCNN(nn.Module):
    """17 convolutions in a row (20 in the blind denoiser) predict what is subtracted."""

    # In the released weights batch normalisation is merged into the convolutions.

    def __init__(self, *, depth: int = 17, normalised: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, WIDTH, 3, padding=1), nn.ReLU()]
        for _ in range(depth - 2):
            layers.append(nn.Conv2d(WIDTH, WIDTH, 3, padding=1))
            if normalised:
                layers.append(_norm())
            layers.append(nn.ReLU())
        layers.append(nn.Conv2d(WIDTH, 3, 3, padding=1))
        self.model = nn.Sequential(*layers)
        gain = WEIGHT_GAIN if normalised else PLAIN_WEIGHT_GAIN
        for layer in self.model:
            if isinstance(layer, nn.Conv2d):
                nn.init.orthogonal_(layer.weight, gain)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], not clamped."""
        restored: Tensor = blurry - self.model(blurry)
        return restored


def _norm() -> nn.BatchNorm2d:
    """Its momentum is PyTorch's: how much of a new batch enters the running values."""
    norm = nn.BatchNorm2d(WIDTH, eps=NORM_EPSILON, momentum=NORM_MOMENTUM)
    nn.init.uniform_(norm.weight)
    return norm
