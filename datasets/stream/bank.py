"""Pairs of a stream that are kept in memory and used more than once."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, permutations, starmap
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from defocus.baselines.recipe import Further
from defocus.datasets.patching.batch import CHANNELS_SHARE, drawn_batch
from defocus.datasets.stream.patches import StreamPatches
from defocus.errors import InputError
from defocus.progress import track
from defocus.training.feeding import Feeder, MakerDiedError
from defocus.training.parallel import places_of

if TYPE_CHECKING:
    import torch

    from defocus.baselines.objective import Batch


SURROUND = 1.2
"""Side of a rendered pair over that of the crops that are cut from it, one after the other."""
FIRST_EACH, MOST_PAIRS = 32, 8192
"""Number of pairs for each place of a batch before the first step, and largest number of pairs in
memory."""


@dataclass(frozen=True)
class Reuse:
    """Which pairs are in memory at a step, and which crops make its batch, by the step alone."""

    # Each place of a batch has its own pairs, those whose number has that remainder by the batch: a
    # process that makes some places renders no others.

    times: int  # how often a pair is used on average
    batch: int
    crop_px: int
    steps: int
    seed: int

    @property
    def side(self) -> int:
        """Side of the rendered pairs, px."""
        return round(self.crop_px * SURROUND)

    @property
    def generations(self) -> int:
        """Largest number of pairs of each place in memory."""
        wanted = -(-self.pairs_until(self.steps) // self.batch)
        return min(wanted, max(FIRST_EACH, MOST_PAIRS // self.batch))

    def pairs_until(self, step: int) -> int:
        """Pairs that are rendered until the batch of a step is drawn."""
        return self.batch * FIRST_EACH + step * self.batch // self.times

    def held(self, step: int) -> range:
        """Numbers of the pairs in memory."""
        end = self.pairs_until(step)
        return range(max(0, end - self.generations * self.batch), end)

    def slots(self, numbers: range, places: slice) -> list[tuple[int, int]]:
        """Number of each pair at some places of the batch, and its slot in memory."""
        width = places.stop - places.start
        slots = []
        for number in numbers:
            batch, place = divmod(number, self.batch)
            if places.start <= place < places.stop:
                generation = batch % self.generations
                slots.append((number, generation * width + place - places.start))
        return slots

    def drawn(self, step: int, places: slice, *, orders: bool) -> NDArray[np.int64]:
        """``(places, 7)``: slot, top, left, whether transposed, turned over and mirrored, order."""
        random = np.random.default_rng([self.seed, step, 1])
        place = np.arange(self.batch)
        width = places.stop - places.start
        generation = self._drawn_generations(random, self.held(step), place)
        slot = generation * width + place - places.start
        spare = self.side - self.crop_px + 1
        rest = [random.integers(0, n, self.batch) for n in (spare, spare, 2, 2, 2)]
        mixed = random.random(self.batch) < CHANNELS_SHARE
        order = random.integers(0, len(ORDERS), self.batch) * (mixed & orders)
        table = np.stack([slot, *rest, order], axis=1)
        return np.asarray(table[places], np.int64)

    def _drawn_generations(
        self, random: np.random.Generator, held: range, place: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """Which of the pairs in memory each place takes."""
        first = -((place - held.start) // self.batch)
        end = -((place - held.stop) // self.batch)
        return np.asarray(random.integers(first, end) % self.generations)

    def begun(self, step: int) -> list[range]:
        """Numbers of the pairs in memory, in the parts that are rendered together."""
        held = self.held(step)
        batch = self.batch
        return [held[k : k + batch] for k in range(0, len(held), batch)]


ORDERS = tuple(permutations(range(3)))


def reused_batches(
    patches: StreamPatches, reuse: Reuse, first: int, feeder: Feeder
) -> "Iterator[Batch]":
    """Batches of crops of pairs in memory, which are on the device if they fit there.

    The pairs of the first step are rendered at once, then some between any two steps."""
    places = places_of(reuse.batch, feeder.mine)
    bank = _Bank(patches, reuse, places, feeder)
    begun = reuse.begun(first)
    counts = [reuse.pairs_until(step) for step in range(first, reuse.steps)]
    later = list(starmap(range, pairwise(counts)))
    work = partial(_rendered, patches, reuse, places)
    rendered = feeder.ahead(work, [*begun, *later])
    for numbers in track(begun, "rendering pairs"):
        if feeder.stop:
            break
        bank.put(numbers, next(rendered))

    def batches() -> "Iterator[Batch]":
        if feeder.stop:
            raise MakerDiedError("stopped before the first pairs were rendered")
        yield feeder.pinned(bank.batch(first))
        for step, numbers in enumerate(later, start=first + 1):
            bank.put(numbers, next(rendered))
            yield feeder.pinned(bank.batch(step))

    return batches()


def _rendered(
    patches: StreamPatches, reuse: Reuse, places: slice, numbers: range
) -> "torch.Tensor":
    """Pairs as ``(n, side, side, 6 or 7)`` float16: blurry and sharp colours, and the map."""
    import torch

    colours = StreamPatches(
        patches.renderer,
        reuse.side,
        [one for one in patches.augment if one != "channels"],
        patches.bit_depth,
        supervision=_maps(patches),
    )
    mine = [number for number, _ in reuse.slots(numbers, places)]
    if not mine:
        return torch.empty(0)
    generators = (np.random.default_rng([reuse.seed, number]) for number in mine)
    batch = drawn_batch(
        [colours.draw(random, reuse.side) for random in generators], reuse.side
    )
    members = [batch.blurry, batch.target, *batch.supervision.values()]
    return torch.cat(members, dim=1).permute(0, 2, 3, 1).contiguous().half()


def _maps(patches: StreamPatches) -> tuple[Further, ...]:
    """Maps of a stream besides its pictures, if they are needed."""
    return ("defocus_map",) if {*patches.needs, *patches.supervision} else ()


class _Bank:
    """The pairs in memory."""

    def __init__(
        self, patches: StreamPatches, reuse: Reuse, places: slice, feeder: Feeder
    ) -> None:
        import torch

        self.patches = patches
        self.reuse = reuse
        self.places = places
        count = reuse.generations * (places.stop - places.start)
        shape = (count, reuse.side, reuse.side, 6 + len(_maps(patches)))
        device = feeder.device
        if (
            device.type == "cuda"
            and 4 * int(np.prod(shape)) > torch.cuda.mem_get_info(device)[0]
        ):
            device = torch.device("cpu")  # the half that is left is the training's
        try:
            self.pairs = torch.empty(shape, dtype=torch.float16, device=device)
        except RuntimeError as error:
            size = 2 * int(np.prod(shape)) / 2**30
            raise InputError(
                f"{count} pairs of {reuse.side} px need {size:.1f} GiB of memory; set reuse = 1 "
                "under [training], or a smaller crop_px"
            ) from error
        self.orders = torch.tensor(ORDERS, device=device)

    def put(self, numbers: range, rendered: "torch.Tensor") -> None:
        """Put pairs in the place of their predecessors."""
        import torch

        slots = [slot for _, slot in self.reuse.slots(numbers, self.places)]
        if slots:
            at = torch.tensor(slots).to(self.pairs.device, non_blocking=True)
            self.pairs.index_copy_(
                0, at, rendered.to(self.pairs.device, non_blocking=True)
            )

    def batch(self, step: int) -> "Batch":
        """This process's part of the batch of a step."""
        import torch

        from defocus.baselines.objective import Batch

        orders = "channels" in self.patches.augment
        table = torch.from_numpy(self.reuse.drawn(step, self.places, orders=orders))
        # without waiting; else each step would wait for the one before
        drawn = table.to(self.pairs.device, non_blocking=True)
        blurry, target, maps = self._cut(drawn)
        return Batch(
            blurry,
            target,
            {name: maps[name] for name in self.patches.needs},
            {name: maps[name] for name in self.patches.supervision},
        )

    def _cut(
        self, drawn: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]":
        """Blurry and target crops in the colours' order, and their map of diameters."""
        slot, top, left, transposed, over, mirrored, _ = drawn.T[:, :, None, None]
        y, x = self._turned(transposed, over, mirrored)
        crops = self.pairs[slot, top + y, left + x]
        order = self.orders[drawn[:, 6]][:, None, None, :]
        colours = order.expand(*crops.shape[:3], 3)
        blurry = crops[..., :3].gather(3, colours)
        target = crops[..., 3:6].gather(3, colours)
        maps = {"defocus_map": _channels_first(crops[..., 6:])}
        return _channels_first(blurry), _channels_first(target), maps

    def _turned(
        self, transposed: "torch.Tensor", over: "torch.Tensor", mirrored: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """Rows and columns of each pixel of the crops before they are turned."""
        import torch

        side = self.reuse.crop_px
        across = torch.arange(side, device=self.pairs.device)
        rows = across[None, :, None]
        columns = across[None, None, :]
        y = torch.where(transposed > 0, columns, rows)
        x = torch.where(transposed > 0, rows, columns)
        y = torch.where(over > 0, side - 1 - y, y)
        return y, torch.where(mirrored > 0, side - 1 - x, x)


def _channels_first(crops: "torch.Tensor") -> "torch.Tensor":
    return crops.permute(0, 3, 1, 2).float().contiguous()
