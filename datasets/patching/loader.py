"""Torch dataset of training patches, for loaders with any number of workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from defocus.datasets.patching.batch import EVERY, Patches, drawn_batch
from defocus.errors import InputError

if TYPE_CHECKING:
    from defocus.baselines.objective import Batch
import torch
from torch.utils.data import Dataset as TorchDataset


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
            raise InputError(
                "the sources of a mixture must give the same kinds of patches"
            )

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
        places: slice = EVERY,
    ) -> "Batch":
        """One batch, determined by the arguments; see :meth:`PatchSource.batch`."""
        random = np.random.default_rng([seed, step])
        side = crop_px or self.crop_px
        return drawn_batch([self.draw(random, side) for _ in range(size)][places], side)


class PairPatches(TorchDataset[tuple[torch.Tensor, ...]]):
    """Random patches by number: patch ``k`` of a seed is the same in every worker and process."""

    # ``length`` patches are an epoch; another seed for each epoch gives other patches.

    def __init__(self, source: Patches | PatchMixture, length: int, seed: int) -> None:
        self.source = source
        self.length = length
        self.seed = seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        """Blurry and target patch, each ``(C, crop_px, crop_px)``, then the inputs in ``needs``."""
        if not 0 <= index < self.length:
            raise IndexError(index)
        random = np.random.default_rng([self.seed, index])
        side = self.source.crop_px
        source, crop = self.source.draw(random, side)
        names = (source.blurry, "target", *source.needs)
        return tuple(source.patch(name, crop, side) for name in names)
