import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus.errors import OpticsError
from defocus.scene.aperture import disc_psf


@given(diameter=st.floats(0.0, 80.0))
def test_a_psf_keeps_light_is_odd_symmetric_and_no_larger_than_needed(diameter: float) -> None:
    psf = disc_psf(diameter)
    assert math.isclose(psf.sum(), 1.0, abs_tol=1e-12)
    assert psf.shape[0] == psf.shape[1]
    assert psf.shape[0] % 2 == 1
    assert psf.min() >= 0.0
    assert np.allclose(psf, psf[::-1, ::-1])
    assert np.allclose(psf, psf.T)
    assert psf.shape[0] <= diameter + 3


@pytest.mark.parametrize("diameter", [2.0, 3.3, 5.0, 7.7, 12.0, 15.0, 28.0, 61.3])
def test_second_moment_is_that_of_a_disc(diameter: float) -> None:
    psf = disc_psf(diameter)
    offsets = np.arange(psf.shape[0]) - psf.shape[0] // 2
    variance = float((psf.sum(axis=0) * offsets**2).sum())
    # A pixel gathers what falls anywhere on it, which adds about the variance of a pixel, 1/12.
    assert abs(variance - ((diameter / 4.0) ** 2 + 1.0 / 12.0)) < 0.08


def test_area_is_that_of_the_disc() -> None:
    psf = disc_psf(20.0)
    assert math.isclose(1.0 / psf.max(), math.pi * 100.0, rel_tol=0.005)


def test_below_a_pixel_it_is_a_point() -> None:
    assert disc_psf(0.0).shape == disc_psf(1.0).shape == (1, 1)


@pytest.mark.parametrize("diameter", [-0.1, math.nan, math.inf])
def test_no_kernel_without_a_diameter(diameter: float) -> None:
    with pytest.raises(OpticsError, match="circle of confusion"):
        disc_psf(diameter)
