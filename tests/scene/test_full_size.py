"""Objects of scenes at full size: how large they are, and how sharp their edges."""

import numpy as np
import pytest

from defocus.scene.full_size import (
    BORDER_PX,
    COVERED,
    DIAMETERS_PX,
    draw_outline,
    middle,
)
from defocus.scene.kernel_bank import KernelBank
from defocus.scene.occluders import Sources
from defocus.scene.pictures import Photograph


@pytest.mark.parametrize("size", [(300, 400), (1500, 2000)])
def test_an_object_takes_the_same_share_of_any_size_and_has_a_sharp_edge(size):
    random = np.random.default_rng(3)
    alpha = draw_outline(random, Sources((), "held-out"), size)
    assert alpha.shape == size
    least, most = COVERED
    assert 0.8 * least < alpha.mean() < 1.2 * most
    partly = (alpha > 0) & (alpha < 1)
    edge = np.count_nonzero(np.diff((alpha >= 0.5).astype(int), axis=0))
    edge += np.count_nonzero(np.diff((alpha >= 0.5).astype(int), axis=1))
    assert partly.sum() < 3 * edge


def test_the_middle_is_cut_or_mirrored():
    pixels = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    photograph = Photograph(pixels, np.zeros((1, 1), np.float32), "hash")
    assert np.array_equal(middle(photograph, (3, 2)), pixels[1:4, 1:3])
    larger = middle(photograph, (9, 8))
    assert np.array_equal(larger[2:7, 2:6], pixels)
    assert np.array_equal(larger[1, 2:6], pixels[1])
    assert np.array_equal(larger[2:7, 1], pixels[:, 1])
    taller = middle(photograph, (9, 2))
    assert np.array_equal(taller[2:7], pixels[:, 1:3])


def test_kernels_of_the_largest_circle_reach_no_farther_than_the_border():
    bank = KernelBank("held-out", diameters_px=DIAMETERS_PX)
    optic = bank.optic(0)
    assert optic.nodes == (
        *(-one for one in reversed(DIAMETERS_PX)),
        0.0,
        *DIAMETERS_PX,
    )
    kernel = bank.kernel(0, len(optic.nodes) - 1)
    assert 110 < kernel.shape[-1] <= 2 * BORDER_PX + 1
    assert np.allclose(kernel.sum(axis=(1, 2)), 1, atol=1e-5)
    usual = KernelBank("held-out").optic(0)
    assert usual.lens == optic.lens
    assert usual.nodes != optic.nodes
