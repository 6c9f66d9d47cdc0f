import math

import numpy as np
import pytest

from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import Measurement, measure
from defocus.align.photometry.blur_matching import disc_blurred_stack
from defocus.align.photometry.linear_light import LUMINANCE, reduced_light
from defocus.align.registration.level import moved_picture
from defocus.align.registration.models import corner_distance_px
from defocus.align.registration.register import register
from defocus.align.sampling.pyramid import enlarged, reduced, scaling
from defocus.scene.geometry import Similarity
from defocus.scene.pictures import texture
from tests.align.synthetic import homogeneous, largest_error_px, rendered_pair

DIS = flow_estimator("dis")


def found(measurement: Measurement) -> Similarity | None:
    return measurement.misalignment.similarity


BOTH_WAYS = [Similarity(1.02, -0.8, (-5.0, 2.0)), Similarity(0.97, 1.2, (4.5, -3.25))]


@pytest.mark.parametrize("truth", BOTH_WAYS, ids=["zoom in", "zoom out"])
def test_signs_of_shift_zoom_and_rotation(truth):
    pair = rendered_pair(5, 8.0, truth)
    measured = found(measure(pair.blurry, pair.sharp, DIS))
    assert measured.shift_px == pytest.approx(truth.shift_px, abs=0.1)
    assert measured.zoom == pytest.approx(truth.zoom, abs=0.001)
    assert measured.rotation_deg == pytest.approx(truth.rotation_deg, abs=0.05)


def test_grain_of_a_high_iso_is_no_other_scene():
    """Its tiles correlate by 0.58 only; they agree all the same."""
    pair, rng = rendered_pair(5, 8.0), np.random.default_rng(1)
    blurry, sharp = (
        np.clip(one + rng.normal(0, 24, one.shape), 0, 255).astype(np.uint8)
        for one in (pair.blurry, pair.sharp)
    )
    light = (reduced_light(one, 1, LUMINANCE) for one in (blurry, sharp))
    registration = register(*light)
    assert registration.similarity is not None, registration.reason
    assert largest_error_px(registration.similarity, pair.truth) <= 0.3


def test_a_zoom_that_parallax_hides_is_no_translation():
    """It was: 0.95 px off, with a standard error of 0.3 px."""
    pair = rendered_pair(101, 10.0, size=(200, 150))
    measured = found(measure(pair.blurry, pair.sharp, DIS))
    assert measured is not None
    assert largest_error_px(measured, pair.truth, (200, 150)) < 0.2


def wide(seed):
    """A large zoom, shift and rotation."""
    rng = np.random.default_rng(seed)
    shift = rng.uniform(-15, 15, 2)
    return Similarity(rng.uniform(0.92, 1.09), rng.uniform(-2, 2), tuple(shift))


BLURS = (10.0, 20.0, 30.0, 40.0)


@pytest.mark.full
@pytest.mark.parametrize(
    ("size", "seeds", "blurs", "truth", "least_known"),
    [
        ((200, 150), range(100, 110), BLURS, lambda _: None, 15),
        ((384, 288), range(100, 102), BLURS, lambda _: None, 3),
        ((384, 288), range(4), (8.0, 15.0, 25.0, 40.0), wide, 10),
    ],
    ids=["small", "large", "moved far"],
)
def test_no_silent_failure(size, seeds, blurs, truth, least_known):
    """Blur of up to a fifth of the width: wrong by more than a pixel is never "ok"."""
    silent, answers = [], 0
    for seed in seeds:
        for blur_px in blurs:
            pair = rendered_pair(seed, blur_px, truth(seed), size=size)
            light = (
                reduced_light(one, 1, LUMINANCE) for one in (pair.blurry, pair.sharp)
            )
            registration = register(*light)
            if registration.similarity is not None:
                answers += 1
                error = largest_error_px(registration.similarity, pair.truth, size)
                silent += [(seed, blur_px, error)] if error > 1.0 else []
    assert not silent
    assert answers >= least_known, "a method that always says unknown is of no use"


@pytest.mark.parametrize("corner_ev", [1.5, 2.5])
def test_light_that_falls_off_is_no_asymmetric_point_spread(corner_ev):
    """A fast lens, open in the blurry member: what is darker outwards looks like a skewed blur."""
    truth = Similarity(zoom=1.002, shift_px=(0.6, -0.4))
    sharp = np.asarray(0.8 * texture("coffee", 384, 288).mean(axis=2), np.float32)
    matrix = homogeneous(truth, (288, 384))
    (blurred,) = disc_blurred_stack(moved_picture(sharp, matrix), [10.0])
    y, x = np.mgrid[-1 : 1 : 288 * 1j, -1 : 1 : 384 * 1j]
    fall = (1 + (2 ** (corner_ev / 2) - 1) * (x * x + y * y) / 2) ** -2
    noise = np.random.default_rng(1).normal(0, 0.002, sharp.shape)
    registered = register(
        np.maximum(blurred * fall + noise, 0).astype(np.float32), sharp
    )
    assert registered.matrix is not None, registered.reason
    assert corner_distance_px(registered.matrix, matrix, sharp.shape) < 0.2


def test_reduced_positions_and_enlarged_masks():
    ramp = np.tile(np.arange(23, dtype=np.float32), (10, 1))
    small = reduced(ramp, 4)
    assert small.shape == (2, 5)
    position = np.linalg.inv(scaling(4)) @ (3.0, 1.0, 1.0)
    assert small[1, 3] == pytest.approx(position[0])
    mask = np.array([[True, False], [False, True]])
    assert enlarged(mask, 3, (7, 8)).shape == (7, 8)
    assert enlarged(mask, 3, (7, 8))[6, 7]
    assert math.isclose(enlarged(mask, 3, (7, 8)).mean(), (9 + 4 * 5) / 56)
