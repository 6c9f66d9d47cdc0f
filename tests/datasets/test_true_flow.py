"""The true flow of a rendered pair, cut and turned with its pictures."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from defocus.align.sampling.warp import warp
from defocus.datasets.patching.packing import Crop
from defocus.datasets.patching.source import PatchForm, training_patches
from defocus.errors import NotApplicableError
from tests.datasets.conftest import one_pair

FLOW_PX = (2.0, -3.0)


@pytest.fixture
def dataset(tmp_path):
    """A smooth picture, and itself 2 px to the right and 3 px up."""
    down, across = np.mgrid[0:80, 0:90]
    waves = [
        np.sin((across * a + down * b) / 7)
        for a, b in ((1, 0.3), (0.2, 1), (0.8, -0.7))
    ]
    wide = np.rint((np.stack(waves, -1) * 0.4 + 0.5) * 65535).astype(np.uint16)
    # sharp(x + flow(x)) = blurry(x)
    flow = np.empty((2, 60, 70), np.float32)
    flow[0], flow[1] = FLOW_PX
    np.save(tmp_path / "flow.npy", flow)
    pictures = {"blurry": wide[10:70, 10:80], "sharp": wide[13:73, 8:78]}
    return one_pair(tmp_path, pictures, flow=tmp_path / "flow.npy")


def source(dataset):
    return training_patches(
        dataset, "train", "sharp", PatchForm(32, supervision=("flow",))
    )


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("upside_down", [False, True])
@pytest.mark.parametrize("window_px", [0, 44])
def test_it_brings_the_target_onto_the_blurry_crop(
    dataset, quarter_turns, *, mirrored, upside_down, window_px
):
    patches = source(dataset)
    crop = Crop(0, 9, 7, upside_down=upside_down, mirrored=mirrored, quarter_turns=quarter_turns,
                window_px=window_px)  # fmt: skip
    blurry, target, flow = (
        patches.patch(one, crop, 32)[None] for one in ("blurry", "target", "flow")
    )
    inner = np.s_[..., 4:-4, 4:-4]
    assert float((warp(target, flow) - blurry)[inner].abs().mean()) < 0.004
    assert float((target - blurry)[inner].abs().mean()) > 0.05
    scale = 32 / (window_px or 32)
    assert float(torch.linalg.vector_norm(flow, dim=1).max()) == pytest.approx(
        13**0.5 * scale
    )


def test_a_pair_without_it_is_named(dataset, refused):
    (pair,) = dataset.pairs
    without = replace(dataset, pairs=(replace(pair, flow=None),))
    with refused(NotApplicableError):
        source(without)
