"""FFDNet with the state-dict names of cszn/KAIR.

Source: Zhang et al., FFDNet (TIP 2018); cszn/KAIR at fc1732f, models/network_ffdnet.py."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.padding import cropped, pad_to_multiple

NOISE_LEVEL = 15 / 255
"""Noise level that a deblurring network always receives."""
WEIGHT_GAIN = math.sqrt(2)
"""Gain of the initial weights. Without normalisation, the released 0.2 leaves a billionth of a
picture after twelve layers."""


class FFDNet(nn.Module):
    """Convolutions at half the size; the noise level is one more channel."""

    def __init__(
        self,
        *,
        colours: int = 3,
        width: int = 96,
        depth: int = 12,
        adds_input: bool = False,
    ) -> None:
        super().__init__()
        self.adds_input = adds_input
        layers: list[nn.Module] = [
            nn.Conv2d(4 * colours + 1, width, 3, padding=1),
            nn.ReLU(),
        ]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
        layers.append(nn.Conv2d(width, 4 * colours, 3, padding=1))
        self.model = nn.Sequential(*layers)
        for layer in self.model:
            if isinstance(layer, nn.Conv2d):
                nn.init.orthogonal_(layer.weight, WEIGHT_GAIN)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], not clamped."""
        return self.denoised(blurry, blurry.new_full((1, 1, 1, 1), NOISE_LEVEL))

    def denoised(self, noisy: Tensor, level: Tensor) -> Tensor:
        """The picture without noise of a level (deviation, of 1); the network gives it itself."""
        # Odd sides are continued by their last row and column.
        halves = functional.pixel_unshuffle(pad_to_multiple(noisy, 2, "replicate"), 2)
        level_map = level.expand(len(halves), 1, *halves.shape[-2:])
        given = functional.pixel_shuffle(
            self.model(torch.cat([halves, level_map], dim=1)),
            2,
        )
        given = cropped(given, noisy)
        return noisy + given if self.adds_input else given
