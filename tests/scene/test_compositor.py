"""The renderer against physics: light is kept, near hides far, edges are soft on the right side."""

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from defocus.scene.aperture import disc_psf
from defocus.scene.geometry import Similarity
from defocus.scene.layers import Layer, defocus_map, depth_layers, render
from defocus.scene.motion import moved, moved_layers
from defocus.scene.thin_lens import Lens, circle_of_confusion_px

LENS = Lens(50.0, 2.0, 1000.0, 93.75)
FAR, NEAR = 3000.0, 600.0


def flat(colour: float, depth: float, height: int = 80, width: int = 96) -> Layer:
    return Layer(np.full((height, width, 3), colour), np.ones((height, width)), depth)


def noise(height: int, width: int) -> NDArray[np.float64]:
    return np.random.default_rng(3).random((height, width, 3))


def test_one_plane_is_its_convolution_with_the_psf():
    layer = Layer(noise(80, 96), np.ones((80, 96)), FAR)
    psf = disc_psf(abs(float(circle_of_confusion_px(FAR, LENS))))
    expected = scipy.ndimage.convolve(layer.colour[:, :, 1], psf, mode="mirror")
    assert np.allclose(render([layer], LENS)[:, :, 1], expected, atol=1e-9)


def test_what_is_in_focus_stays_to_the_bit_and_a_pinhole_blurs_nothing():
    layer = Layer(noise(40, 50), np.ones((40, 50)), 1000.0)
    assert np.array_equal(render([layer], LENS), layer.colour)
    assert np.array_equal(
        render([Layer(layer.colour, layer.alpha, FAR)], None), layer.colour
    )


def test_sharp_foreground_hides_the_blurred_background_without_a_halo():
    background = Layer(noise(80, 96), np.ones((80, 96)), FAR)
    alpha = np.zeros((80, 96))
    alpha[20:60, 30:70] = 1.0
    front = Layer(np.full((80, 96, 3), 0.25), alpha, 1000.0)
    picture = render([front, background], LENS)
    assert np.array_equal(picture[20:60, 30:70], np.full((40, 40, 3), 0.25))
    behind = render([background], LENS)
    assert np.array_equal(picture[alpha == 0], behind[alpha == 0])


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), count=st.integers(1, 12))
def test_a_white_scene_of_any_depth_stays_white(seed, count):
    random = np.random.default_rng(seed)
    depth = scipy.ndimage.zoom(random.uniform(600.0, 4000.0, (4, 5)), 12, order=1)
    white = np.ones((*depth.shape, 3))
    layers = depth_layers(white, depth, count, 10.0)
    assert np.allclose(render(layers, LENS), 1.0, atol=1e-9)


def test_layers_of_a_depth_map_show_the_picture_through_a_pinhole():
    colour = noise(48, 60)
    depth = np.random.default_rng(1).uniform(500.0, 5000.0, (48, 60))
    assert np.array_equal(render(depth_layers(colour, depth, 9, 6.0), None), colour)
    assert np.array_equal(
        render(depth_layers(colour, np.full((48, 60), 700.0), 9, 6.0), None), colour
    )


def test_depth_steps_stay_close_to_the_true_circle():
    depth = np.tile(np.linspace(500.0, 4000.0, 60), (48, 1))
    layers = depth_layers(noise(48, 60), depth, 16, 6.0)
    true = circle_of_confusion_px(depth, LENS)
    step = float(np.ptp(true)) / 16
    assert np.abs(defocus_map(layers, LENS) - true).max() <= step


def test_defocus_map_is_that_of_the_front():
    alpha = np.zeros((80, 96))
    alpha[10:20, 10:20] = 1.0
    circles = defocus_map([Layer(noise(80, 96), alpha, NEAR), flat(0.0, FAR)], LENS)
    assert np.allclose(circles[10:20, 10:20], circle_of_confusion_px(NEAR, LENS))
    assert np.allclose(circles[30:], circle_of_confusion_px(FAR, LENS))


def wave(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.5 + 0.3 * np.sin(0.5 * x + 0.2) * np.cos(0.3 * y - 0.1 * x)


@pytest.mark.parametrize(
    "geometry",
    [
        Similarity(shift_px=(3.3, -1.6)),
        Similarity(1.02, 0.0),
        Similarity(0.99, 1.5, (0.4, 2.2)),
    ],
)
def test_content_moves_from_x_b_to_x_s(geometry):
    y, x = np.mgrid[:90, :110].astype(np.float64)
    values = wave(x, y)
    flow = geometry.flow(110, 90)
    displaced = moved(values, geometry)
    content = scipy.ndimage.map_coordinates(
        displaced, [y + flow[1], x + flow[0]], order=3
    )
    inverse = scipy.ndimage.map_coordinates(
        displaced, [y - flow[1], x - flow[0]], order=3
    )
    inner = np.s_[12:-12, 12:-12]
    assert np.abs(content - values)[inner].max() < 2e-3
    assert np.abs(inverse - values)[inner].max() > 0.05


@settings(max_examples=25, deadline=None)
@given(
    left=st.integers(0, 70),
    top=st.integers(0, 60),
    zoom=st.floats(0.95, 1.05),
    turn=st.floats(-5.0, 5.0),
    shift=st.tuples(st.floats(-30.0, 30.0), st.floats(-30.0, 30.0)),
)
def test_a_small_layer_is_moved_and_blurred_as_if_it_were_whole(
    left, top, zoom, turn, shift
):
    """Only its part of the frame is computed; at the border of the frame it goes on, mirrored."""
    alpha = np.zeros((80, 96))
    alpha[top : top + 20, left : left + 26] = 1.0
    layer, geometry = Layer(noise(80, 96), alpha, NEAR), Similarity(zoom, turn, shift)
    (part,) = moved_layers([layer], geometry)
    whole = np.clip(moved(alpha, geometry), 0.0, 1.0)
    assert np.abs(part.alpha - whole).max() < 1e-9
    colour = np.maximum(moved(layer.colour, geometry), 0.0)
    assert np.abs((part.colour - colour) * whole[:, :, None]).max() < 1e-9
    psf = disc_psf(abs(float(circle_of_confusion_px(NEAR, LENS))))
    shares = scipy.ndimage.correlate(whole, psf, mode="mirror")[:, :, None]
    light = np.stack(
        [
            scipy.ndimage.correlate(colour[:, :, c] * whole, psf, mode="mirror")
            for c in range(3)
        ],
        axis=-1,
    )
    result = render([part, flat(0.3, FAR)], LENS)
    assert np.abs(result - (0.3 * (1.0 - shares) + light)).max() < 1e-6
