"""Torch dataset of training patches, for loaders with any number of workers."""

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset

from defocus.datasets.patching.batch import Patches
from defocus.datasets.patching.mixing import PatchMixture

__all__ = ["PairPatches"]


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
        random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, index])))
        side = self.source.crop_px
        source, crop = self.source.draw(random, side)
        names = (source.blurry, "target", *source.needs)
        return tuple(source.patch(name, crop, side) for name in names)
