"""A torch data set of training patches, for loaders with any number of workers."""

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset

from defocus.datasets.patches import PatchSource, as_tensor, random_crop

__all__ = ["PairPatches"]


class PairPatches(TorchDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Random patches by number: patch ``k`` of a seed is the same in every worker and process.

    Args:
        source: Where patches are cut, from :func:`defocus.datasets.patches.training_patches`.
        length: How many patches an epoch has.
        seed: Of the run; another one for each epoch gives other patches.
    """

    def __init__(self, source: PatchSource, length: int, seed: int) -> None:
        self.source = source
        self.length = length
        self.seed = seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Blurry and target patch, each ``(3, crop_px, crop_px)`` float32 in [0, 1]."""
        if not 0 <= index < self.length:
            raise IndexError(index)
        random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, index])))
        crop = random_crop(self.source.store, self.source.crop_px, random)
        blurry, target = self.source.store.read(crop, self.source.crop_px)
        return as_tensor(blurry), as_tensor(target)
