"""A small network that tells the circle of confusion from one picture.

It gives two values for each cell of 8 x 8 px: the median and the value that 95 % of the truths do
not exceed. A patch without edges can have any blur, so the two lie far apart there.
"""

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.padding import pad_to_multiple

__all__ = ["CELL_PX", "BlurNetwork", "as_diameter", "as_level"]

CELL_PX = 8
FOLD = 4
WIDTHS = (32, 56, 80)
COARSEST_PX = 16


def as_level(diameter_px: torch.Tensor) -> torch.Tensor:
    """What the network gives for a diameter: log2(1 + d), so that small blurs count as much."""
    return torch.log2(1 + diameter_px)


def as_diameter(level: torch.Tensor) -> torch.Tensor:
    """The inverse of :func:`as_level`, px, at least 0."""
    return torch.exp2(level.clamp(min=0.0)) - 1


class BlurNetwork(nn.Module):
    """From a picture to the level (see :func:`as_level`) of each cell's circle of confusion."""

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.intro = nn.Conv2d(3 * FOLD**2, fine, 3, padding=1)
        self.fine = _Block(fine)
        self.down = nn.Conv2d(fine, middle, 2, stride=2)
        self.middle = nn.Sequential(_Block(middle), _Block(middle))
        self.down_again = nn.Conv2d(middle, coarse, 2, stride=2)
        self.coarse = nn.Sequential(_Block(coarse), _Block(coarse), _Block(coarse))
        self.up = nn.Conv2d(coarse, middle, 1)
        self.joined = _Block(middle)
        self.ending = nn.Conv2d(middle, 2, 1)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Two levels for each cell.

        Args:
            picture: ``(N, 3, H, W)`` float32 RGB in [0, 1]; padded by reflection on the right and
                below to whole cells.

        Returns:
            ``(N, 2, ceil(H / 8), ceil(W / 8))``: the median, and the 95 % quantile, which is
            nowhere below it.
        """
        height, width = (-(-side // CELL_PX) for side in picture.shape[-2:])
        padded = pad_to_multiple(picture, COARSEST_PX)
        folded = functional.pixel_unshuffle(padded - 0.5, FOLD)
        fine = self.fine(functional.relu(self.intro(folded)))
        middle = self.middle(self.down(fine))
        coarse = self.coarse(self.down_again(middle))
        spread = functional.interpolate(self.up(coarse), scale_factor=2, mode="bilinear")
        median, further = self.ending(self.joined(middle + spread)).split(1, dim=1)
        levels = torch.cat([median, median + functional.softplus(further)], dim=1)
        return levels[..., :height, :width]


class _Block(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.second(functional.relu(self.first(features)))
        return features + changed
