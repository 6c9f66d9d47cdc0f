"""Hand-made defocus maps: blurs that are known, and pictures that tell nothing."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import ndtr

from defocus.baselines.operators.domain import Array
from defocus.baselines.systems.dmenet.network import DMENetDeblurring, blur_sigma_px
from defocus.baselines.systems.ebdb import network as ebdb
from defocus.baselines.systems.jnb import network as jnb
from defocus.baselines.systems.jnb.network import atom_counts
from defocus.baselines.systems.tvl2_2016 import network as tvl2_2016
from defocus.blur.edge_blur import edge_sigma_px, gradient_magnitude
from defocus.pictures.values import linear_to_srgb
from defocus.scene.pictures import texture

Estimate = Callable[[Array], NDArray[np.float64]]
MAPS = {"ebdb": ebdb, "jnb": jnb, "tvl2-2016": tvl2_2016}


def blurred(sigma_px: float) -> NDArray[np.float32]:
    picture = linear_to_srgb(texture("coffee", 160, 120).astype(np.float32))
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px))


@pytest.mark.parametrize("sigma_px", [0.8, 1.5, 2.5])
def test_the_blur_of_a_step_is_measured(sigma_px):
    offsets = np.arange(64) - 32.0
    seen = np.repeat(0.2 + 0.5 * ndtr(offsets / sigma_px)[None], 48, axis=0)
    fine, coarse = (gradient_magnitude(seen, scale, 9)[24, 32] for scale in (1.0, 1.5))
    np.testing.assert_allclose(
        edge_sigma_px(fine, coarse, 1.0, 1.5), sigma_px, rtol=0.05
    )


@pytest.mark.parametrize(
    "name", ["ebdb", "tvl2-2016", pytest.param("jnb", marks=pytest.mark.full)]
)
def test_more_blur_gives_a_larger_map(name):
    estimate: Estimate = MAPS[name].estimate_sigma_px
    medians = [np.median(estimate(blurred(sigma))) for sigma in (0.5, 1.2, 2.0)]
    assert medians[0] < medians[1] < medians[2]


@pytest.mark.parametrize("name", ["ebdb", "tvl2-2016"])
def test_a_picture_without_edges_has_no_blur_that_could_be_told(name):
    flat = np.full((32, 40, 3), 0.5, np.float32)
    assert not MAPS[name].estimate_sigma_px(flat).any()


@pytest.mark.full  # compiles
def test_as_many_atoms_are_counted_as_made_up_the_patch():
    rng = np.random.default_rng(0)
    atoms = np.linalg.qr(rng.standard_normal((64, 64)))[0].astype(np.float32)
    weights = np.zeros((5, 64), np.float32)
    for count in range(5):
        weights[count, rng.choice(64, count, replace=False)] = 10.0
    assert atom_counts(weights @ atoms, atoms, 0.1).tolist() == [0, 1, 2, 3, 4]


def test_dmenet_s_chain_restores_with_the_map_that_its_network_gives():
    torch.manual_seed(0)
    chain = DMENetDeblurring(divide_channels_by=16).eval()
    blurry = (
        torch.from_numpy(blurred(1.5)).permute(2, 0, 1)[None, :, :48, :64].contiguous()
    )
    with torch.no_grad():
        given = chain.outputs(blurry)
    torch.testing.assert_close(given["defocus_map"], 4 * blur_sigma_px(given["map"]))
    assert given["restored"].shape == blurry.shape
    assert float((given["restored"] - blurry).abs().mean()) > 1e-3
    assert not any(name.startswith("_restore") for name in chain.state_dict())
