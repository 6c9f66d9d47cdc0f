"""The circle of confusion of each cell of a picture, from the picture alone, by a small network.

It gives median and 95 % quantile: far apart where any blur is possible, as of a wall without edges.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from defocus.blur.large_blur import SCALES, with_large_blur
from defocus.pictures.values import LUMA
from defocus.processes.freed_memory import return_freed_memory
from defocus.storage.tensor_files import load_tensors
from defocus.strips import Colours, strips

CELL_PX = 8
LEVELS = 6
MULTIPLE_PX = 2**LEVELS // 2
WIDTH = 48
REACH = (1, 2, 4)
FAINT = 1e-3
"""Contrast of detail, as a share of white, that rounding to 8 bits hides."""
BELL = (
    1 / 16,
    4 / 16,
    6 / 16,
    4 / 16,
    1 / 16,
)


BAND_PX = 2**19
"""Pixels that are smoothed at once: the convolution takes 64 bytes for each, which stay in the
processor's cache."""


def as_level(diameter_px: torch.Tensor) -> torch.Tensor:
    """The network's number for a diameter: log2(1 + d), so that small blurs count as much."""
    return torch.log2(1 + diameter_px)


def details(picture: torch.Tensor) -> torch.Tensor:
    """The strength of details of six sizes in each cell of 8 x 8 px, and its brightness."""
    # From ``(N, 3, H, W)`` in [0, 1], padded by reflection to multiples of 32 px, to
    # ``(N, 13, h, w)``: logarithms of the mean and the largest value of each level of a Laplacian
    # pyramid, and the mean luma (Burt and Adelson, IEEE Transactions on Communications 31, 1983).
    height, width = (-(-side // CELL_PX) for side in picture.shape[-2:])
    below, right = (-side % MULTIPLE_PX for side in picture.shape[-2:])
    level = _luma(picture)
    if below or right:
        level = functional.pad(level, (0, right, 0, below), mode="reflect")
    channels = [functional.avg_pool2d(level, CELL_PX)]
    for number in range(LEVELS):
        smooth = _smoothed(level)
        pooled = _mean_and_largest((level - smooth).abs_(), number)
        channels += [torch.log2(one + FAINT) / 4 for one in pooled]
        level = smooth[..., ::2, ::2]
    return torch.cat(channels, dim=1)[..., :height, :width]


def _mean_and_largest(strength: torch.Tensor, number: int) -> list[torch.Tensor]:
    """Mean and largest strength of details in each cell, at level ``number`` of the pyramid."""
    size = CELL_PX // 2**number
    if size > 1:
        return [
            functional.avg_pool2d(strength, size),
            functional.max_pool2d(strength, size),
        ]
    larger = 2**number // CELL_PX
    return [functional.interpolate(strength, scale_factor=larger, mode="nearest")] * 2


def _luma(picture: torch.Tensor) -> torch.Tensor:
    """``(N, 1, H, W)``; colour by colour, as large pictures have large copies."""
    luma = picture[:, :1] * LUMA[0]
    luma += picture[:, 1:2] * LUMA[1]
    luma += picture[:, 2:] * LUMA[2]
    return luma.contiguous()


def _smoothed(level: torch.Tensor) -> torch.Tensor:
    padded = functional.pad(level, (2, 2, 2, 2), mode="replicate")
    height, width = level.shape[-2:]
    bands = max(1, round(height * width / BAND_PX))
    rows = -(-height // bands)
    smooth = torch.empty_like(level)
    for top in range(0, height, rows):
        smooth[..., top : top + rows, :] = _convolved(
            padded[..., top : top + rows + 4, :]
        )
    return smooth


def _convolved(padded: torch.Tensor) -> torch.Tensor:
    bell = torch.tensor(BELL)
    across = functional.conv2d(padded, bell.view(1, 1, 1, 5))
    return functional.conv2d(across, bell.view(1, 1, 5, 1))


class BlurNetwork(nn.Module):
    """From the details in each cell to the level (see :func:`as_level`) of its blur."""

    def __init__(self) -> None:
        super().__init__()
        self.intro = nn.Conv2d(1 + 2 * LEVELS, WIDTH, 3, padding=1)
        self.blocks = nn.Sequential(*map(_Block, REACH))
        self.ending = nn.Conv2d(WIDTH, 2, 1)

    def forward(self, cells: torch.Tensor) -> torch.Tensor:
        """Median and 95 % quantile (never below it), ``(N, 2, h, w)``, from :func:`details`."""
        features = self.blocks(functional.relu(self.intro(cells)))
        median, further = self.ending(features).split(1, dim=1)
        return torch.cat([median, median + functional.softplus(further)], dim=1)


class _Block(nn.Module):
    """Two convolutions added to the identity; they look ``reach`` cells around each."""

    def __init__(self, reach: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(WIDTH, WIDTH, 3, padding=reach, dilation=reach)
        self.second = nn.Conv2d(WIDTH, WIDTH, 3, padding=reach, dilation=reach)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.second(functional.relu(self.first(features)))
        return features + changed


LEARNED = Path(__file__).with_name("learned.safetensors")
LARGEST_PX = 128.0
"""Largest diameter of the circle of confusion that the map is right for, px."""
REDUCED_BY = 4
REDUCED_FROM_PX = (12.0, 20.0)
"""Diameters between which the picture at a quarter of its size takes over from the whole one,
px."""
STRIP_PX, STRIP_MARGIN_PX = 1024, 128
"""Height and margin, px, of the strips in which large pictures go through the network, to bound
memory."""
WIDE_PX = 6144
"""Width above which strips have half that height: details take 60 bytes a pixel of the strip."""
TOLD_FACTOR = 3.0
"""Largest ratio of the 95 % quantile of 1 + d to its median at which a cell says something about
its blur."""
RESCUED_TO_PX = 120.0
"""Circle of confusion in the map, px, above which hardly anything can be restored. A disc of 128
px, where restoring still gains 2 dB, reads 93 to 122 px in the sharpest parts; one of 360 px reads
123."""
SHARP_PX = (1.0, 2.5)
"""Diameters, px, up to which a part is in focus, and from which on it surely is not."""
LEAST_TOLD_SHARE = 0.02

Array = NDArray[np.float32]


@dataclass(frozen=True)
class BlurMap:
    """Estimated circles of confusion, ``(h, w)`` float32, a value for each cell of 8 x 8 px."""

    diameter_px: Array  # the median
    highest_px: (
        Array  # 95 of 100 truths are below; far above the median as in a cloudless sky
    )
    strong: Array  # in [0, 1]: how surely the blur is above 20 to 26 px
    size: tuple[int, int]  # height and width of the picture

    def full(self) -> Array:
        """``(H, W)``: the diameter at each pixel, px."""
        return enlarged(self.diameter_px, self.size)

    def sharp(self) -> Array:
        """``(H, W)`` in [0, 1]: 1 where the picture is in focus (up to 1 px), 0 from 2.5 px on."""
        return enlarged(self._sharp_share(*SHARP_PX), self.size)

    def sharp_rows(
        self,
        top: int,
        bottom: int,
        ends_px: tuple[float, float] = SHARP_PX,
    ) -> Array:
        """Rows ``top`` to ``bottom`` - 1 of :meth:`sharp`, also with other ends."""
        share = self._sharp_share(*ends_px)
        return enlarged_rows(share, CELL_PX, top, bottom, self.size[1])

    def _sharp_share(self, sharp_px: float, blurred_px: float) -> Array:
        share = (blurred_px - self.diameter_px) / (blurred_px - sharp_px)
        return np.asarray(np.clip(share, 0, 1), np.float32)

    @property
    def reliable(self) -> NDArray[np.bool_]:
        """``(h, w)``: cells that say something about their blur."""
        return (1 + self.highest_px) <= TOLD_FACTOR * (1 + self.diameter_px)

    @property
    def sharpest_px(self) -> float | None:
        """The diameter in the sharpest tenth of the cells that say something; None if none does."""
        diameters = self.diameter_px[self.reliable]
        if diameters.size < LEAST_TOLD_SHARE * self.diameter_px.size:
            return None
        return float(np.quantile(diameters, 0.1))

    @property
    def too_blurred(self) -> bool:
        """Whether even the sharpest parts are blurred too much to be rescued."""
        return self.sharpest_px is not None and self.sharpest_px > RESCUED_TO_PX


def estimate_blur_map(picture: Colours) -> BlurMap:
    """Estimate the circle of confusion in one picture ``(H, W, 3)`` in [0, 1], of any size."""
    # Diameters are those of discs in the picture's own pixels, without the sign: in front of the
    # plane in focus or behind it looks the same. The network knows blurs up to some 30 px, so it
    # also looks at the picture at 1/2, 1/4 and 1/8 of its size.
    copies = reduced(picture, SCALES[1:])
    scales = {1: estimates(picture)}
    scales |= {factor: estimates(copy) for factor, copy in copies.items()}
    small = _small_blur(scales[1], scales[REDUCED_BY])
    both, strong = with_large_blur(small, scales)
    height, width = picture.shape[:2]
    return_freed_memory(height * width)
    return BlurMap(both[:, :, 0].copy(), both.max(axis=2), strong, (height, width))


def _small_blur(whole: Array, quarter: Array) -> Array:
    """``(h, w, 2)``: diameters where the blur is small, px; above some 12 px from the quarter."""
    reduced_px = REDUCED_BY * _resized(quarter, whole.shape[:2])
    begin, end = REDUCED_FROM_PX
    share = np.clip((reduced_px[:, :, :1] - begin) / (end - begin), 0, 1)
    share *= (whole[:, :, :1] > begin / 2).astype(np.float32)
    return np.asarray(whole + share * (reduced_px - whole), np.float32)


def enlarged(cells: Array, size: tuple[int, int]) -> Array:
    """Values of cells at each pixel of a picture, bilinear."""
    rows, columns = (CELL_PX * count for count in cells.shape)
    wide = cv2.resize(cells, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(wide[: size[0], : size[1]], np.float32)


def enlarged_rows(
    small: Colours,
    factor: int,
    top: int,
    bottom: int,
    width: int,
) -> Array:
    """Rows ``top`` to ``bottom`` - 1 of what is enlarged by a factor, bilinear, to a width."""
    # A row more on both sides makes strips equal to the whole.
    first = max(0, top // factor - 1)
    last = min(small.shape[0], -(-bottom // factor) + 1)
    part = small[first:last]
    size = part.shape[1] * factor, len(part) * factor
    wide = cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)
    begin = top - first * factor
    return np.asarray(wide[begin : begin + bottom - top, :width], np.float32)


def _resized(levels: Array, shape: tuple[int, int]) -> Array:
    return np.asarray(
        cv2.resize(levels, shape[::-1], interpolation=cv2.INTER_LINEAR),
        np.float32,
    )


def estimates(picture: Colours) -> Array:
    """``(h, w, 2)``: diameters of the median and of the quantile, px."""
    # the inverse of :func:`as_level`
    return in_strips(
        lambda strip: torch.exp2(_network()(details(strip)).clamp(min=0)) - 1,
        picture,
    )


def reduced(picture: Colours, factors: Sequence[int]) -> dict[int, Array]:
    """The picture at fractions of its size, by the means of areas, by the factors."""
    height, width = picture.shape[:2]
    if any(height % factor or width % factor for factor in factors):
        whole = picture[:]
        return {factor: _reduced(whole, factor) for factor in factors}
    copies = {
        factor: np.empty((height // factor, width // factor, 3), np.float32)
        for factor in factors
    }
    for rows in strips(height):
        strip = picture[rows]
        for factor, copy in copies.items():
            copy[rows.start // factor : rows.stop // factor] = _reduced(strip, factor)
    return copies


def _reduced(picture: Array, factor: int) -> Array:
    height, width = picture.shape[:2]
    size = max(1, round(width / factor)), max(1, round(height / factor))
    return np.asarray(
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA),
        np.float32,
    )


@torch.inference_mode()
def in_strips(measure: Callable[..., torch.Tensor], *pictures: Colours) -> Array:
    """Measurements of the cells, ``(h, w, n)``, for one or several pictures ``(H, W, 3)``."""
    height, width = pictures[0].shape[:2]
    strip_px = STRIP_PX if width <= WIDE_PX else STRIP_PX // 2
    cells = np.empty((0, 0, 0), np.float32)
    for begin in range(0, height, strip_px):
        first = max(0, begin - STRIP_MARGIN_PX)
        last = begin + strip_px + STRIP_MARGIN_PX
        measured = measure(*(_as_tensor(one[first:last]) for one in pictures))[0]
        if begin == 0:
            number, _, columns = measured.shape
            cells = np.empty((-(-height // CELL_PX), columns, number), np.float32)
        skipped = (begin - first) // CELL_PX
        rows = -(-min(strip_px, height - begin) // CELL_PX)
        of_strip = measured[:, skipped : skipped + rows].permute(1, 2, 0)
        cells[begin // CELL_PX :][:rows] = of_strip.numpy()
        return_freed_memory(height * width)
    return cells


def _as_tensor(picture: Array) -> torch.Tensor:
    """``(1, 3, H, W)``; repeated outwards to 32 px, which reflection needs."""
    tensor = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]
    height, width = picture.shape[:2]
    pad = (0, max(0, MULTIPLE_PX - width), 0, max(0, MULTIPLE_PX - height))
    return functional.pad(tensor, pad, mode="replicate") if any(pad) else tensor


@cache
def _network() -> BlurNetwork:
    network = BlurNetwork().eval()
    network.load_state_dict(
        {name: one.float() for name, one in load_tensors(LEARNED).items()}
    )
    return network
