"""The target registered by the local flow, and its mask, on a pair with a planted parallax."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.datasets.deriving.aligned_reference import aligned_reference
from defocus.datasets.patching.packing import Crop
from defocus.datasets.patching.source import PatchForm, training_patches
from defocus.errors import NotApplicableError
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float, as_integer, linear_to_srgb
from defocus.scene.pictures import texture
from defocus.storage.files import sha256_file
from tests.datasets.conftest import one_pair

HEIGHT, WIDTH = 288, 384
GAIN = 0.9
COVERED = np.s_[200:240, 60:120]
"""Where the sharp picture shows something else."""


@pytest.fixture(scope="module")
def rendering(tmp_path_factory):
    """A pair whose left and right move apart by 2.4 px, with an obstacle before the sharp one."""
    folder = tmp_path_factory.mktemp("parallax")
    scene = np.asarray(texture("chelsea", WIDTH, HEIGHT), np.float32)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    from_x = x.copy()
    for _ in range(8):  # the flow at the place that is shown here
        from_x = x - 1.2 * np.tanh((from_x - WIDTH / 2) / 60)
    moved = GAIN * cv2.remap(
        scene, from_x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    moved[COVERED] = np.random.default_rng(0).uniform(0, 1, moved[COVERED].shape)
    blurry = cv2.GaussianBlur(scene, (0, 0), 1.5)
    return one_pair(folder, encoded(truth=scene, blurry=blurry, sharp=moved))


def encoded(**light: NDArray[np.float32]):
    return {
        n: as_integer(linear_to_srgb(np.clip(one, 0, 1)), 16)
        for n, one in light.items()
    }


def reference(dataset, model):
    return aligned_reference(dataset, dataset.pairs[0], model=model)


def mask_of(dataset):
    return read_image(reference(dataset, "flow").valid_mask)[:, :, 0] == 255


def source(dataset, target="registered-flow"):
    return training_patches(
        dataset, "train", target, PatchForm(64, supervision=("valid_mask",))
    )


def test_it_is_nearer_to_the_truth_than_the_global_one_where_the_mask_is_valid(
    rendering,
):
    (pair,) = rendering.pairs
    truth, mask = as_float(read_image(pair.truth)), mask_of(rendering)
    assert mask.mean() > 0.7
    assert mask[COVERED].mean() < 0.2
    errors = {}
    for target in ("registered", "registered-flow"):
        store = training_patches(rendering, "train", target, PatchForm(64)).store
        target_light = as_float(store.read_member("target", Crop(0, 0, 0), HEIGHT))
        inside = mask[:, :HEIGHT]
        errors[target] = float(np.abs(target_light - truth[:, :HEIGHT])[inside].mean())
    assert errors["registered-flow"] < 0.6 * errors["registered"]


def contents(folder):
    """Hash and time of each file."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    states = [(sha256_file(path), path.stat().st_mtime_ns) for path in files]
    return dict(
        zip((str(path.relative_to(folder)) for path in files), states, strict=True)
    )


def test_both_references_share_a_measurement_and_no_file(
    rendering, tmp_path, monkeypatch
):
    first = replace(rendering, derived=tmp_path / "first")
    alone = reference(first, "global")
    kept = contents(first.derived / "aligned")
    assert set(kept) == {
        f"dis/a/{one}" for one in ("reference.json", "sharp.png", "valid_mask.png")
    }
    # not measured again
    monkeypatch.setattr("defocus.datasets.measuring.kept.measure", None)
    by_flow = reference(first, "flow")
    assert contents(first.derived / "aligned") == kept
    assert reference(first, "global") == alone
    assert by_flow.misalignment == alone.misalignment
    assert by_flow.sha256 != alone.sha256
    second = replace(rendering, derived=tmp_path / "second")
    reference(second, "flow")
    reference(second, "global")
    hashes = [
        {name: one for name, (one, _) in contents(folder).items()}
        for folder in (first.derived, second.derived)
    ]
    assert hashes[0] == hashes[1], "whichever is made first"


def test_another_version_of_the_aligner_packs_the_pairs_again(
    rendering, tmp_path, monkeypatch
):
    dataset = replace(rendering, derived=tmp_path / "derived")
    first = source(dataset).store.path
    assert source(dataset).store.path == first
    monkeypatch.setattr("defocus.datasets.patching.packing.REFERENCED", [9, 9])
    assert (
        source(dataset).store.path.name
        == "train-registered-flow-dis-r9.9-valid_mask.h5"
    )
    assert first.is_file()


def test_a_shrunk_pixel_is_valid_if_all_pixels_under_it_are(rendering):
    patches = source(rendering)
    crop = Crop(0, 150, 40, window_px=128, mirrored=True)
    cut = mask_of(rendering)[150:278, 40:168][:, ::-1].reshape(64, 2, 64, 2)
    assert np.array_equal(
        patches.patch("valid_mask", crop, 64)[0].numpy(), cut.all(axis=(1, 3))
    )


@pytest.mark.parametrize("target", ["sharp", "registered", "truth"])
def test_other_targets_have_no_mask(rendering, target):
    with pytest.raises(NotApplicableError) as caught:
        source(rendering, target)
    assert str(caught.value) == (
        f"the target '{target}' has no valid mask; train on the target 'registered-flow'"
    )
