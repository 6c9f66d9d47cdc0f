"""Kernels of real lenses against analytic limits and a direct integral over the pupil."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import j1

from defocus.errors import OpticsError
from defocus.scene.aperture import disc_psf
from defocus.scene.colour_psf import (
    colour_psfs,
    landings,
    pupil_grid,
    ray_psfs,
    wave_light,
    wave_psfs,
)
from defocus.scene.real_lens import WAVE_UM, OffAxis, Pupil, RealLens, Rim

Array = NDArray[np.float64]
AXIS = (0.0, 0.0)
CORNER = (0.8, 0.6)
AT_CENTRE = [(0.0, 0.0)]
COARSE, FINE = RealLens(1.8, 1.8, 21.4), RealLens(8.0, 8.0, 5.36)
ROUND_RIM = 5.0  # radii: cuts nothing
OPEN = {"front": Rim(0.0, ROUND_RIM), "rear": Rim(0.0, ROUND_RIM)}


def centroid(psf: Array) -> tuple[float, float]:
    y, x = np.mgrid[: psf.shape[0], : psf.shape[1]] - psf.shape[0] // 2
    return float((psf * x).sum() / psf.sum()), float((psf * y).sum() / psf.sum())


def mtf(psf: Array, frequency: Array) -> Array:
    """Along x, cycles per pixel."""
    x = np.arange(psf.shape[1]) - psf.shape[1] // 2
    return np.asarray(np.cos(2 * np.pi * frequency[:, None] * x) @ psf.sum(axis=0))


ABERRATED = {
    "coma": (0.4, RealLens(4.0, 4.0, 5.36, coma=OffAxis(1.0, 2.0), **OPEN), CORNER),
    "astigmatism": (-0.7, RealLens(4.0, 4.0, 5.36, astigmatism=OffAxis(0.6, -1.6), **OPEN), CORNER),
    "spherical": (0.9, RealLens(2.0, 2.0, 5.36, spherical=3.0, spherical_6=-1.4), AXIS),
    "spherical, negative": (0.9, RealLens(2.0, 2.0, 5.36, spherical=-3.0, spherical_6=1.4), AXIS),
    "defocus": (-2.0, FINE, AXIS),
    "field": (
        0.3,
        RealLens(2.8, 2.0, 5.36, spherical=5.0, spherical_6=-3.3, coma=OffAxis(4.0, 6.0),
                 astigmatism=OffAxis(2.0, 5.0), field_curvature=OffAxis(3.0, -4.0),
                 oblique_spherical=OffAxis(-2.0, -5.0), front=Rim(-0.4, 1.05),
                 rear=Rim(0.5, 1.1)),
        (-0.3, 0.55),
    ),
}  # fmt: skip
SYMMETRIC = {"astigmatism", "spherical", "spherical, negative", "defocus"}
"""Of the same light on both sides of the centre."""


def direct_integral(
    lens: RealLens, defocus: float, field: tuple[float, float], px: Array
) -> Array:
    """|∫∫ exp(2πi (W - u·r)) ρ dρ dφ|², by sums in polar coordinates about the open pupil."""
    stop, height = lens.open_f_number / lens.f_number, math.hypot(*field)
    nodes, weights = np.polynomial.legendre.leggauss(160)
    rho, phi = (nodes[:, None] + 1) / 2, np.arange(384)[None, :] * 2 * np.pi / 384

    def off(term: OffAxis, power: int) -> float:
        a, b = np.linalg.solve(
            [[0.7**power, 0.7 ** (power + 2)], [1, 1]], [term.at_07, term.at_corner]
        )
        return float(a * height**power + b * height ** (power + 2))

    r = stop * rho
    best = -(lens.spherical * stop**2 + 0.9 * lens.spherical_6 * stop**4)
    waves = defocus * rho**2 + (best + off(lens.field_curvature, 2)) * r**2
    waves = waves + (lens.spherical + off(lens.oblique_spherical, 2)) * r**4
    waves = waves + lens.spherical_6 * r**6 + off(lens.coma, 1) * r**3 * np.cos(phi)
    waves = waves + off(lens.astigmatism, 2) * (r * np.cos(phi)) ** 2
    meridional, sagittal = r * np.cos(phi), r * np.sin(phi)
    seen = np.ones_like(waves)
    for rim in (lens.front, lens.rear):
        seen = seen * (
            np.hypot(meridional - rim.shift * height, sagittal) <= rim.radius
        )
    turn = math.atan2(field[1], field[0])
    amplitude = seen * np.exp(2j * np.pi * waves) * rho * weights[:, None]
    x, y = (rho * np.cos(phi + turn)).ravel(), (rho * np.sin(phi + turn)).ravel()
    u = px * lens.pixel_pitch_um / (WAVE_UM * lens.f_number)
    across, down = (np.exp(-1j * np.pi * np.outer(u, one)) for one in (x, y))
    return np.abs((down * amplitude.ravel()) @ across.T) ** 2


@pytest.mark.parametrize("name", ABERRATED)
def test_waves_agree_with_a_direct_integral(name):
    """To 2 % of the peak; W = 0.55 µm waves, the stop's edge and the rims included."""
    defocus, lens, field = ABERRATED[name]
    unit = WAVE_UM * lens.f_number / lens.pixel_pitch_um
    px = np.linspace(-8, 8, 41) * unit
    expected = direct_integral(lens, defocus, field, px)
    band = [[(WAVE_UM, defocus * WAVE_UM)]]
    psf = wave_light(Pupil(lens, field), band, AT_CENTRE, px, 144)[0]
    peak = expected.max()
    scale = (psf * expected).sum() / (psf**2).sum()
    assert np.abs(psf * scale - expected).max() < 0.02 * peak
    turned_differs = np.abs(psf[::-1, ::-1] * scale - expected).max() > 0.05 * peak
    assert turned_differs == (name not in SYMMETRIC)


@pytest.mark.parametrize("diameter", [0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 16.0, -8.0])
def test_a_defocused_disc_has_the_mtf_of_a_disc_without_a_second_pixel(diameter):
    """2 J1(πDf) / (πDf), not times the pixel's sinc; counting in pixels errs by 0.28 at D 1.

    At D 1.5 to 2 no kernel without negative values is near at the highest frequencies."""
    psf = colour_psfs(COARSE, diameter, AXIS)[1]
    frequency = np.linspace(0.01, 0.5, 50)
    argument = np.pi * abs(diameter) * frequency
    error = np.abs(mtf(psf, frequency) - 2 * j1(argument) / argument)
    assert error[frequency <= 0.25].max() < (0.03 if abs(diameter) > 2 else 0.07)
    assert error.max() < (0.14 if 1 < abs(diameter) <= 2 else 0.07)


@pytest.mark.parametrize(
    ("diameter", "side", "most"),
    [(10.0, 64, 0.016), (10.0, 128, 0.006), (30.0, 256, 0.010)],
)
def test_rays_fill_the_disc_evenly(diameter, side, most):
    """Half the L1 distance to the exact disc; a regular grid has up to twice as much."""
    pupil = Pupil(COARSE, AXIS)
    x, y = landings(pupil, pupil_grid(side), [pupil.defocus(diameter)], AT_CENTRE)
    exact = disc_psf(diameter)
    edges = np.arange(exact.shape[0] + 1) - exact.shape[0] / 2
    counts, _, _ = np.histogram2d(y[0], x[0], [edges, edges])
    assert np.abs(counts / counts.sum() - exact).sum() / 2 < most


@pytest.mark.parametrize("diameter", [10.0, 16.3, 24.0, 40.0])
def test_discs_of_rays_show_neither_noise_nor_moire(diameter):
    psf = colour_psfs(COARSE, diameter, AXIS)[1]
    half = int((diameter / 2 - 2.5) / math.sqrt(2))
    middle = psf.shape[0] // 2
    inner = psf[middle - half : middle + half + 1, middle - half : middle + half + 1]
    spectrum = np.abs(np.fft.fft2(inner / inner.mean() - 1)) / inner.size
    assert inner.std() < 0.025 * inner.mean()
    assert spectrum.max() < 0.01


def test_rays_and_waves_are_one_kernel_where_the_one_gives_way_to_the_other():
    lens = RealLens(
        2.8, 2.0, 5.36, spherical=3.0, spherical_6=-2.0, coma=OffAxis(2.0, 5.0), **OPEN
    )
    pupil = Pupil(lens, CORNER)
    for waves in (-7.0, 7.0):
        defocus = [waves * WAVE_UM]
        rays = ray_psfs(pupil, defocus, AT_CENTRE, 20.0)[0]
        light = wave_psfs(pupil, [[(WAVE_UM, defocus[0])]], AT_CENTRE, 20.0, 160)[0]
        apart = (light.shape[0] - rays.shape[0]) // 2
        rays = (
            np.pad(rays, apart) if apart > 0 else rays[-apart or None : apart or None]
        )
        frequency = np.linspace(0.01, 0.25, 30)
        assert np.abs(mtf(rays, frequency) - mtf(light, frequency)).max() < 0.04
        assert np.allclose(centroid(rays), centroid(light), atol=0.15)
        assert math.hypot(*centroid(rays)) > 0.9


@pytest.mark.parametrize("lens", [COARSE, FINE])
def test_lateral_colour_parts_the_colours_about_green(lens):
    lens = replace(lens, lateral_colour_um=(9.0, -12.0), **OPEN)
    for diameter in (0.0, 9.0):
        psfs = colour_psfs(lens, diameter, CORNER)
        for psf, shift in zip(psfs, (9.0, 0.0, -12.0), strict=True):
            expected = [shift / lens.pixel_pitch_um * place for place in CORNER]
            assert np.allclose(centroid(psf), expected, atol=0.02)


def test_axial_colour_changes_the_diameter_by_the_same_for_every_defocus():
    """ΔD = -Δz / (N p): 55 µm at f/1.88 are 1.4 px of 21.4 µm."""
    lens = RealLens(1.88, 1.88, 21.4, axial_colour_um=(55.0, -30.0))
    for diameter in (12.0, -12.0):
        psfs = colour_psfs(lens, diameter, AXIS)
        y, x = np.mgrid[: psfs.shape[1], : psfs.shape[1]] - psfs.shape[1] // 2
        diameters = [
            4 * math.sqrt(float((psf * (x**2 + y**2)).sum()) / 2) for psf in psfs
        ]
        for size, focus in zip(diameters, (55.0, 0.0, -30.0), strict=True):
            assert size == pytest.approx(
                abs(diameter - focus / (1.88 * 21.4)), abs=0.15
            )


def test_an_odd_diaphragm_turns_over_in_front_of_the_focus():
    lens = RealLens(4.0, 2.0, 21.4, blades=5, roundness=0.0)
    behind, before = (
        colour_psfs(lens, diameter, AXIS)[1] for diameter in (40.0, -40.0)
    )
    assert np.abs(behind - before[::-1, ::-1]).sum() < 0.05
    assert np.abs(behind - before).sum() > 0.15
    area = 5 / 2 * math.sin(2 * math.pi / 5) * 20**2
    assert (behind > behind.max() / 2).sum() == pytest.approx(area, rel=0.03)
    open_ = colour_psfs(replace(lens, f_number=2.0), 40.0, AXIS)[1]
    assert (open_ > open_.max() / 2).sum() == pytest.approx(math.pi * 20**2, rel=0.03)


def test_two_rims_cut_from_both_sides_until_the_lens_is_stopped_down():
    """Half-width 0.43 and centre 0.09 radii off, as real corners are: 0.9 px at D 20."""
    lens = RealLens(1.8, 1.8, 21.4, front=Rim(-0.48, 1.0), rear=Rim(0.66, 1.0))
    psf = colour_psfs(lens, 20.0, (1.0, 0.0))[1]
    assert centroid(psf)[0] == pytest.approx(0.9, abs=0.1)
    assert abs(centroid(psf)[1]) < 0.1
    width = float((psf.sum(axis=0) > 0.1 * psf.sum(axis=0).max()).sum())
    assert width == pytest.approx(2 * 0.43 * 10, abs=1.5)
    one_sided = replace(lens, front=Rim(-1.14, 1.0), rear=Rim())
    assert centroid(colour_psfs(one_sided, 20.0, (1.0, 0.0))[1])[0] == pytest.approx(
        -5.7, abs=0.2
    )
    stopped = replace(lens, f_number=5.3)
    full = colour_psfs(replace(stopped, front=Rim(), rear=Rim()), 20.0, (1.0, 0.0))
    assert np.array_equal(colour_psfs(stopped, 20.0, (1.0, 0.0)), full)


@pytest.mark.parametrize(
    ("diameter", "field"),
    [(math.nan, AXIS), (math.inf, AXIS), (3.0, (1.0, 0.4)), (3.0, (0.0, math.nan))],
)
def test_impossible_places_are_refused(diameter, field, refused):
    with refused(OpticsError):
        colour_psfs(COARSE, diameter, field)


def test_a_pupil_that_is_covered_whole_is_refused(refused):
    lens = replace(COARSE, front=Rim(-1.2, 1.0), rear=Rim(1.2, 1.0))
    assert colour_psfs(lens, 5.0, AXIS).shape[0] == 3
    with refused(OpticsError):
        colour_psfs(lens, 5.0, (1.0, 0.0))


@pytest.mark.parametrize(
    "wrong",
    [{"f_number": 1.2}, {"f_number": math.inf}, {"pixel_pitch_um": 0.0}, {"blades": 4},
     {"roundness": 1.5}],
)  # fmt: skip
def test_impossible_lenses_are_refused(wrong):
    with pytest.raises(OpticsError):
        replace(COARSE, **wrong)
