"""The circle of confusion of each cell of a picture, from the picture alone, by a small network.

It gives median and 95 % quantile: far apart where any blur is possible, as of a wall without edges.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from defocus.images import LUMA

CELL_PX = 8
LEVELS = 6
MULTIPLE_PX = 2**LEVELS // 2
WIDTH = 48
REACH = (1, 2, 4)
FAINT = 1e-3
"""Details this strong are lost in rounding; of 1."""
BELL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def as_level(diameter_px: torch.Tensor) -> torch.Tensor:
    """What the network gives for a diameter: log2(1 + d), so that small blurs count as much."""
    return torch.log2(1 + diameter_px)


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
    channels = [functional.avg_pool2d(level, CELL_PX)]
    for number in range(LEVELS):
        smooth = _smoothed(level)
        strength = (level - smooth).abs()
        size = CELL_PX // 2**number
        if size > 1:
            pooled = [functional.avg_pool2d(strength, size), functional.max_pool2d(strength, size)]
        else:
            larger = 2**number // CELL_PX
            pooled = [functional.interpolate(strength, scale_factor=larger, mode="nearest")] * 2
        channels += [torch.log2(one + FAINT) / 4 for one in pooled]
        level = smooth[..., ::2, ::2]
    return torch.cat(channels, dim=1)[..., :height, :width]


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

    def forward(self, cells: torch.Tensor) -> torch.Tensor:
        """Median and 95 % quantile (never below it), ``(N, 2, h, w)``, from :func:`details`."""
        features = self.blocks(functional.relu(self.intro(cells)))
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


LEARNED = Path(__file__).with_name("learned.safetensors")
LARGEST_PX = 30.0
"""The network has seen no larger blur; what it takes for that may be more."""
REDUCED_BY = 4
REDUCED_FROM_PX = (12.0, 20.0)
"""From here on the picture at a quarter of its size says more; in between both do."""
STRIP_PX, STRIP_MARGIN_PX = 1024, 128
"""Large pictures go through the network in strips, to bound memory."""
TOLD_FACTOR = 3.0
"""A cell says something about its blur where the 95 % quantile of 1 + d is at most so many times
the median."""
RESCUED_TO_PX = 20.0
"""The estimate of a larger blur is too small: a disc of 40 px, from which nothing comes back, may
count as 23; docs/how-to/restoring.md."""
LEAST_TOLD_SHARE = 0.02

Array = NDArray[np.float32]


@dataclass(frozen=True)
class BlurMap:
    """Estimated circles of confusion, ``(h, w)`` float32, a value for each cell of 8 x 8 px."""

    diameter_px: Array  # the median
    highest_px: Array  # 95 of 100 truths are below; far above the median as in a cloudless sky
    size: tuple[int, int]  # height and width of the picture

    def full(self) -> Array:
        """``(H, W)``: the diameter at each pixel, px."""
        return enlarged(self.diameter_px, self.size)

    def sharp(self) -> Array:
        """``(H, W)`` in [0, 1]: 1 where the picture is in focus (up to 1 px), 0 from 2.5 px on."""
        share = np.clip((2.5 - self.diameter_px) / 1.5, 0, 1).astype(np.float32)
        return enlarged(share, self.size)

    @property
    def reliable(self) -> NDArray[np.bool_]:
        """``(h, w)``: cells that say something about their blur."""
        return (1 + self.highest_px) <= TOLD_FACTOR * (1 + self.diameter_px)

    @property
    def sharpest_px(self) -> float:
        """The diameter in the sharpest tenth of what says something; 0 where nothing does."""
        diameters = self.diameter_px[self.reliable]
        if diameters.size < LEAST_TOLD_SHARE * self.diameter_px.size:
            return 0.0
        return float(np.quantile(diameters, 0.1))

    @property
    def too_blurred(self) -> bool:
        """Whether even the sharpest parts are blurred too much to be rescued."""
        return self.sharpest_px > RESCUED_TO_PX


def estimate_blur_map(picture: Array) -> BlurMap:
    """Estimate the circle of confusion in one picture ``(H, W, 3)`` in [0, 1], of any size."""
    # Large blurs are estimated at a quarter of the size. Diameters are those of discs in the
    # picture's own pixels, without the sign: in front of the plane in focus or behind it looks the
    # same.
    height, width = picture.shape[:2]
    levels = _levels(picture)
    small = cv2.resize(
        picture,
        (max(1, round(width / REDUCED_BY)), max(1, round(height / REDUCED_BY))),
        interpolation=cv2.INTER_AREA,
    )
    reduced = REDUCED_BY * _resized(_levels(np.asarray(small, np.float32)), levels.shape[:2])
    begin, end = REDUCED_FROM_PX
    share = np.clip((reduced[:, :, :1] - begin) / (end - begin), 0, 1)
    share *= (levels[:, :, :1] > begin / 2).astype(np.float32)
    both = levels + share * (reduced - levels)
    return BlurMap(both[:, :, 0].copy(), both.max(axis=2), (height, width))


def enlarged(cells: Array, size: tuple[int, int]) -> Array:
    """Values of cells at each pixel of a picture, bilinear."""
    rows, columns = (CELL_PX * count for count in cells.shape)
    wide = cv2.resize(cells, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(wide[: size[0], : size[1]], np.float32)


def _resized(levels: Array, shape: tuple[int, int]) -> Array:
    return np.asarray(cv2.resize(levels, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _levels(picture: Array) -> Array:
    """``(h, w, 2)``: diameters of the median and of the quantile, px."""
    # the inverse of :func:`as_level`
    return in_strips(lambda strip: torch.exp2(_network()(details(strip)).clamp(min=0)) - 1, picture)


@torch.inference_mode()
def in_strips(measure: Callable[..., torch.Tensor], *pictures: Array) -> Array:
    """What is measured of the cells, ``(h, w, n)``, of one or several pictures ``(H, W, 3)``."""
    height = pictures[0].shape[0]
    tensors = [
        torch.from_numpy(np.ascontiguousarray(one)).permute(2, 0, 1)[None] for one in pictures
    ]
    strips = []
    for begin in range(0, height, STRIP_PX):
        first, last = max(0, begin - STRIP_MARGIN_PX), begin + STRIP_PX + STRIP_MARGIN_PX
        cells = measure(*(_at_least_a_cell(one[:, :, first:last]) for one in tensors))[0]
        skipped = (begin - first) // CELL_PX
        strips.append(cells[:, skipped : skipped + -(-min(STRIP_PX, height - begin) // CELL_PX)])
    return np.ascontiguousarray(torch.cat(strips, dim=1).permute(1, 2, 0).numpy())


def _at_least_a_cell(picture: torch.Tensor) -> torch.Tensor:
    """Repeated outwards to 32 px, which reflection needs."""
    height, width = picture.shape[-2:]
    pad = (0, max(0, MULTIPLE_PX - width), 0, max(0, MULTIPLE_PX - height))
    return functional.pad(picture, pad, mode="replicate") if any(pad) else picture


@cache
def _network() -> BlurNetwork:
    network = BlurNetwork().eval()
    network.load_state_dict({name: one.float() for name, one in load_file(LEARNED).items()})
    return network
