"""Batches mixed from several weighted datasets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from defocus.datasets.patching.batch import ALL_PLACES, Patches, drawn_batch
from defocus.errors import InputError

if TYPE_CHECKING:
    from defocus.baselines.objective import Batch

__all__ = ["PatchMixture"]


@dataclass(frozen=True)
class PatchMixture:
    """Patches of several sources of one kind, each drawn by weight (> 0, in any unit)."""

    sources: Sequence[Patches]
    weights: Sequence[float]

    def __post_init__(self) -> None:
        if not self.sources or len(self.sources) != len(self.weights):
            raise InputError("a mixture needs sources, and one weight for each")
        if not all(0 < weight < float("inf") for weight in self.weights):
            raise InputError(f"weights {list(self.weights)}: each must be above 0")
        kinds = {(one.blurry, one.needs, one.supervision) for one in self.sources}
        if len(kinds) > 1:
            raise InputError("the sources of a mixture must give the same kinds of patches")

    @property
    def crop_px(self) -> int:
        """Largest patch side that every source supports."""
        return min(source.crop_px for source in self.sources)

    @property
    def pixels(self) -> int:
        """Number of pixels of an epoch: those of all sources together."""
        return sum(source.pixels for source in self.sources)

    def draw(self, random: np.random.Generator, side: int) -> tuple[Patches, Any]:
        """Draw a random crop from a source that is drawn by weight."""
        shares = np.cumsum(self.weights) / np.sum(self.weights)
        place = int(np.searchsorted(shares, random.random(), side="right"))
        return self.sources[min(place, len(self.sources) - 1)].draw(random, side)

    def batch(
        self,
        step: int,
        size: int,
        seed: int,
        crop_px: int | None = None,
        *,
        places: slice = ALL_PLACES,
    ) -> "Batch":
        """One batch, determined by the arguments; see :meth:`PatchSource.batch`."""
        random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, step])))
        side = crop_px or self.crop_px
        return drawn_batch([self.draw(random, side) for _ in range(size)][places], side)
