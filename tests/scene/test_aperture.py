"""Points through apertures, and through the halves that a dual-pixel sensor sees."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from defocus.errors import OpticsError
from defocus.scene.aperture import (
    ROUND,
    Aperture,
    DualPixel,
    aperture_psf,
    disc_psf,
    dual_pixel_psfs,
    pupil_light,
)

HALF_DISC, SOFT = DualPixel("half-disc"), DualPixel("butterworth")
POLYGON = Aperture(blades=6, turn_deg=10.0)


def centroid(psf: NDArray[np.float64]) -> tuple[float, float]:
    y, x = np.mgrid[: psf.shape[0], : psf.shape[1]] - psf.shape[0] // 2
    return float((psf * x).sum()), float((psf * y).sum())


@given(diameter=st.floats(0.0, 80.0))
def test_a_psf_keeps_light_is_odd_symmetric_and_no_larger_than_needed(diameter):
    psf = disc_psf(diameter)
    assert math.isclose(psf.sum(), 1.0, abs_tol=1e-12)
    assert psf.shape[0] == psf.shape[1]
    assert psf.shape[0] % 2 == 1
    assert psf.min() >= 0.0
    assert np.allclose(psf, psf[::-1, ::-1])
    assert np.allclose(psf, psf.T)
    assert psf.shape[0] <= diameter + 3


@pytest.mark.parametrize("diameter", [2.0, 3.3, 5.0, 7.7, 12.0, 15.0, 28.0, 61.3])
def test_second_moment_is_that_of_a_disc(diameter):
    psf = disc_psf(diameter)
    offsets = np.arange(psf.shape[0]) - psf.shape[0] // 2
    variance = float((psf.sum(axis=0) * offsets**2).sum())
    # A pixel gathers what falls anywhere on it, which adds about the variance of a pixel, 1/12.
    assert abs(variance - ((diameter / 4.0) ** 2 + 1.0 / 12.0)) < 0.08


def test_below_a_pixel_it_is_a_point():
    assert disc_psf(0.0).shape == disc_psf(1.0).shape == (1, 1)


@pytest.mark.parametrize("diameter", [-0.1, math.nan, math.inf])
def test_no_kernel_without_a_diameter(diameter, refused):
    with refused(OpticsError):
        disc_psf(diameter)


@settings(max_examples=25, deadline=None)
@given(
    diameter=st.floats(-30, 30),
    blades=st.sampled_from([0, 5, 6, 8]),
    spherical=st.floats(-1, 1),
    cats_eye=st.floats(0, 0.5),
    place=st.tuples(st.floats(-0.7, 0.7), st.floats(-0.7, 0.7)),
    dual_pixel=st.sampled_from([HALF_DISC, SOFT]),
)
def test_energy_is_kept_and_the_views_mean_is_the_full_view(
    diameter, blades, spherical, cats_eye, place, dual_pixel
):
    aperture = Aperture(blades, 12.0, spherical, cats_eye)
    full = aperture_psf(diameter, aperture, place)
    views = dual_pixel_psfs(diameter, dual_pixel, aperture, place)
    for psf in (full, *views):
        assert psf.shape[0] % 2 == 1
        assert psf.min() >= 0
        assert abs(psf.sum() - 1) < 1e-12
    shares = [
        pupil_light(aperture, place, (dual_pixel, side)) for side in ("left", "right")
    ]
    total = pupil_light(aperture, place)
    assert sum(shares) / 2 == pytest.approx(total, abs=1e-9)
    if full.size > 1 and not cats_eye and not spherical:
        assert np.allclose((views[0] + views[1]) / 2, full, atol=2e-3)


@pytest.mark.parametrize("aperture", [ROUND, POLYGON])
@pytest.mark.parametrize("dual_pixel", [HALF_DISC, SOFT])
@pytest.mark.parametrize("diameter", [-17.0, 9.0])
def test_symmetric_views_have_exactly_the_mean_of_the_full_view(
    aperture, dual_pixel, diameter
):
    left, right = dual_pixel_psfs(diameter, dual_pixel, aperture)
    # the turned hexagon is not quite symmetric
    tolerance = 1e-12 if aperture is ROUND else 3e-5
    assert np.allclose(
        (left + right) / 2, aperture_psf(diameter, aperture), atol=tolerance
    )


@pytest.mark.parametrize("diameter", [6.0, 13.0, 24.0])
def test_disparity_of_half_discs_is_that_of_half_discs_and_changes_its_sign(diameter):
    """The centroid of half a disc of radius r lies 4 r / (3 π) from the middle."""
    for signed in (diameter, -diameter):
        left, right = dual_pixel_psfs(signed, HALF_DISC)
        disparity = centroid(right)[0] - centroid(left)[0]
        assert disparity == pytest.approx(4 * signed / (3 * math.pi), rel=0.02)
        assert abs(centroid(left)[1]) < 1e-9
    assert dual_pixel_psfs(0.0, HALF_DISC)[0].shape == (1, 1)


def test_soft_views_overlap_and_keep_the_sign():
    hard, soft = (dual_pixel_psfs(15.0, dual)[0] for dual in (HALF_DISC, SOFT))
    right_half = np.s_[:, soft.shape[1] // 2 + 1 :]
    assert hard[right_half].sum() < 1e-12
    assert 0.05 < soft[right_half].sum() < 0.35
    assert centroid(hard)[0] < centroid(soft)[0] < 0
    harder = dual_pixel_psfs(15.0, DualPixel("butterworth", order=12))[0]
    assert harder[right_half].sum() < soft[right_half].sum()
    assert (np.diff(soft.sum(axis=0)[4:-4]) < 0.02).all()  # no step anywhere


def test_polygon_has_its_area_and_turns_over_at_the_focus():
    psf = aperture_psf(40.0, Aperture(blades=5))
    area = 5 / 2 * math.sin(2 * math.pi / 5) * 20**2
    assert (psf > psf.max() / 2).sum() == pytest.approx(area, rel=0.03)
    assert np.allclose(
        aperture_psf(-40.0, Aperture(blades=5)), psf[::-1, ::-1], atol=1e-12
    )
    assert not np.allclose(psf, psf[:, ::-1], atol=1e-4)


def test_spherical_aberration_has_a_bright_core_behind_and_a_bright_rim_in_front():
    aperture = Aperture(spherical=0.6)
    behind, before = aperture_psf(21.0, aperture), aperture_psf(-21.0, aperture)
    middle = behind.shape[0] // 2
    assert behind[middle, middle] > 2 * behind[middle, 1]
    assert before[middle, middle] < 0.6 * before[middle, 1]


@pytest.mark.parametrize("spherical", [-1.0, -0.4, 0.5, 1.0])
@pytest.mark.parametrize("blades", [0, 6])
def test_spherical_aberration_displaces_rays(spherical, blades):
    """Rays through an even grid on the pupil, counted where they land; a caustic at s = -1."""
    aperture, radius = Aperture(blades=blades, spherical=spherical), 10.5
    steps = (np.arange(1500) + 0.5) / 750 - 1
    x, y = (grid.ravel() for grid in np.meshgrid(steps, steps))
    angles = 2 * np.pi * np.arange(6) / 6
    edge = np.max([math.cos(a) * x + math.sin(a) * y for a in angles], axis=0)
    inside = edge <= math.cos(math.pi / 6) if blades else np.hypot(x, y) <= 1
    x, y = x[inside], y[inside]
    psf = aperture_psf(2 * radius, aperture)
    stretch = radius * (1 - spherical / 2 * (1 - x * x - y * y))
    edges = np.arange(psf.shape[0] + 1) - psf.shape[0] / 2
    landed, _, _ = np.histogram2d(y * stretch, x * stretch, [edges, edges])
    assert np.abs(landed / landed.sum() - psf).sum() / 2 < 0.02
    if spherical == -1 and not blades:
        assert psf.max() > 5 * psf[psf.shape[0] // 2, psf.shape[0] // 2]


def test_cats_eye_takes_light_and_width_in_the_corner_only():
    aperture = Aperture(cats_eye=0.3)
    assert np.allclose(aperture_psf(21.0, aperture), disc_psf(21.0), atol=1e-12)
    assert pupil_light(aperture, (0.0, 0.0)) == 1.0
    # two discs 0.3 diameters apart
    assert 0.5 < pupil_light(aperture, (1.0, 0.0)) < 0.65
    corner = aperture_psf(21.0, aperture, (1.0, 0.0))
    width, height = ((corner.sum(axis=axis) > 0).sum() for axis in (0, 1))
    assert width < 0.8 * height
    lens = 2 * math.acos(0.3) / math.pi - 2 * 0.3 * math.sqrt(1 - 0.3**2) / math.pi
    assert pupil_light(aperture, (1.0, 0.0)) == pytest.approx(lens, abs=0.005)


def test_cats_eye_cuts_from_both_sides():
    """At half a diameter the opening is half as wide, and its middle 0.08 radii off: 0.8 px."""
    psf = aperture_psf(20.0, Aperture(cats_eye=0.5), (0.6, 0.8))
    along, across = centroid(psf)
    assert math.hypot(along, across) == pytest.approx(0.8, abs=0.05)
    assert along / across == pytest.approx(0.6 / 0.8, abs=0.02)
    assert along < 0
    front = aperture_psf(-20.0, Aperture(cats_eye=0.5), (0.6, 0.8))
    assert np.allclose(front, psf[::-1, ::-1], atol=1e-12)


@pytest.mark.parametrize(
    "settings_",
    [{"blades": 3}, {"blades": 13}, {"spherical": 1.2}, {"cats_eye": 0.6}, {"cats_eye": -0.1},
     {"turn_deg": math.nan}, {"spherical": math.nan}],
)  # fmt: skip
def test_impossible_apertures_are_refused(settings_):
    with pytest.raises(OpticsError):
        Aperture(**settings_)  # type: ignore[arg-type]


@pytest.mark.parametrize(("order", "cutoff"), [(0, 1.0), (2, 0.0), (2, math.inf)])
def test_impossible_divisions_are_refused(order, cutoff):
    with pytest.raises(OpticsError):
        DualPixel("butterworth", order, cutoff)
