"""The blur that a pair's own pictures show, as what an objective may be given."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from defocus.datasets.deriving.aligned_reference import measured_blur
from defocus.datasets.patching.packing import Crop
from defocus.datasets.patching.source import PatchForm, training_patches
from defocus.errors import NotApplicableError
from defocus.scene.pictures import texture
from tests.datasets.conftest import one_pair
from tests.datasets.test_flow_target import encoded

HEIGHT, WIDTH = 288, 384
SIGMA_PX = 1.5
"""Of a Gaussian blur; a disc has that spread with four times the diameter."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A pair that moved by a pixel; its right half is as sharp in both pictures."""
    folder = tmp_path_factory.mktemp("half")
    scene = np.asarray(texture("chelsea", WIDTH, HEIGHT), np.float32)
    blurred = cv2.GaussianBlur(scene, (0, 0), SIGMA_PX)
    blurred[:, WIDTH // 2 :] = scene[:, WIDTH // 2 :]
    return one_pair(folder, encoded(blurry=blurred, sharp=np.roll(scene, 1, axis=0)))


def blur_of(dataset):
    (pair,) = dataset.pairs
    return measured_blur(pair.blurry, pair.sharp)


def source(dataset, **further: object):
    return training_patches(
        dataset,
        "train",
        "sharp",
        PatchForm(64, supervision=("measured_blur",), **further),
    )


@pytest.mark.full
def test_it_is_the_blur_of_each_half(dataset):
    diameters = blur_of(dataset)
    assert diameters.shape == (HEIGHT, WIDTH)
    left, right = (
        diameters[:, 16 : WIDTH // 2 - 16],
        diameters[:, WIDTH // 2 + 16 : -16],
    )
    assert np.isfinite(left).mean() > 0.7
    assert np.nanmedian(left) == pytest.approx(4 * SIGMA_PX, rel=0.2)
    assert np.nanmedian(np.abs(right)) < 1


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarter_turns", [0, 1])
def test_it_is_cut_and_turned_along(dataset, quarter_turns, *, mirrored):
    crop = Crop(0, 60, 150, mirrored=mirrored, quarter_turns=quarter_turns)
    patch = source(dataset).patch("measured_blur", crop, 64)
    cut = blur_of(dataset)[60:124, 150:214]
    cut = cut[:, ::-1] if mirrored else cut
    turned = np.ascontiguousarray(np.rot90(cut, quarter_turns))
    torch.testing.assert_close(patch[0], torch.from_numpy(turned), equal_nan=True)


def test_in_a_shrunk_patch_circles_are_smaller_too(dataset):
    patches = source(dataset, augment=("shrink",))
    whole = patches.patch("measured_blur", Crop(0, 60, 40), 64)
    half = patches.patch("measured_blur", Crop(0, 60, 40, window_px=128), 64)
    assert float(half.nanmedian()) == pytest.approx(
        float(whole.nanmedian()) / 2, rel=0.1
    )


def test_a_batch_has_it_for_the_objective_and_its_file_is_of_one_aligner(
    dataset, monkeypatch
):
    batch = source(dataset).batch(0, 3, 0)
    assert (batch.extra, batch.supervision["measured_blur"].shape) == (
        {},
        (3, 1, 64, 64),
    )
    monkeypatch.setattr("defocus.datasets.patching.packing.REFERENCED", [9, 9])
    assert source(dataset).store.path.name == "train-sharp-dis-r9.9-measured_blur.h5"


def test_a_pair_of_unknown_misalignment_has_none_and_is_named(tmp_path, capsys):
    noise = np.random.default_rng(0).integers(0, 255, (2, HEIGHT, WIDTH, 3), np.uint8)
    unknown = one_pair(tmp_path, dict(zip(("blurry", "sharp"), noise, strict=True)))
    assert np.isnan(blur_of(unknown)).all()
    source(unknown)
    assert (
        "pair a has no measured blur: its misalignment is unknown"
        in capsys.readouterr().err
    )


def test_a_pair_without_a_sharp_picture_is_refused(dataset, refused):
    pairs = tuple(replace(pair, sharp=None, truth=pair.sharp) for pair in dataset.pairs)
    with refused(NotApplicableError):
        training_patches(
            replace(dataset, pairs=pairs),
            "train",
            "truth",
            PatchForm(64, supervision=("measured_blur",)),
        )
