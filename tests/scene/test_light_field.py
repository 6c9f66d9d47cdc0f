"""A light field's synthetic aperture against a thin lens, and where it differs from one."""

import numpy as np
import pytest

from defocus.scene.aperture import disc_psf
from defocus.scene.compositor import correlated, merged
from defocus.scene.light_field import pupil_views, synthetic_aperture
from defocus.scene.occluders import Occluder, StreamScene

SIDE, BORDER = 48, 12


def plain(value: float, diameter: float) -> StreamScene:
    side = SIDE + 2 * BORDER
    colour = np.full((side, side, 3), value, np.float32)
    return StreamScene(colour, np.full((side, side), diameter, np.float32))


def half(value: float, diameter: float) -> Occluder:
    """What covers the left half."""
    side = SIDE + 2 * BORDER
    colour = np.full((side, side // 2, 3), value, np.float32)
    return Occluder(colour, np.ones((side, side // 2), np.float32), 0, 0, diameter)


@pytest.mark.parametrize("diameter", [-7.0, 10.0])
def test_one_plane_is_blurred_as_by_a_thin_lens(diameter):
    scene = plain(0.0, diameter)
    noise = np.random.default_rng(2).uniform(0, 1, (36, 36, 3)).astype(np.float32)
    scene.background[:] = noise.repeat(2, axis=0).repeat(2, axis=1)
    picture = synthetic_aperture(scene, BORDER, 24)
    psf = disc_psf(abs(diameter)).astype(np.float32)[None]
    reach = BORDER - psf.shape[-1] // 2
    planes = np.ascontiguousarray(scene.background.transpose(2, 0, 1))
    expected = merged(correlated(planes[:, reach:-reach, reach:-reach], psf))
    assert np.abs(picture - expected).max() < 0.02
    assert expected.std() > 0.03


def test_in_focus_nothing_changes():
    scene = plain(0.4, 0.0)
    np.testing.assert_allclose(synthetic_aperture(scene, BORDER), 0.4, atol=1e-6)
    assert pupil_views(1) == [(0.0, 0.0)]


def test_two_edges_that_lie_together_hide_the_same_part_of_the_pupil():
    """Blurred one by one they would let a quarter of the light through at the edge, not half."""
    scene = plain(1.0, 0.0)
    both = StreamScene(
        scene.background, scene.diameters, (half(0.0, -9.0), half(0.0, -9.0))
    )
    row = synthetic_aperture(both, BORDER, 24)[SIDE // 2, :, 0]
    middle = SIDE // 2
    assert (row[middle - 1] + row[middle]) / 2 == pytest.approx(0.5, abs=0.03)
    assert row[middle - 6] < 0.01
    assert row[middle + 6] > 0.99


def test_a_depth_edge_uncovers_what_only_a_part_of_the_pupil_sees():
    """The sharp edge of an occluder stays sharp before a background out of focus."""
    scene = plain(0.0, 8.0)
    scene.background[:] = np.random.default_rng(3).uniform(0, 1, scene.background.shape)
    before = StreamScene(scene.background, scene.diameters, (half(0.2, 0.0),))
    alone, seen = (synthetic_aperture(one, BORDER) for one in (scene, before))
    np.testing.assert_allclose(seen[:, : SIDE // 2], 0.2, atol=1e-5)
    np.testing.assert_array_equal(seen[:, SIDE // 2 :], alone[:, SIDE // 2 :])
