"""Pairs of a stream that are kept in memory and used more than once."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise, starmap
from typing import TYPE_CHECKING

import numpy as np

from defocus.baselines.recipe import Further
from defocus.datasets.patching.batch import drawn_batch
from defocus.datasets.patching.reuse import ORDERS, Reuse
from defocus.datasets.stream.patches import StreamPatches
from defocus.errors import InputError
from defocus.progress import track
from defocus.training.feeding import Feeder, MakerDiedError
from defocus.training.parallel import places_of

if TYPE_CHECKING:
    import torch

    from defocus.baselines.objective import Batch


class KeptPatches(StreamPatches):
    """Patches of a stream whose pairs can be kept in memory."""

    def reused(self, reuse: Reuse, first: int, feeder: Feeder) -> "Iterator[Batch]":
        """The batches from a step on, of crops of pairs in memory."""
        return reused_batches(self, reuse, first, feeder)


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
