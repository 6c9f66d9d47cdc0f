"""Restore a picture of any size: whole if it fits into memory, otherwise in tiles."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from defocus.baselines.card import REACH_PX, Baseline
from defocus.baselines.layers.row_strips import RestoresInStrips, Strips, row_by_row
from defocus.baselines.weights.own import weights_or_own
from defocus.baselines.weights.store import StoredWeights, build_with, find_weights
from defocus.errors import ImageError, InputError, NotApplicableError
from defocus.processes.freed_memory import return_freed_memory
from defocus.restoration.in_strips import GRID_PX, areas_of, restored_in_strips
from defocus.strips import Colours, strips
from defocus.training.memory import available_bytes, peak_bytes
from defocus.training.steps.optimisers import autocast, has_bfloat16

GRID = 64
SMALLEST_TILE_PX = 256
LEAST_PX = 16
"""Least side of a picture that every network takes, px."""
_WIDE_TILE_PX = 768

Restore = Callable[[torch.Tensor], torch.Tensor]
"""Function from blurry to restored pictures ``(n, 3, h, w)``, both on the CPU."""

Array = NDArray[np.float32]

Follow = Callable[[int, int], None]
"""Function that gets the number of finished tiles, from 0 on, and of all; an error that it raises
ends the work."""


def unfollowed(tile: int, tiles: int) -> None:
    """Nobody follows the tiles."""


@dataclass(frozen=True)
class TileArea:
    """A part of a picture: rows ``top`` to ``bottom`` - 1, columns ``left`` to ``right`` - 1."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def part(self) -> tuple[slice, slice]:
        """Rows and columns of the part."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the part, px."""
        return self.bottom - self.top, self.right - self.left


Needed = Callable[[TileArea], bool]
"""Function that says whether a tile is restored; other tiles stay as they were given."""


def every_tile(_: TileArea) -> bool:
    """All tiles are needed."""
    return True


def largest_tile_px(bytes_per_pixel: float, budget_bytes: float) -> int:
    """Side of the largest square tile on the grid that fits a budget, at least the smallest."""
    side = math.isqrt(max(0, int(budget_bytes / max(bytes_per_pixel, 1.0))))
    return max(SMALLEST_TILE_PX, side // GRID * GRID)


def overlap_px(tile_px: int) -> int:
    """Minimum overlap for a tile size; large tiles can overlap more at little cost."""
    return 256 if tile_px >= _WIDE_TILE_PX else 128


def tiles_of(
    height: int,
    width: int,
    tile_px: int,
    overlap: int,
) -> list[TileArea]:
    """Evenly spaced tiles; a single tile if the picture is not larger."""
    # ``tile_px`` and ``overlap`` are multiples of :data:`GRID`: the largest side, and the least
    # overlap of neighbours. Tiles that cover the picture as well are smaller.
    rows = _spans(height, tile_px, overlap)
    columns = _spans(width, tile_px, overlap)
    return [TileArea(*row, *column) for row, column in itertools.product(rows, columns)]


def _spans(
    length: int,
    tile_px: int,
    overlap: int,
) -> list[tuple[int, int]]:
    """The smallest number of tiles that cover a side, each as small as that number allows."""
    if length <= tile_px:
        return [(0, length)]
    count = 1 + math.ceil(
        math.ceil((length - tile_px) / GRID) / ((tile_px - overlap) // GRID)
    )
    side = GRID * math.ceil((length + (count - 1) * overlap) / count / GRID)
    # in units of the grid, where the last one begins
    last = math.ceil((length - side) / GRID)
    begins = [GRID * (index * last // (count - 1)) for index in range(count)]
    return [(begin, min(begin + side, length)) for begin in begins]


def restore_tiled(
    restore: Restore,
    blurry: Colours,
    tile_px: int,
    overlap: int,
    follow: Follow = unfollowed,
    needed: Needed = every_tile,
    batch: int = 1,
) -> Array:
    """Restore ``(H, W, 3)`` tile by tile; where tiles overlap, one fades into the other."""
    # They fade in the middle eighth of the minimum overlap, because a tile lacks its surroundings
    # farther out. ``batch``: most tiles of one size that go through the network at once.
    height, width = blurry.shape[:2]
    tiles = tiles_of(height, width, tile_px, overlap)
    done = 0
    to_do = sum(map(needed, tiles))
    follow(done, to_do)
    total = torch.zeros(height, width, 3)
    for group in _groups(tiles, needed, batch):
        parts = torch.cat([as_tensor(blurry[tile.part]) for tile in group])
        if needed(group[0]):
            # what the last tile left lies in pieces, beside which this one would need 80 MB more
            return_freed_memory(height * width)
            parts = restore(parts)
            done += len(group)
            follow(done, to_do)
        for tile, part in zip(group, parts, strict=True):
            weight = _weight(tile, tile.top, tile.bottom, (height, width), overlap)
            total[tile.part] += (part * weight).permute(1, 2, 0)
    _divide_by_weights(total, tiles, overlap)
    return total.numpy()


def as_tensor(picture: Array) -> torch.Tensor:
    """``(H, W, 3)`` as ``(1, 3, H, W)``."""
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]


def large_enough(blurry: torch.Tensor) -> torch.Tensor:
    """``(n, 3, H, W)`` with the border repeated up to the least size that all networks take."""
    height, width = blurry.shape[-2:]
    right, below = max(0, LEAST_PX - width), max(0, LEAST_PX - height)
    if not right and not below:
        return blurry
    return nn.functional.pad(blurry, (0, right, 0, below), mode="replicate")


def _groups(
    tiles: Sequence[TileArea],
    needed: Needed,
    batch: int,
) -> Iterator[list[TileArea]]:
    """Neighbouring tiles of one size, all needed or all not, at most ``batch`` at once."""
    alike = itertools.groupby(tiles, key=lambda tile: (tile.size, needed(tile)))
    for _, group in alike:
        members = list(group)
        for first in range(0, len(members), batch):
            yield members[first : first + batch]


def _weight(
    tile: TileArea,
    top: int,
    bottom: int,
    size: tuple[int, int],
    overlap: int,
) -> torch.Tensor:
    """``(bottom - top, w)``: the weight of a tile in some of its rows."""
    height, width = size
    down = _fade(tile.top, tile.bottom, height, overlap)
    across = _fade(tile.left, tile.right, width, overlap)
    return torch.outer(down[top - tile.top : bottom - tile.top], across)


def _divide_by_weights(
    total: torch.Tensor,
    tiles: Sequence[TileArea],
    overlap: int,
) -> None:
    """Divide the sums of weighted tiles by the sums of their weights, in place."""
    height, width = total.shape[:2]
    for rows in strips(height):
        weights = torch.zeros(rows.stop - rows.start, width)
        for tile in tiles:
            top = max(tile.top, rows.start)
            bottom = min(tile.bottom, rows.stop)
            if top < bottom:
                inside = slice(top - rows.start, bottom - rows.start)
                weight = _weight(tile, top, bottom, (height, width), overlap)
                weights[inside, tile.left : tile.right] += weight
        total[rows] /= weights[:, :, None]


def _fade(
    begin: int,
    end: int,
    length: int,
    overlap: int,
) -> torch.Tensor:
    """Weights along one axis: 1 inside and at the picture's border, falling at inner borders."""
    place = torch.arange(begin, end, dtype=torch.float32) + 0.5
    from_begin = place - begin if begin > 0 else torch.full_like(place, math.inf)
    from_end = end - place if end < length else torch.full_like(place, math.inf)
    distance = torch.minimum(from_begin, from_end)
    return ((distance - overlap * 7 / 16) / (overlap / 8)).clamp(0.0, 1.0)


PROBE_PX = 256
COMPARED_PX = 640
"""Side of the part that is restored both whole and in tiles, px. A larger one would take longer and
show nothing more."""
MOST_BYTES = 2**28
"""Largest memory, in bytes, of a tile's tensors on the CPU. Larger tiles are no faster."""
STRIP_SHARE = 0.4
"""Size of a strip, as a share of a tile's: layers also keep rows of the last strips, and higher
strips are no faster."""
SHARE = 0.3
"""Share of the available memory that a tile's tensors may take. Libraries need some inside their
operations, and freed memory lies in pieces: Restormer at 700x500 px took 2.4 times the size of its
tensors."""


@dataclass(frozen=True)
class Restorer:
    """A network in evaluation mode on its device, with its tiling settings."""

    network: nn.Module
    device: torch.device
    # largest side; 0 for whole pictures; None chooses by ``budget``
    tile_px: int | None
    budget: float  # bytes for the tensors of a tile
    reach_px: float = REACH_PX  # largest circle of confusion that the network knows
    # bytes for each pixel, measured once for each size of the part that is tried
    _measured: dict[tuple[int, int], float] = field(
        default_factory=dict,
        compare=False,
        repr=False,
    )

    @property
    def precision(self) -> Literal["bfloat16", "float32"]:
        """bfloat16 where the network is fit for it and the device has instructions for it."""
        fit = getattr(self.network, "fit_for_bfloat16", False) is True
        return "bfloat16" if fit and has_bfloat16(self.device) else "float32"

    def restored(
        self,
        blurry: Colours,
        follow: Follow = unfollowed,
        needed: Needed = every_tile,
    ) -> tuple[Array, int]:
        """Restore ``(H, W, 3)``, not clamped; and the tiles' side, 0 for none."""
        side = self._side_of(blurry)
        if side == 0 or max(blurry.shape[:2]) <= side:
            follow(0, 1)
            output = self.whole(as_tensor(blurry[:]))
            return np.array(output[0].permute(1, 2, 0).numpy(), order="C"), 0
        most_px = side**2 // blurry.shape[1]  # rows of a strip as large as a tile
        strip_px = max(GRID_PX, int(STRIP_SHARE * most_px) // GRID_PX * GRID_PX)
        network = self.network
        in_strips = self.tile_px is None and most_px >= GRID_PX
        if in_strips and isinstance(network, RestoresInStrips):
            return self._in_strips(network, blurry, strip_px, follow, needed), 0
        overlap = overlap_px(side)
        batch = self._batch(blurry, side)
        restored = restore_tiled(
            self.whole,
            blurry,
            side,
            overlap,
            follow,
            needed,
            batch,
        )
        return_freed_memory(restored.shape[0] * restored.shape[1])
        return restored, side

    @torch.no_grad()
    def _in_strips(
        self,
        network: RestoresInStrips,
        blurry: Colours,
        strip_px: int,
        follow: Follow,
        needed: Needed,
    ) -> Array:
        """Restore ``(H, W, 3)`` in strips, to the values that the whole picture would give."""

        def wanted(rows: slice, columns: slice) -> bool:
            return needed(TileArea(rows.start, rows.stop, columns.start, columns.stop))

        def restore(strips: Strips) -> Strips:
            on_device = partial(torch.Tensor.to, device=self.device)
            return network.in_strips(row_by_row(on_device, strips))

        height, width = blurry.shape[:2]
        areas = areas_of((height, width), network.looks_px(), wanted)
        with autocast(self.device, self.precision):
            return restored_in_strips(restore, blurry, areas, strip_px, follow)

    @torch.no_grad()
    def whole(self, blurry: torch.Tensor) -> torch.Tensor:
        """Restore ``(n, 3, H, W)`` without tiles."""
        height, width = blurry.shape[-2:]
        padded = large_enough(blurry)
        with autocast(self.device, self.precision):
            restored: torch.Tensor = self.network(padded.to(self.device).contiguous())
        restored = restored.float().cpu()[..., :height, :width]
        if restored.shape != blurry.shape:
            raise ImageError(
                f"the network gives {tuple(restored.shape)} for {tuple(blurry.shape)}; it must "
                "keep the shape"
            )
        return restored

    def tiling_difference(self, blurry: Colours, tile_px: int) -> float:
        """Largest difference between restoring a part at once and in smaller tiles."""
        # The part is at most one tile large, so it fits into memory. The smallest tile cannot be
        # divided, so four of them are used.
        overlap = overlap_px(tile_px)
        side = min(tile_px, COMPARED_PX)
        smaller = max(SMALLEST_TILE_PX, overlap + GRID, side * 7 // 10 // GRID * GRID)
        if side <= smaller:
            side = 2 * tile_px
        part = blurry[:side, :side]
        tiled = restore_tiled(self.whole, part, smaller, overlap)
        whole = self.whole(as_tensor(part))[0].permute(1, 2, 0)
        return float(np.abs(tiled - whole.numpy()).max())

    def _side_of(self, blurry: Colours) -> int:
        """Side of the tiles; 0 if the whole picture fits into the budget or is requested."""
        if self.tile_px is not None:
            return self.tile_px
        height, width = blurry.shape[:2]
        if min(height, width) < LEAST_PX:
            return 0
        per_pixel = self._bytes_per_pixel(blurry)
        if per_pixel * height * width <= self.budget:
            return 0
        return largest_tile_px(per_pixel, self.budget)

    def _batch(self, blurry: Colours, side: int) -> int:
        """Tiles that go through the network at once: on the CPU one, as more are no faster."""
        if self.device.type == "cpu":
            return 1
        return max(1, int(self.budget / (self._bytes_per_pixel(blurry) * side**2)))

    def _bytes_per_pixel(self, blurry: Colours) -> float:
        """Bytes of the tensors for each pixel of a tile, measured on a small part."""
        height, width = (min(PROBE_PX, length) for length in blurry.shape[:2])
        if (height, width) not in self._measured:
            probe = as_tensor(blurry[:height, :width]).to(self.device)
            with autocast(self.device, self.precision):
                peak = peak_bytes(self.network, probe)
            # has its own weights, as many for a tile of any size
            if self.precision == "bfloat16":
                peak -= 2 * sum(weight.numel() for weight in self.network.parameters())
            self._measured[height, width] = peak / (height * width)
        return self._measured[height, width]


def make_restorer(
    network: nn.Module,
    tile_px: int | None,
    device: torch.device,
    reach_px: float = REACH_PX,
) -> Restorer:
    """Make a restorer for any number of pictures; the network is moved to the device."""
    # The free memory is measured once, because freed memory stays with the process and would make
    # the tiles of later pictures smaller.
    network = network.to(device)
    budget = SHARE * available_bytes(device)
    if device.type == "cpu":
        budget = min(budget, MOST_BYTES)
    return Restorer(network, device, tile_px, budget, reach_px)


def restorer_of(
    system: Baseline,
    weights: StoredWeights | None,
    tile_px: int | None,
    device: torch.device,
) -> Restorer:
    """Load a system for a single picture, or refuse it."""
    require_restoring(system, weights)
    network = build_with(system, weights)
    return make_restorer(network, tile_px, device, system.card.reach_px)


def restoring_weights(
    system: Baseline,
    given: str | Path | None,
) -> StoredWeights | None:
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
