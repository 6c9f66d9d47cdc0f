"""Restore a picture of any size: whole if it fits into memory, otherwise in tiles."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from defocus.baselines.card import Baseline
from defocus.baselines.weights.own import weights_or_own
from defocus.baselines.weights.store import StoredWeights, build_with, find_weights
from defocus.errors import InputError, NotApplicableError
from defocus.training.memory import available_bytes, peak_bytes
from defocus.training.steps.optimisers import autocast, has_bfloat16

GRID = 64
SMALLEST_TILE_PX = 256
_WIDE_TILE_PX = 768

Restore = Callable[[torch.Tensor], torch.Tensor]
"""From blurry ``(1, C, h, w)`` to restored ``(1, 3, h, w)``, on the CPU both."""

Follow = Callable[[int, int], None]
"""Hears how many of how many tiles are done, from 0 on; what it raises ends the work."""


def unfollowed(tile: int, tiles: int) -> None:
    """Nobody follows the tiles."""


@dataclass(frozen=True)
class TileArea:
    """A part of a picture: rows ``top`` to ``bottom`` - 1, columns ``left`` to ``right`` - 1."""

    top: int
    bottom: int
    left: int
    right: int


def largest_tile_px(bytes_per_pixel: float, budget_bytes: float) -> int:
    """Side of the largest square tile on the grid that fits a budget, at least the smallest."""
    side = math.isqrt(max(0, int(budget_bytes / max(bytes_per_pixel, 1.0))))
    return max(SMALLEST_TILE_PX, side // GRID * GRID)


def overlap_px(tile_px: int) -> int:
    """Minimum overlap for a tile size; large tiles can overlap more at little cost."""
    return 256 if tile_px >= _WIDE_TILE_PX else 128


def tiles_of(height: int, width: int, tile_px: int, overlap: int) -> list[TileArea]:
    """Evenly spaced tiles; a single tile if the picture is not larger."""
    # ``tile_px`` and ``overlap`` are multiples of :data:`GRID`: the largest side, and the least
    # overlap of neighbours. Tiles that cover the picture as well are smaller.
    rows, columns = _spans(height, tile_px, overlap), _spans(width, tile_px, overlap)
    return [TileArea(*row, *column) for row, column in itertools.product(rows, columns)]


def _spans(length: int, tile_px: int, overlap: int) -> list[tuple[int, int]]:
    """As many tiles as are needed, each no larger than that many need to be."""
    if length <= tile_px:
        return [(0, length)]
    count = 1 + math.ceil(math.ceil((length - tile_px) / GRID) / ((tile_px - overlap) // GRID))
    side = GRID * math.ceil((length + (count - 1) * overlap) / count / GRID)
    last = math.ceil((length - side) / GRID)  # in units of the grid, where the last one begins
    begins = [GRID * (index * last // (count - 1)) for index in range(count)]
    return [(begin, min(begin + side, length)) for begin in begins]


def restore_tiled(
    restore: Restore, blurry: torch.Tensor, tile_px: int, overlap: int, follow: Follow = unfollowed
) -> torch.Tensor:
    """Restore ``(1, C, H, W)`` tile by tile; where tiles overlap, one fades into the other."""
    # They fade in the middle eighth of the minimum overlap, because a tile lacks its surroundings
    # farther out.
    height, width = blurry.shape[-2:]
    tiles = tiles_of(height, width, tile_px, overlap)
    follow(0, len(tiles))
    if len(tiles) == 1:
        return restore(blurry)
    total = torch.zeros(1, height, width, 3).permute(0, 3, 1, 2)  # as pictures are in memory
    weights = torch.zeros(height, width)
    for number, tile in enumerate(tiles, start=1):
        rows, columns = slice(tile.top, tile.bottom), slice(tile.left, tile.right)
        restored = restore(blurry[..., rows, columns])
        weight = torch.outer(
            _fade(tile.top, tile.bottom, height, overlap),
            _fade(tile.left, tile.right, width, overlap),
        )
        total[..., rows, columns] += restored.mul_(weight)
        weights[rows, columns] += weight
        follow(number, len(tiles))
    return total.div_(weights)


def _fade(begin: int, end: int, length: int, overlap: int) -> torch.Tensor:
    """Weights along one axis: 1 inside and at the picture's border, falling at inner borders."""
    place = torch.arange(begin, end, dtype=torch.float32) + 0.5
    from_begin = place - begin if begin > 0 else torch.full_like(place, math.inf)
    from_end = end - place if end < length else torch.full_like(place, math.inf)
    distance = torch.minimum(from_begin, from_end)
    return ((distance - overlap * 7 / 16) / (overlap / 8)).clamp(0.0, 1.0)


PROBE_PX = 256
COMPARED_PX = 640
"""Side of the part that is restored both ways: more would take time and say no more."""
MOST_BYTES = 2**28
"""That the tensors of a tile may take on the CPU: larger tiles are no faster."""
SHARE = 0.3
"""Of the available memory that the tensors of a tile may take. Libraries need some inside their
operations, and freed memory is in pieces between what is used: Restormer at 700x500 px took 2.4
times what its tensors came to."""


@dataclass(frozen=True)
class Restorer:
    """A network in evaluation mode on its device, with its tiling settings."""

    network: nn.Module
    device: torch.device
    tile_px: int | None  # largest side; 0 for whole pictures; None chooses by ``budget``
    budget: float  # bytes for the tensors of a tile

    @property
    def precision(self) -> Literal["bfloat16", "float32"]:
        """bfloat16 where the network is fit for it and the device has instructions for it."""
        fit = getattr(self.network, "fit_for_bfloat16", False) is True
        return "bfloat16" if fit and has_bfloat16(self.device) else "float32"

    def restored(
        self, blurry: torch.Tensor, follow: Follow = unfollowed
    ) -> tuple[torch.Tensor, int]:
        """Restore ``(1, 3, H, W)`` on the CPU, not clamped; and the tiles' side, 0 for none."""
        side = self._side_of(blurry)
        if side == 0 or max(blurry.shape[-2:]) <= side:
            follow(0, 1)
            return self.whole(blurry), 0
        return restore_tiled(self.whole, blurry, side, overlap_px(side), follow), side

    @torch.no_grad()
    def whole(self, blurry: torch.Tensor) -> torch.Tensor:
        """Restore without tiles; below 16 px, the least of all networks, the border is repeated."""
        height, width = blurry.shape[-2:]
        pad = (0, max(0, 16 - width), 0, max(0, 16 - height))
        padded = nn.functional.pad(blurry, pad, mode="replicate") if any(pad) else blurry
        with autocast(self.device, self.precision):
            restored: torch.Tensor = self.network(padded.to(self.device).contiguous())
        return restored.float().cpu()[..., :height, :width]

    def tiling_difference(self, blurry: torch.Tensor, tile_px: int) -> float:
        """Largest difference between restoring a part at once and in smaller tiles."""
        # The part is at most one tile large, so it fits into memory. The smallest tile cannot be
        # divided, so four of them are used.
        overlap = overlap_px(tile_px)
        side = min(tile_px, COMPARED_PX)
        smaller = max(SMALLEST_TILE_PX, overlap + GRID, side * 7 // 10 // GRID * GRID)
        if side <= smaller:
            side = 2 * tile_px
        part = blurry[..., :side, :side].contiguous()
        tiled = restore_tiled(self.whole, part, smaller, overlap)
        return float((tiled - self.whole(part)).abs().max())

    def _side_of(self, blurry: torch.Tensor) -> int:
        """Side of the tiles; 0 if the whole picture fits into the budget or is requested."""
        if self.tile_px is not None:
            return self.tile_px
        height, width = blurry.shape[-2:]
        if min(height, width) < 16:
            return 0
        probe = blurry[..., :PROBE_PX, :PROBE_PX].to(self.device)
        with autocast(self.device, self.precision):
            peak = peak_bytes(self.network, probe)
        if self.precision == "bfloat16":  # has its own weights, as many for a tile of any size
            peak -= 2 * sum(weight.numel() for weight in self.network.parameters())
        per_pixel = peak / (probe.shape[-2] * probe.shape[-1])
        if per_pixel * height * width <= self.budget:
            return 0
        return largest_tile_px(per_pixel, self.budget)


def make_restorer(network: nn.Module, tile_px: int | None, device: torch.device) -> Restorer:
    """Make a restorer for any number of pictures; the network is moved to the device."""
    # The free memory is measured once, because freed memory stays with the process and would make
    # the tiles of later pictures smaller.
    network = network.to(device)
    budget = SHARE * available_bytes(device)
    if device.type == "cpu":
        budget = min(budget, MOST_BYTES)
    return Restorer(network, device, tile_px, budget)


def restorer_of(
    system: Baseline, weights: StoredWeights | None, tile_px: int | None, device: torch.device
) -> Restorer:
    """Load a system for a single picture, or refuse it."""
    require_restoring(system, weights)
    return make_restorer(build_with(system, weights), tile_px, device)


def restoring_weights(system: Baseline, given: str | Path | None) -> StoredWeights | None:
    """The weights of a label or file, else those that the package ships, else none."""
    label = weights_or_own(system, None if given is None else str(given))
    return None if label is None else find_weights(system, label)


def require_restoring(system: Baseline, weights: StoredWeights | None) -> None:
    """Refuse a system that cannot restore a single picture."""
    card = system.card
    if card.input == "dual" or card.needs:
        needed = ["two dual-pixel views"] if card.input == "dual" else list(card.needs)
        raise NotApplicableError(
            f"{card.name} needs {' and '.join(needed)}, which a single picture does not have; "
            "choose a system whose input is 'single' in defocus-bench list"
        )
    if system.recipe is not None and weights is None:
        raise InputError(
            f"{card.name} needs weights: give a file, such as checkpoint.safetensors in the runs/ "
            "of a study, or a label that 'defocus-bench weights list' shows"
        )
