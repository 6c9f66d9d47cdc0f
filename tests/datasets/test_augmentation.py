"""Augmentation: flips, shrinking, grey, saturation, noise, channels; alike in both members."""

from collections import Counter

import numpy as np
import pytest
import torch

from defocus.datasets.api import open_dataset
from defocus.datasets.patching.batch import (
    random_look,
    random_window,
    shrunk,
    with_look,
)
from defocus.datasets.patching.packing import ColourChange, Crop, PatchStore, pack
from defocus.datasets.patching.source import (
    PatchForm,
    PatchSource,
    random_crop,
    training_patches,
)
from defocus.pictures.read import read_image
from tests.datasets.conftest import picture, write_folder


def flipped(patch, upside_down, mirrored):
    """The same with NumPy's own words."""
    patch = np.flipud(patch) if upside_down else patch
    return np.fliplr(patch) if mirrored else patch


@pytest.mark.parametrize("bits", [8, 16])
def test_batches_hold_the_known_crops_of_both_files(tmp_path, bits):
    """What the training sees, from the pictures on disk and the rule that draws the crops."""
    names = [f"{n}.png" for n in range(5)]
    dataset = open_dataset(f"pairs:{write_folder(tmp_path / 'x', names, bits)}")
    source = training_patches(dataset, "train", "sharp", PatchForm(33))
    pairs = {pair.id: pair for pair in dataset.pairs}
    batch = source.batch(2, 24, seed=7)
    random = np.random.default_rng([7, 2])
    flips = set()
    for blurry, target in zip(batch.blurry, batch.target, strict=True):
        crop = random_crop(source.store, 33, random)
        flips.add((crop.upside_down, crop.mirrored))
        pair = pairs[source.store.ids[crop.index]]
        for patch, path in ((blurry, pair.blurry), (target, pair.sharp)):
            window = read_image(path)[
                crop.top : crop.top + 33, crop.left : crop.left + 33
            ]
            expected = flipped(window, crop.upside_down, crop.mirrored)
            pixels = np.rint(patch.numpy().transpose(1, 2, 0) * (2**bits - 1))
            assert np.array_equal(pixels, expected)
    assert len(flips) == 4


ALL = ("flip", "rotate", "shrink", "grey", "saturation", "noise")


def fresh():
    return np.random.default_rng(5)


def test_shrinking_takes_means_of_what_a_pixel_covers():
    patch = picture(1, 40, 40, 16)
    small = shrunk(patch, 20)
    means = patch.reshape(20, 2, 20, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - means).max() <= 0.5
    assert shrunk(patch, 40) is patch


def test_windows_are_as_often_and_as_large_as_said_and_inside_the_picture():
    random = fresh()
    sides = np.array(
        [random_window(70, 1000, ("shrink",), random) for _ in range(4000)]
    )
    assert np.mean(sides > 70) == pytest.approx(0.5, abs=0.03)
    assert (sides.min(), sides.max()) == (70, 100)
    assert max(random_window(70, 75, ("shrink",), random) for _ in range(50)) == 75


def test_shares_and_ranges_of_looks():
    random = fresh()
    looks = [random_look(ALL, random) for _ in range(6000)]
    assert np.mean([look.grey for look in looks]) == pytest.approx(0.3, abs=0.02)
    noise = [look.noise_deviation for look in looks if look.noise_deviation]
    assert len(noise) / 6000 == pytest.approx(0.05, abs=0.01)
    assert 0.001 <= min(noise) < max(noise) <= 0.0707
    saturation = [look.saturation for look in looks if look.saturation != 1]
    assert len(saturation) / 6000 == pytest.approx(1 / 3, abs=0.02)
    assert 0.8 <= min(saturation) < max(saturation) <= 1.2


def test_what_is_not_asked_for_draws_nothing():
    random = fresh()
    assert random_window(16, 99, ("flip", "rotate"), random) == 16
    assert random_look(("flip", "rotate"), random) == ColourChange()
    assert random.integers(2**40) == fresh().integers(2**40)


def test_grey_is_the_luminance_of_linear_light():
    colours = torch.tensor(
        [[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [0.25, 0.25, 0.25]]
    )
    look = with_look(colours.T[:, None], ColourChange(grey=True), noisy=True)
    expected = [0.4984, 0.8625, 0.2979, 1.0, 0.25]  # sRGB of 0.2126, 0.7152, 0.0722
    for channel in look:
        assert channel.flatten().tolist() == pytest.approx(expected, abs=1e-4)


def test_saturation_keeps_the_luma_and_zero_leaves_nothing_else():
    colours = torch.rand(3, 4, 4) * 0.6 + 0.2
    luma = 0.299 * colours[0] + 0.587 * colours[1] + 0.114 * colours[2]
    without = with_look(colours, ColourChange(saturation=0.0), noisy=False)
    torch.testing.assert_close(without, luma.expand(3, 4, 4))
    more = with_look(colours, ColourChange(saturation=1.2), noisy=False)
    torch.testing.assert_close(more, luma + 1.2 * (colours - luma))


@pytest.fixture
def source(tmp_path):
    flat = np.full((64, 80, 3), 128, np.uint8)
    names = ("blurry", "target", "dual_pixel_left", "dual_pixel_right")
    members = {**dict.fromkeys(names, flat), "defocus_map": np.full((64, 80), 9.0)}
    pack(tmp_path / "p.h5", [("a", members)])
    return PatchSource(
        PatchStore(tmp_path / "p.h5"), 30, needs=("dual_pixel", "defocus_map")
    )


def test_noise_is_the_same_on_picture_and_views_and_not_on_the_target(source):
    crop = Crop(0, 1, 2, look=ColourChange(noise_deviation=0.05, noise_seed=8))
    blurry, target = source.patch("blurry", crop, 60), source.patch("target", crop, 60)
    assert float((blurry - target).std()) == pytest.approx(0.05, rel=0.05)
    assert len(target.unique()) == 1
    assert all(
        torch.equal(v, blurry) for v in source.patch("dual_pixel", crop, 60).chunk(2)
    )
    assert torch.equal(source.patch("blurry", crop, 60), blurry)


def test_patches_lie_inside_have_their_size_and_circles_shrink_along(source):
    random = fresh()
    for _ in range(200):
        crop = random_crop(source.store, 50, random, ALL)
        assert crop.top + crop.window_px <= 64
        assert crop.left + crop.window_px <= 80
        assert source.patch("blurry", crop, 50).shape == (3, 50, 50)
    crop = Crop(0, 3, 4, window_px=40)
    assert source.patch("blurry", crop, 30).shape == (3, 30, 30)
    assert source.patch("defocus_map", crop, 30).unique().tolist() == [9.0 * 0.75]


def test_channels_change_places_alike_in_both_pictures():
    random = np.random.default_rng(5)
    looks = [random_look(("channels",), random) for _ in range(2000)]
    orders = Counter(look.channels for look in looks)
    assert len(orders) == 6
    assert orders[0, 1, 2] / 2000 == pytest.approx(0.7 + 0.3 / 6, abs=0.04)
    colours = torch.rand(3, 4, 5)
    for noisy in (True, False):
        changed_colours = with_look(
            colours, ColourChange(channels=(2, 0, 1)), noisy=noisy
        )
        assert torch.equal(changed_colours, colours[[2, 0, 1]])
