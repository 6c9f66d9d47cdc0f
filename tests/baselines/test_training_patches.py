"""What five systems see in training, against what their papers and released codes say.

Pixels are compared with a transcription of this file: where a patch lies and how it is turned is
found in the pictures, not taken from the drawing.
"""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.baselines.registry import baseline
from defocus.datasets.patching.packing import PatchStore, pack
from defocus.datasets.patching.source import PatchSource

Bytes = NDArray[np.uint8]
SIDE, SIZE, PAIRS = 24, (60, 70), 2
TURNED = {(turns, mirrored) for turns in range(4) for mirrored in (False, True)}
FLIPPED = {(0, False), (0, True), (2, False), (2, True)}
"""A flip upside down is half a turn of a mirrored picture."""

SEEN = {
    # released code: crops of 256 px, batch 1; it defines flips and does not call them, ours does
    "jdrl-unet": (256, 1, FLIPPED),
    "drbnet": (256, 4, {(0, False)}),
    # Restormer's first stage: 8 pictures on each of 8 devices
    "restormer": (128, 64, TURNED),
    "nafnet": (256, 32, TURNED),
}
"""Side of a patch, patches of a step, quarter turns and mirrorings that occur."""


@pytest.fixture(scope="module")
def pictures():
    """Noise: every place is found again by its pixels."""
    draws = np.random.default_rng(0)
    return [
        (*(draws.integers(0, 256, (*SIZE, 3), np.uint8) for _ in range(2)),) for _ in range(PAIRS)
    ]


@pytest.fixture(scope="module")
def store(pictures, tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "pairs.h5"
    named = [(str(n), {"blurry": b, "target": t}) for n, (b, t) in enumerate(pictures)]
    pack(path, named)
    return path


def eight_bit(patch: object) -> Bytes:
    return np.rint(np.asarray(patch).transpose(1, 2, 0) * 255).astype(np.uint8)


def found_in(picture: Bytes, patch: Bytes) -> tuple[int, bool, int, int] | None:
    """Quarter turns and mirroring that were applied, row and column; None: not of this picture."""
    for turns, mirrored in TURNED:
        back = np.rot90(patch, -turns)
        back = back[:, ::-1] if mirrored else back
        rows, columns = np.nonzero((picture[: 1 - SIDE, : 1 - SIDE] == back[0, 0]).all(axis=2))
        for top, left in zip(rows, columns, strict=True):
            if np.array_equal(picture[top : top + SIDE, left : left + SIDE], back):
                return turns, mirrored, int(top), int(left)
    return None


@pytest.mark.parametrize("name", SEEN)
def test_patches_lie_and_turn_as_documented(name, store, pictures):
    recipe = baseline(name).recipe()
    side, batch, turned = SEEN[name]
    assert (recipe.paper.crop_px, recipe.paper.batch) == (side, batch)
    source = PatchSource(PatchStore(store), SIDE, recipe.augment)
    places = []
    for step in range(3):
        drawn = source.batch(step, 32, seed=7)
        for blurry, target in zip(drawn.blurry, drawn.target, strict=True):
            for one, (seen, true) in enumerate(pictures):
                place = found_in(seen, eight_bit(blurry))
                if place is not None:
                    assert place == found_in(true, eight_bit(target))
                    places.append((one, *place))
    assert len(places) == 96
    assert {place[0] for place in places} == set(range(PAIRS))
    assert {place[1:3] for place in places} == turned
    for axis, size in ((3, SIZE[0]), (4, SIZE[1])):
        middle = np.mean([place[axis] for place in places]) / (size - SIDE)
        assert 0.4 < middle < 0.6, "positions are uniform over the picture"
    again, other = (source.batch(2, 32, seed=seed).blurry for seed in (7, 8))
    assert np.array_equal(again, drawn.blurry)
    assert not np.array_equal(other, drawn.blurry)


def encoded_luminance(patch: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1, both ways, around the luminance of ITU-R BT.709."""
    linear = np.where(patch <= 0.04045, patch / 12.92, ((patch + 0.055) / 1.055) ** 2.4)
    light = linear @ (0.2126, 0.7152, 0.0722)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def test_ifan_shrinks_greys_and_adds_noise_as_documented(store, pictures):
    """Its released code: no flips; half are shrunk to 0.7 to 1, 3 in 10 grey, 1 in 20 noisy."""
    recipe = baseline("ifan").recipe()
    assert (recipe.paper.crop_px, recipe.paper.batch) == (256, 8)
    source = PatchSource(PatchStore(store), SIDE, recipe.augment)
    draws = np.random.default_rng(3)
    crops = [source.draw(draws, SIDE)[1] for _ in range(2000)]
    assert {(one.upside_down, one.mirrored, one.quarter_turns) for one in crops} == {(0, 0, 0)}
    shares = {
        "shrunk": (np.mean([one.window_px > SIDE for one in crops]), 0.5),
        "grey": (np.mean([one.look.grey for one in crops]), 0.3),
        "noisy": (np.mean([one.look.noise_deviation > 0 for one in crops]), 0.05),
    }
    # of the patches that are shrunk, one in twenty is by less than half a pixel: not at all
    assert all(abs(share - wanted) < 0.04 for share, wanted in shares.values()), shares
    assert max(one.window_px for one in crops) == round(SIDE / 0.7)
    deviations = [one.look.noise_deviation for one in crops if one.look.noise_deviation]
    assert 0.001 <= min(deviations) < 0.01
    assert 0.065 < max(deviations) <= 0.0707
    for crop in crops[:60]:
        for member, picture in zip(("blurry", "target"), pictures[crop.index], strict=True):
            window = slice(crop.top, crop.top + crop.window_px)
            cut = picture[window, crop.left : crop.left + crop.window_px]
            small = cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_AREA) / 255
            wanted = (
                np.repeat(encoded_luminance(small)[..., None], 3, 2) if crop.look.grey else small
            )
            patch = np.asarray(source.patch(member, crop, SIDE)).transpose(1, 2, 0)
            if member == "blurry" and crop.look.noise_deviation:
                inside = (wanted > 0.25) & (wanted < 0.75)
                spread = (patch - wanted)[inside].std()
                assert spread == pytest.approx(crop.look.noise_deviation, rel=0.15)
            else:
                assert patch == pytest.approx(wanted, abs=2e-6)
