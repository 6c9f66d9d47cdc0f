"""What a right map is worth on the sample's own scenes, and what bounds it."""

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from defocus.baselines.registry import baseline
from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Pair
from defocus.datasets.pair_files import read_array
from defocus.images import as_float, read_image

JUMP_PX = 1.0
"""Between neighbouring pixels' circles of confusion: another surface."""


def far_from_jumps(diameter: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels that no light of another surface reaches."""
    same = np.ones(diameter.shape, np.uint8)
    same[:, 1:][np.abs(np.diff(diameter, axis=1)) > JUMP_PX] = 0
    same[1:][np.abs(np.diff(diameter, axis=0)) > JUMP_PX] = 0
    return np.asarray(cv2.distanceTransform(same, cv2.DIST_L2, 5) > diameter.max() / 2)


def gains(pair: Pair) -> tuple[float, float]:
    """Of all pixels, and of those far from jumps, dB under ``truth``."""
    assert pair.defocus_map is not None
    assert pair.truth is not None
    blurry, truth = (as_float(read_image(path)) for path in (pair.blurry, pair.truth))
    diameter = np.abs(read_array(pair.defocus_map)).astype(np.float32)
    picture = torch.from_numpy(blurry).permute(2, 0, 1)[None]
    restored = baseline("oracle-map").build()(picture, torch.from_numpy(diameter)[None, None])
    before = np.square(blurry - truth)
    after = np.square(restored[0].permute(1, 2, 0).numpy() - truth)
    far = far_from_jumps(diameter)
    whole = 10 * np.log10(before.mean() / after.mean())
    return float(whole), float(10 * np.log10(before[far].mean() / after[far].mean()))


@pytest.mark.full
def test_light_of_other_surfaces_is_what_a_right_map_cannot_undo() -> None:
    found = np.array([gains(pair) for pair in open_dataset("sample").split("test")])
    whole, far = found.mean(axis=0)
    assert whole > 1.8
    assert far > whole + 0.7
    assert (found[:, 1] > found[:, 0]).mean() > 0.9
