"""At which sizes a picture is restored: where the blur is strong, a reduced picture is restored.

A network that was trained with blurs up to its reach takes a stronger one for a smooth thing. In
the picture at half the size the same blur has half the diameter."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from defocus.blur.large_blur import SCALES
from defocus.blur.learned_map import (
    CELL_PX,
    SHARP_PX,
    BlurMap,
    enlarged_rows,
    estimate_blur_map,
)
from defocus.restoration.restorer import Follow, TileArea, as_tensor, large_enough
from defocus.strips import Colours, mean_of_colours, strips, three_colours

BEGIN, END = 0.92, 1.17
"""Shares of the reach between which the next smaller scale takes over. Beyond its reach a network
does nothing; one scale too small costs little (0.4 dB at the reach of defocus-m)."""
SMOOTHED_CELLS = 5
"""Side of the square of cells over which the blur is averaged before a scale is chosen: 40 px."""
SILENT, HEARD = 0.25, 0.4
"""Change by a network relative to the fine detail there (:func:`_heard`): below the first number
the network takes a blur for a soft thing, from the second on it restores. Photographs that were
softened, sharpened and compressed at 1:1 are hardly changed where they are blurred; at half the
size a network restores them."""
NOTICED_PX = (4.0, 6.0)
"""Diameters, in the pixels of a scale, between which a silent part counts as blurred."""
DETAIL_CELLS, HEARD_CELLS = 3, 9
"""Sides of two squares of cells: detail is the deviation from the mean over the first, 24 px;
detail and change are then averaged over the second, 72 px."""
LEAST_DETAIL = 2e-3
"""Detail, as a share of white, that is added before a ratio is taken: half a step of 8 bits."""
SMALLEST_CELLS = 9
"""Smallest width, in cells (72 px), of a part that gets another scale. A narrower one is a mistake
of the map, and hardly wider than the blur itself."""
BESIDE_BLUR_PX = (2.0, 4.0)
"""Circles of confusion, px, up to which a part counts as in focus beside a strong blur, and from
which on it counts as blurred. A soft photograph in focus reads 2 px; parts of 3 to 12 px gain 0.04
dB less than with the limits of ``--leave-sharp``, and parts in focus lose up to 5.7 dB less."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class ScalePlan:
    """How much of each scale each part of a picture takes."""

    # by the factor of reduction: ``(h, w)`` of cells, in [0, 1]
    weights: dict[int, Array]
    size: tuple[int, int]  # height and width of the picture, px
    reach_px: (
        float  # of the network; infinite where it takes any blur at the whole size
    )
    enlarged: int = 1  # the picture was enlarged by it, so no larger scale is restored
    # circles of confusion up to which a part is in focus, and from which on it is blurred
    in_focus_px: tuple[float, float] = SHARP_PX

    @property
    def ladder(self) -> tuple[int, ...]:
        """All scales at which this picture may be restored, the largest picture first."""
        return ladder_of(self.enlarged)

    @property
    def factors(self) -> tuple[int, ...]:
        """The scales that some part needs."""
        return tuple(self.weights)

    def needs(self, factor: int, tile: TileArea) -> bool:
        """Whether some part of a tile of the picture at a scale has a weight."""
        begin_row = factor * tile.top // CELL_PX
        begin_column = factor * tile.left // CELL_PX
        end_row = -(-factor * tile.bottom // CELL_PX)
        end_column = -(-factor * tile.right // CELL_PX)
        weight = self.weights[factor]
        part = weight[
            max(0, begin_row - 1) : end_row + 1,
            max(0, begin_column - 1) : end_column + 1,
        ]
        return bool(part.any())

    def mixed_rows(
        self,
        blurry: Array,
        restored: Mapping[int, Colours],
        top: int,
    ) -> Array:
        """Rows ``(h, W, 3)`` from ``top`` on, with the change of each scale by its weight.

        ``restored``: the restored picture at factor 1, and of each smaller scale the change."""
        bottom = top + len(blurry)
        width = self.size[1]
        mixed = blurry.copy()
        for factor, picture in restored.items():
            weight = enlarged_rows(self.weights[factor], CELL_PX, top, bottom, width)
            if not weight.any():
                continue
            if factor == 1:
                change = picture[top:bottom] - blurry
            else:
                change = enlarged_rows(picture, factor, top, bottom, width)
            change *= three_colours(weight)
            mixed += change
        return mixed


def ladder_of(enlarged: int) -> tuple[int, ...]:
    """The scales of a picture that was enlarged by a factor, 1 for none."""
    factors = (enlarged * scale for scale in SCALES)
    return tuple(factor for factor in factors if factor <= SCALES[-1])


def plan_scales(
    blur_map: BlurMap,
    reach_px: float,
    enlarged: int = 1,
) -> ScalePlan:
    """The scales at which a network with a reach restores each part of a picture.

    A picture that was ``enlarged`` by a factor is restored at its size before that, or smaller."""
    ladder = ladder_of(enlarged)
    sure_px = np.where(blur_map.strong > 0, blur_map.diameter_px, 0)
    place = _place(np.asarray(sure_px, np.float32), reach_px, ladder)
    weights = {}
    for number, factor in enumerate(ladder):
        weight = np.clip(1 - np.abs(place - number), 0, 1)
        if weight.any():
            weights[factor] = np.asarray(weight, np.float32)
    in_focus_px = BESIDE_BLUR_PX if len(weights) > 1 else SHARP_PX
    return ScalePlan(weights, blur_map.size, reach_px, enlarged, in_focus_px)


def handed_on(
    plan: ScalePlan,
    factor: int,
    given: Colours,
    restored: Array,
    blur_map: BlurMap,
) -> ScalePlan:
    """A plan in which the next smaller scale gets blurred parts that a network left unchanged.

    ``given`` is the picture at the factor, ``restored`` what the network alone made of it."""
    smaller = 2 * factor
    if smaller not in plan.ladder or math.isinf(plan.reach_px):
        return plan
    weight = plan.weights[factor]
    begin_px, end_px = NOTICED_PX
    noticed = (blur_map.diameter_px / factor - begin_px) / (end_px - begin_px)
    blurred = np.clip(noticed, 0, 1)
    if not blurred.any():
        return plan
    heard = _enlarged(_heard(given, restored), factor, weight.shape)
    silent = np.clip((HEARD - heard) / (HEARD - SILENT), 0, 1)
    moved = weight * _smoothed(_opened(silent * blurred), SMOOTHED_CELLS)
    if not moved.any():
        return plan
    weights = {**plan.weights, factor: weight - moved}
    weights[smaller] = weights.get(smaller, 0) + moved
    return replace(plan, weights=dict(sorted(weights.items())))


def _enlarged(
    cells: Array,
    factor: int,
    shape: tuple[int, ...],
) -> Array:
    """Cells of the whole picture's map, from those of the picture reduced by a factor."""
    cells = cells.repeat(factor, 0).repeat(factor, 1)
    rows, columns = shape
    # the map of a tiny picture has more of them than that of its reduced one
    below = max(0, rows - len(cells))
    right = max(0, columns - cells.shape[1])
    return np.pad(cells, ((0, below), (0, right)), mode="edge")[:rows, :columns]


def _opened(cells: NDArray[np.floating[Any]]) -> Array:
    """Cells without peaks that are narrower than a square of the smallest size."""
    square = np.ones((SMALLEST_CELLS, SMALLEST_CELLS), np.uint8)
    opened = cv2.morphologyEx(cells.astype(np.float32), cv2.MORPH_OPEN, square)
    return np.asarray(opened, np.float32)


def _smoothed(cells: Array, side: int) -> Array:
    """Means over squares of cells."""
    smooth = cv2.blur(cells, (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smooth, np.float32)


def _heard(given: Colours, restored: Array) -> Array:
    """``(h, w)`` of cells: strength of the change by a network, relative to the detail in the cell.

    Both are of the picture at half the size, as what is finer may be noise."""
    changes = []
    squares = []
    means = []
    for rows in strips(len(restored)):
        light = _means(mean_of_colours(given[rows]), 2)
        change = _means(mean_of_colours(restored[rows]), 2) - light
        changes.append(_means(change**2, CELL_PX // 2))
        squares.append(_means(light**2, CELL_PX // 2))
        means.append(_means(light, CELL_PX // 2))
    change = np.vstack(changes)
    square = np.vstack(squares)
    mean = np.vstack(means)
    around = _smoothed(mean, DETAIL_CELLS)
    variance = np.maximum(square - 2 * mean * around + around**2, 0)
    changed = np.sqrt(_smoothed(change, HEARD_CELLS))
    detail = np.sqrt(_smoothed(variance, HEARD_CELLS))
    return np.asarray(changed / (detail + LEAST_DETAIL), np.float32)


def _place(
    diameter_px: Array,
    reach_px: float,
    ladder: tuple[int, ...],
) -> Array:
    """``(h, w)``: places in the ladder of scales, from 0 (its first) on, with all between."""
    place = np.zeros_like(diameter_px)
    if math.isinf(reach_px):
        return place
    smooth_px = np.exp2(_smoothed(np.log2(1 + diameter_px), SMOOTHED_CELLS)) - 1
    width = math.log2(END / BEGIN)
    for factor in ladder[:-1]:
        begin_px = BEGIN * reach_px * factor
        octaves = np.log2(np.maximum(smooth_px, 1) / begin_px)
        place += np.clip(octaves / width, 0, 1)
    return _opened(place)


def restored_at_scales(
    restore: Callable[[torch.Tensor], torch.Tensor],
    blurry: torch.Tensor,
    reach_px: float,
) -> torch.Tensor:
    """Restore ``(N, 3, H, W)`` with a network at the scales that its blur asks for; no guard."""
    pictures = [_restored_picture(restore, picture, reach_px) for picture in blurry]
    return torch.stack(pictures)


def _restored_picture(
    restore: Callable[[torch.Tensor], torch.Tensor],
    blurry: torch.Tensor,
    reach_px: float,
) -> torch.Tensor:
    """Restore ``(3, H, W)``."""
    picture = np.ascontiguousarray(blurry.permute(1, 2, 0).cpu().numpy())
    blur_map = estimate_blur_map(picture)
    plan = plan_scales(blur_map, reach_px)
    restored = {}
    for factor in SCALES:
        if factor not in plan.weights:
            continue
        small = np.asarray(reduced_picture(picture, factor))
        output = _restored_small(restore, small, blurry.device)
        plan = handed_on(plan, factor, small, output, blur_map)
        restored[factor] = output if factor == 1 else output - small
    if plan.factors == (1,):
        return torch.from_numpy(restored[1]).permute(2, 0, 1).to(blurry.device)
    mixed = plan.mixed_rows(picture, restored, 0)
    return torch.from_numpy(mixed).permute(2, 0, 1).to(blurry.device)


def _restored_small(
    restore: Callable[[torch.Tensor], torch.Tensor],
    small: Array,
    device: torch.device,
) -> Array:
    """Restore ``(h, w, 3)``."""
    height, width = small.shape[:2]
    restored = restore(large_enough(as_tensor(small).to(device)))
    cut = restored[0, :, :height, :width].float().cpu()
    return np.ascontiguousarray(cut.permute(1, 2, 0).numpy())


def reduced_picture(picture: Colours, factor: int) -> Colours:
    """Means of squares of ``factor`` px, ``(h, w, 3)``; the border is repeated to whole squares."""
    if factor == 1:
        return picture
    height, width = (-(-length // factor) for length in picture.shape[:2])
    small = np.empty((height, width, 3), np.float32)
    for rows in strips(picture.shape[0]):
        top = rows.start // factor
        bottom = -(-rows.stop // factor)
        small[top:bottom] = _means(picture[rows], factor)
    return small


def _means(values: Array, side_px: int) -> Array:
    """Means of squares of ``(h, w)`` or ``(h, w, 3)``; the border is repeated to whole ones."""
    below, right = (-length % side_px for length in values.shape[:2])
    padded = cv2.copyMakeBorder(values, 0, below, 0, right, cv2.BORDER_REPLICATE)
    size = padded.shape[1] // side_px, padded.shape[0] // side_px
    return np.asarray(
        cv2.resize(padded, size, interpolation=cv2.INTER_AREA),
        np.float32,
    )


def reduced_map(blur_map: BlurMap, factor: int) -> BlurMap:
    """The map of the picture reduced by a factor, in the reduced picture's pixels."""
    if factor == 1:
        return blur_map
    height, width = (-(-length // factor) for length in blur_map.size)
    rows = -(-height // CELL_PX)
    columns = -(-width // CELL_PX)
    cells = []
    for known in (blur_map.diameter_px, blur_map.highest_px, blur_map.strong):
        values = known[: rows * factor, : columns * factor]  # a narrow map has more
        below = rows * factor - values.shape[0]
        right = columns * factor - values.shape[1]
        padded = np.pad(values, ((0, below), (0, right)), mode="edge")
        means = cv2.resize(padded, (columns, rows), interpolation=cv2.INTER_AREA)
        cells.append(np.asarray(means, np.float32))
    diameter_px, highest_px, strong = cells
    diameter_px /= factor
    highest_px /= factor
    return BlurMap(diameter_px, highest_px, strong, (height, width))


def follow_scale(
    follow: Follow,
    factors: tuple[int, ...],
    factor: int,
) -> Follow:
    """Report the tiles of one scale as a share, in percent, of the work on all scales."""
    if factors == (factor,):
        return follow
    shares = {one: 1 / one**2 for one in factors}
    total = sum(shares.values())
    before = sum(share for one, share in shares.items() if one < factor)

    def hear(tile: int, tiles: int) -> None:
        work = before + shares[factor] * tile / max(1, tiles)
        follow(round(100 * work / total), 100)

    return hear
