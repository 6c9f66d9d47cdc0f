"""A small network that says the circle of confusion in one picture.

It sees how strong details of six sizes are in each cell of 8 x 8 px, and the cells around. It gives
two values for each cell: the median and the value that 95 % of the truths do not exceed. A wall
without edges can have any blur, so the two lie far apart there.
"""

import torch
from torch import nn
from torch.nn import functional

__all__ = ["CELL_PX", "MULTIPLE_PX", "BlurNetwork", "as_diameter", "as_level", "details"]

CELL_PX = 8
LEVELS = 6
MULTIPLE_PX = 2**LEVELS // 2
WIDTH = 48
REACH = (1, 2, 4)
FAINT = 1e-3
"""Details this strong are lost in rounding; of 1."""
LUMA = (0.299, 0.587, 0.114)
BELL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def as_level(diameter_px: torch.Tensor) -> torch.Tensor:
    """What the network gives for a diameter: log2(1 + d), so that small blurs count as much."""
    return torch.log2(1 + diameter_px)


def as_diameter(level: torch.Tensor) -> torch.Tensor:
    """The inverse of :func:`as_level`, px, at least 0."""
    return torch.exp2(level.clamp(min=0.0)) - 1


def details(picture: torch.Tensor) -> torch.Tensor:
    """The strength of details of six sizes in each cell of 8 x 8 px, and its brightness."""
    # From ``(N, 3, H, W)`` in [0, 1], padded by reflection to multiples of 32 px, to
    # ``(N, 13, h, w)``: logarithms of the mean and the largest value of each level of a Laplacian
    # pyramid, and the mean luma (Burt and Adelson, IEEE Transactions on Communications 31, 1983).
    height, width = (-(-side // CELL_PX) for side in picture.shape[-2:])
    weights = torch.tensor(LUMA).view(1, 3, 1, 1)
    below, right = (-side % MULTIPLE_PX for side in picture.shape[-2:])
    padded = functional.pad(picture, (0, right, 0, below), mode="reflect")
    level = (padded * weights).sum(dim=1, keepdim=True)
    found = [functional.avg_pool2d(level, CELL_PX)]
    for number in range(LEVELS):
        smooth = _smoothed(level)
        strength = (level - smooth).abs()
        size = CELL_PX // 2**number
        if size > 1:
            pooled = [functional.avg_pool2d(strength, size), functional.max_pool2d(strength, size)]
        else:
            larger = 2**number // CELL_PX
            pooled = [functional.interpolate(strength, scale_factor=larger, mode="nearest")] * 2
        found += [torch.log2(one + FAINT) / 4 for one in pooled]
        level = smooth[..., ::2, ::2]
    return torch.cat(found, dim=1)[..., :height, :width]


def _smoothed(level: torch.Tensor) -> torch.Tensor:
    bell = torch.tensor(BELL)
    padded = functional.pad(level, (2, 2, 2, 2), mode="replicate")
    across = functional.conv2d(padded, bell.view(1, 1, 1, 5))
    return functional.conv2d(across, bell.view(1, 1, 5, 1))


class BlurNetwork(nn.Module):
    """From the details in each cell to the level (see :func:`as_level`) of its blur."""

    def __init__(self) -> None:
        super().__init__()
        self.intro = nn.Conv2d(1 + 2 * LEVELS, WIDTH, 3, padding=1)
        self.blocks = nn.Sequential(*(_Block(reach) for reach in REACH))
        self.ending = nn.Conv2d(WIDTH, 2, 1)

    def forward(self, found: torch.Tensor) -> torch.Tensor:
        """Median and 95 % quantile (never below it), ``(N, 2, h, w)``, from :func:`details`."""
        features = self.blocks(functional.relu(self.intro(found)))
        median, further = self.ending(features).split(1, dim=1)
        return torch.cat([median, median + functional.softplus(further)], dim=1)


class _Block(nn.Module):
    """Two convolutions beside the identity, which look ``reach`` cells around each."""

    def __init__(self, reach: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(WIDTH, WIDTH, 3, padding=reach, dilation=reach)
        self.second = nn.Conv2d(WIDTH, WIDTH, 3, padding=reach, dilation=reach)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.second(functional.relu(self.first(features)))
        return features + changed
