"""Patches of a stream: the same for everyone who asks, with blur as real pictures have it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from defocus.datasets.patching.loader import PairPatches, PatchMixture
from defocus.datasets.stream.patches import (
    EPOCH_PIXELS,
    HELD_OUT_REVISION,
    STREAM_REVISION,
    Renderer,
    StreamPatches,
)
from defocus.datasets.stream.photographs import Photographs


@pytest.fixture(scope="module")
def renderer(photographs):
    return Renderer(photographs, "train")


def source(renderer, **options: object):
    return StreamPatches(renderer, 48, **options)


def test_patch_k_of_a_seed_does_not_depend_on_the_batch(renderer):
    patches = source(renderer)
    two, one = patches.batch(1, 2, seed=9), patches.batch(3, 1, seed=9)
    assert torch.equal(two.blurry[1], one.blurry[0])
    assert torch.equal(two.target[1], one.target[0])
    loaded = PairPatches(patches, 4, seed=9)[3]
    assert torch.equal(loaded[0], one.blurry[0])
    assert torch.equal(loaded[1], one.target[0])
    assert not torch.equal(patches.batch(3, 1, seed=10).blurry, one.blurry)


def test_batches_have_any_size_and_what_is_asked_for(renderer):
    patches = source(renderer, needs=("defocus_map",), supervision=("defocus_map",))
    batch = patches.batch(0, 2, 0)
    assert batch.blurry.shape == batch.target.shape == (2, 3, 48, 48)
    assert batch.blurry.dtype == torch.float32
    assert batch.extra["defocus_map"].shape == (2, 1, 48, 48)
    assert torch.equal(batch.extra["defocus_map"], batch.supervision["defocus_map"])
    assert float(batch.extra["defocus_map"].min()) >= 0
    larger = patches.batch(0, 1, 0, 71)
    assert larger.blurry.shape == (1, 3, 71, 71)
    for picture in (batch.blurry, batch.target, larger.blurry):
        assert float(picture.min()) >= 0
        assert float(picture.max()) <= 1
    assert patches.pixels == EPOCH_PIXELS


def test_eight_bits_and_grey_are_the_recipe_s(renderer):
    rounded = source(renderer, bit_depth=8).batch(0, 2, 0)
    for picture in (rounded.blurry, rounded.target):
        assert torch.allclose(picture * 255, (picture * 255).round(), atol=1e-4)
    target = source(renderer, augment=("grey", "flip", "rotate")).batch(0, 12, 0).target
    grey = [
        bool((one[0] == one[1]).all() and (one[1] == one[2]).all()) for one in target
    ]
    assert any(grey)
    assert not all(grey)


def test_a_stream_mixes_with_itself(renderer, photographs):
    first, second = source(renderer), source(Renderer(photographs, "held-out"))
    batch = PatchMixture([first, second], [1, 1]).batch(0, 3, 0)
    assert batch.blurry.shape == (3, 3, 48, 48)


def test_a_light_field_blurs_a_share_of_the_training_pairs():
    """Scene and camera stay; pairs for validation and test are those of lenses."""

    def pairs(share, branch):
        renderer = Renderer(Photographs(light_field=share), branch)
        return [renderer.pair(number, 24) for number in (0, 2, 3)]

    lenses, viewed, half = (pairs(share, "train") for share in (0.0, 1.0, 0.5))
    drawn = [
        np.array_equal(one.blurry, by.blurry)
        for one, by in zip(half, viewed, strict=True)
    ]
    assert drawn == [True, False, True], "it follows from the pair's number"
    for by_lens, by_views, either in zip(lenses, viewed, half, strict=True):
        np.testing.assert_array_equal(by_lens.sharp, by_views.sharp)
        assert any(
            np.array_equal(either.blurry, one.blurry) for one in (by_lens, by_views)
        )
        assert not np.array_equal(by_lens.blurry, by_views.blurry)
        assert np.abs(by_lens.blurry - by_views.blurry).mean() < 0.1
    kept = zip(pairs(0.0, "held-out"), pairs(1.0, "held-out"), strict=True)
    assert all(np.array_equal(one.blurry, other.blurry) for one, other in kept)


GOLDEN = {
    "train": ("patches.json", STREAM_REVISION),
    "held-out": ("held_out.json", HELD_OUT_REVISION),
}


@pytest.mark.parametrize("branch", GOLDEN)
def test_patches_look_as_their_revision_says(branch):
    """Where this fails on purpose, raise the branch's revision and write its file again."""
    name, revision = GOLDEN[branch]
    renderer = Renderer(Photographs(), branch)
    golden = json.loads(Path(__file__).with_name(name).read_text())
    assert golden["revision"] == revision
    for row in golden["pairs"]:
        pair = renderer.pair(row["number"], 32)
        assert pair.kind == row["kind"]
        for name in ("blurry", "sharp", "diameters"):
            corners = np.asarray(getattr(pair, name))[::16, ::16].ravel()
            np.testing.assert_allclose(corners, row[name], atol=0.02, err_msg=name)
