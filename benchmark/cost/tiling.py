"""The tiles of a picture that memory cannot hold at once."""

import gc
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from defocus.baselines.card import Card
from defocus.benchmark.cost.counting import NEED_CHANNELS, measure_cost
from defocus.datasets.pair import Pair
from defocus.errors import TrainingError, lacks_memory
from defocus.pictures.headers import readable_size
from defocus.progress import say
from defocus.restoration.restorer import GRID, SMALLEST_TILE_PX
from defocus.training.memory import available_bytes

FORESEEN_FROM_PX = 1 << 20
"""Pixels of the smallest picture whose memory is counted beforehand. Crops of that many pixels are
trained, which takes several times the memory of restoring one picture."""

Size = tuple[int, int]
"""Height and width, px."""


def largest_size(pairs: Iterable[Pair]) -> Size:
    """Height and width of the largest picture that can be read; nothing for none."""
    sizes = filter(None, (readable_size(pair.blurry) for pair in pairs))
    width, height = max(sizes, key=math.prod, default=(0, 0))
    return height, width


def tile_sides(size: Size, first: int = 0) -> Iterator[int]:
    """Sides of tiles to try, from ``first`` on, each half of the one before; 0 is the whole."""
    if first == 0:
        yield 0
        if max(size) <= SMALLEST_TILE_PX:
            return
        first = _half(max(size))
    side = first
    while side > SMALLEST_TILE_PX:
        yield side
        side = _half(side)
    yield SMALLEST_TILE_PX


def _half(side: int) -> int:
    """Half of a side, in whole steps of the grid of tiles."""
    return side // 2 // GRID * GRID


def foreseen_tile_px(
    network: nn.Module,
    card: Card,
    size: Size,
    device: torch.device,
) -> int:
    """Side of the largest tiles of a picture that memory holds; 0 if it holds all of it at once."""
    # ``network`` is put into evaluation mode. Nothing is computed but on a GPU, where libraries use
    # memory that cannot be counted.
    height, width = size
    if height * width < FORESEEN_FROM_PX:
        return 0
    for side in tile_sides(size):
        tile = size if side == 0 else (min(side, height), min(side, width))
        if _fits(network, card, tile, device):
            return side
    raise TrainingError(
        f"{card.name}: memory does not hold {smallest_words(size)}; free some"
    )


def foresee_tiles(
    network: nn.Module,
    card: Card,
    sizes: Iterable[Size],
    device: torch.device,
) -> None:
    """Before a training: say that test pictures will be restored in tiles, if they will."""
    # Pictures of which not even a tile can be restored are refused.
    height, width = max(sizes, key=math.prod, default=(0, 0))
    with in_evaluation(network), torch.random.fork_rng(devices=_accelerators(device)):
        tile_px = foreseen_tile_px(network, card, (height, width), device)
    if tile_px:
        say(
            f"{card.name}: memory does not hold a test picture of {width}x{height} px at once; it "
            f"will be restored in tiles of {tile_px} px"
        )


def _accelerators(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []


def smallest_words(size: Size) -> str:
    """Words for the smallest tile in which a picture is restored."""
    height, width = size
    whole = f"a test picture of {width}x{height} px"
    sides = list(tile_sides(size))
    return whole if len(sides) == 1 else f"a tile of {sides[-1]} px of {whole}"


def _fits(network: nn.Module, card: Card, size: Size, device: torch.device) -> bool:
    """Whether a picture of a size, or a tile, can be restored at once."""
    channels = 6 if card.input == "dual" else 3
    needs = [] if card.input == "dual" else card.needs
    further = {one: torch.rand(1, NEED_CHANNELS[one], *size) for one in needs}
    height, width = size
    try:
        cost = measure_cost(network, height, width, channels=channels, **further)
        if cost.peak_mib * 2**20 > available_bytes(device):
            return False
        if device.type == "cuda":
            with torch.no_grad():
                given = {one: values.to(device) for one, values in further.items()}
                network(torch.rand(1, channels, *size).to(device), **given)
    except (RuntimeError, MemoryError) as error:
        if not lacks_memory(error):
            raise
        free_memory(device)
        return False
    return True


def free_memory(device: torch.device) -> None:
    """Give back what a pass that failed has left."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


@contextmanager
def in_evaluation(network: nn.Module) -> Iterator[nn.Module]:
    """The network in evaluation mode; afterwards it is in its earlier mode."""
    trained = network.training
    try:
        yield network.eval()
    finally:
        network.train(trained)
