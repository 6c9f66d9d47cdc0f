"""The thin lens against its own derivation: where rays meet, not the formula of the code."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus.errors import OpticsError
from defocus.scene.thin_lens import (
    Lens,
    airy_diameter_px,
    breathing_zoom,
    circle_of_confusion_px,
    depth_of_field_mm,
    exposure_difference_ev,
    true_exposure_time,
    true_f_number,
)

lenses = st.builds(
    Lens,
    focal_length_mm=st.floats(8.0, 600.0),
    f_number=st.floats(0.7, 64.0),
    focus_distance_mm=st.floats(700.0, 1e6),
    sensor_pitch_um=st.floats(0.5, 200.0),
)


@given(lens=lenses, depth=st.floats(650.0, 1e7))
def test_circle_is_the_cone_of_light_cut_by_the_sensor(lens, depth):
    f = lens.focal_length_mm
    image_distance = 1.0 / (1.0 / f - 1.0 / depth)
    sensor = 1.0 / (1.0 / f - 1.0 / lens.focus_distance_mm)
    cone_mm = (f / lens.f_number) * (sensor - image_distance) / image_distance
    expected = cone_mm * 1000.0 / lens.sensor_pitch_um
    assert math.isclose(
        float(circle_of_confusion_px(depth, lens)), expected, rel_tol=1e-6, abs_tol=1e-6
    )


@given(lens=lenses)
def test_circle_is_nothing_in_focus_negative_before_and_bounded_behind(lens):
    s = lens.focus_distance_mm
    near, focus, far, infinity = circle_of_confusion_px(
        np.array([0.9 * s, s, 2 * s, np.inf]), lens
    )
    assert near < 0 == focus < far < infinity < np.inf
    assert math.isclose(far, infinity / 2, rel_tol=1e-9)


def test_breathing_magnifies_with_the_image_distance():
    near = Lens(50.0, 2.0, 500.0, 5.0)
    far = Lens(50.0, 2.0, 1e12, 5.0)
    assert math.isclose(breathing_zoom(near, far), 500.0 / 450.0, rel_tol=1e-6)
    assert breathing_zoom(near, near) == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize(
    "values",
    [(0.0, 2.0, 1000.0, 5.0), (50.0, 0.0, 1000.0, 5.0), (50.0, 2.0, 50.0, 5.0)],
)
def test_impossible_lens_is_refused(values):
    with pytest.raises(OpticsError):
        Lens(*values)


def test_depth_of_nothing_is_refused(refused):
    with refused(OpticsError):
        circle_of_confusion_px(np.array([1.0, 0.0]), Lens(50.0, 2.0, 1000.0, 5.0))


def test_diffraction_of_a_narrow_aperture():
    # 2.44 * 0.55 um * 22 = 29.5 um
    assert math.isclose(
        airy_diameter_px(Lens(50.0, 22.0, 1000.0, 5.0)), 5.9048, rel_tol=1e-4
    )


def test_engraved_numbers_stand_for_third_stops():
    assert math.isclose(true_f_number(5.6), 4 * math.sqrt(2.0))
    times = [true_exposure_time(time) for time in (1 / 60, 1 / 50, 0.3)]
    assert times == pytest.approx([2.0**-6, 2.0 ** (-17 / 3), 2.0 ** (-5 / 3)])
    wide, narrow = (true_f_number(4), 1 / 64, 100.0), (true_f_number(22), 1 / 2, 100.0)
    assert math.isclose(exposure_difference_ev(wide, narrow), 0.0, abs_tol=1e-9)


def test_the_depth_of_field_ends_where_the_circle_of_confusion_has_the_given_size():
    lens = Lens(50.0, 8.0, 2000.0, 5.36)
    near, far = depth_of_field_mm(lens, 3.0)
    assert near < lens.focus_distance_mm < far
    diameters = np.abs(circle_of_confusion_px(np.array([near, far]), lens))
    assert diameters == pytest.approx(3.0)
