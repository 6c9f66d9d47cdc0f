"""Augmentation treats the members of a pair alike."""

from pathlib import Path

import numpy as np
import pytest

from defocus.datasets.api import open_dataset
from defocus.datasets.patching.source import random_crop, training_patches
from defocus.images import Image, read_image
from tests.datasets.conftest import write_folder


def flipped(patch: Image, upside_down: bool, mirrored: bool) -> Image:
    """The same with NumPy's own words."""
    patch = np.flipud(patch) if upside_down else patch
    return np.fliplr(patch) if mirrored else patch


@pytest.mark.parametrize("bits", [8, 16])
def test_batches_hold_the_known_crops_of_both_files(tmp_path: Path, bits: int) -> None:
    """What the training sees, from the pictures on disk and the rule that draws the crops."""
    names = [f"{n}.png" for n in range(5)]
    dataset = open_dataset(f"pairs:{write_folder(tmp_path / 'x', names, bits)}")
    source = training_patches(dataset, "train", "sharp", 33)
    pairs = {pair.id: pair for pair in dataset.pairs}
    batch = source.batch(2, 24, seed=7)
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([7, 2])))
    flips = set()
    for blurry, target in zip(batch.blurry, batch.target, strict=True):
        crop = random_crop(source.store, 33, random)
        flips.add((crop.upside_down, crop.mirrored))
        pair = pairs[source.store.ids[crop.index]]
        assert pair.sharp is not None
        for patch, path in ((blurry, pair.blurry), (target, pair.sharp)):
            window = read_image(path)[crop.top : crop.top + 33, crop.left : crop.left + 33]
            expected = flipped(window, crop.upside_down, crop.mirrored)
            found = np.rint(patch.numpy().transpose(1, 2, 0) * (2**bits - 1))
            assert np.array_equal(found, expected)
    assert len(flips) == 4
