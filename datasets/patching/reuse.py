"""Training pairs that are kept in memory and used more than once: which, and when."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from defocus.datasets.patching.batch import CHANNELS_SHARE

if TYPE_CHECKING:
    from defocus.baselines.objective import Batch
    from defocus.training.feeding import Feeder

SURROUND = 1.2
"""Side of a rendered pair over that of the crops that are cut from it, one after the other."""
FIRST_EACH, MOST_PAIRS = 32, 8192
"""Number of pairs for each place of a batch before the first step, and largest number of pairs in
memory."""

ORDERS = tuple(permutations(range(3)))
"""Orders of the three colours."""


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


@runtime_checkable
class Reusable(Protocol):
    """Training patches whose pairs can be kept in memory."""

    def reused(self, reuse: Reuse, first: int, feeder: "Feeder") -> "Iterator[Batch]":
        """The batches from a step on."""
        ...
