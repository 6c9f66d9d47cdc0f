"""Scenes through real lenses, against renders without any short cut."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.scene.colour_psf import colour_psfs
from defocus.scene.depth import Focus
from defocus.scene.kernel_bank import (
    KernelBank,
    all_in_focus,
    blurred,
    margin,
    nearest,
    sharp_diameters,
    snapped,
)
from defocus.scene.occluders import Occluder, StreamScene

Array = NDArray[np.float32]
SIDE = 40
LENS = 3


@pytest.fixture(scope="module")
def bank():
    return KernelBank("train")


def picture(seed: int, side: int) -> Array:
    return np.random.default_rng(seed).uniform(0, 3, (side, side, 3)).astype(np.float32)


def occluder(seed: int, border: int, diameter: float) -> Occluder:
    alpha = np.zeros((21, 17), np.float32)
    cv2.circle(alpha, (8, 10), 7, 1.0, -1)
    colour = np.random.default_rng(seed).uniform(0, 2, (21, 17, 3)).astype(np.float32)
    return Occluder(colour, cv2.blur(alpha, (3, 3)), border + 12, border + 9, diameter)


def gathered(
    values: NDArray[np.float64], kernel: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What each pixel gets: light goes from each point to where the kernel throws it."""
    half = kernel.shape[-1] // 2
    padded = np.pad(values, half)
    rows, columns = values.shape
    out = np.zeros_like(values)
    for down in range(-half, half + 1):
        for right in range(-half, half + 1):
            from_row, from_column = half - down, half - right
            part = padded[
                from_row : from_row + rows, from_column : from_column + columns
            ]
            out += kernel[half + down, half + right] * part
    return out


def exact(bank: KernelBank, diameter: float) -> NDArray[np.float64]:
    """The kernel as the optics give it, not trimmed, not turned."""
    optic = bank.optic(LENS)
    return colour_psfs(optic.lens, diameter, optic.field)


@pytest.mark.parametrize("about", [-9.0, -2.0, 1.0, 5.0, 14.0])
def test_a_scene_of_one_diameter_is_thrown_point_by_point(bank, about):
    diameter = bank.optic(LENS).nodes[nearest(bank.optic(LENS), about)]
    border = margin(bank, LENS, Focus(about, about))
    colour = picture(0, SIDE + 2 * border)
    scene = StreamScene(colour, np.full(colour.shape[:2], about, np.float32))
    frame = blurred(bank, LENS, snapped(bank.optic(LENS), scene), border)
    assert frame.shape == (SIDE, SIDE, 3)
    kernel = exact(bank, diameter)
    cut = slice(border, border + SIDE)
    for channel in range(3):
        expected = gathered(colour[:, :, channel].astype(float), kernel[channel])[
            cut, cut
        ]
        # trimmed by 0.2 % of the light
        assert np.abs(frame[:, :, channel] - expected).max() < 0.02


@pytest.mark.parametrize("about", [-6.0, 6.0, 13.0])
def test_a_blurred_edge_covers_and_lets_through_as_the_pupil_sees_it(bank, about):
    """Each part of the pupil sees the occluder elsewhere, over a background in focus."""
    border = margin(bank, LENS, Focus(max(about, 0), min(about, 0)))
    behind = picture(1, SIDE + 2 * border)
    front = occluder(2, border, about)
    scene = snapped(
        bank.optic(LENS),
        StreamScene(behind, np.zeros(behind.shape[:2], np.float32), (front,)),
    )
    frame = blurred(bank, LENS, scene, border)
    kernel = exact(bank, scene.occluders[0].diameter)
    alpha = np.zeros(behind.shape[:2])
    colour = np.zeros(behind.shape)
    place = np.s_[front.top : front.top + 21, front.left : front.left + 17]
    alpha[place], colour[place] = front.alpha, front.colour
    cut = slice(border, border + SIDE)
    for channel in range(3):
        covered = gathered(alpha, kernel[channel])
        thrown = gathered(alpha * colour[:, :, channel], kernel[channel])
        expected = (thrown + (1 - covered) * behind[:, :, channel])[cut, cut]
        assert np.abs(frame[:, :, channel] - expected).max() < 0.02


def test_an_occluder_in_focus_has_its_own_sharp_edge(bank):
    border = margin(bank, LENS, Focus(8.0, 8.0))
    behind = picture(3, SIDE + 2 * border)
    front = occluder(4, border, 0.0)
    diameters = np.full(behind.shape[:2], 8.0, np.float32)
    scene = snapped(bank.optic(LENS), StreamScene(behind, diameters, (front,)))
    frame = blurred(bank, LENS, scene, border)
    alone = blurred(bank, LENS, StreamScene(behind, scene.diameters), border)
    rows, columns = slice(12, 33), slice(9, 26)
    alpha = front.alpha[:, :, None]
    expected = alpha * front.colour + (1 - alpha) * alone[rows, columns]
    np.testing.assert_allclose(frame[rows, columns], expected, atol=2e-5)
    alone[rows, columns] = frame[rows, columns]
    np.testing.assert_array_equal(frame, alone)


def test_in_focus_nothing_is_changed_to_the_bit(bank):
    colour = picture(5, SIDE)
    scene = StreamScene(
        colour, np.zeros((SIDE, SIDE), np.float32), (occluder(6, 0, 0.0),)
    )
    assert margin(bank, LENS, Focus(0, 0)) == 0
    np.testing.assert_array_equal(blurred(bank, LENS, scene, 0), all_in_focus(scene, 0))


def test_no_light_is_lost_or_made(bank):
    """A flat field stays flat, whatever the depth and whatever stands in front of it."""
    border = margin(bank, LENS, Focus(15.0, -15.0))
    side = SIDE + 2 * border
    flat = np.full((side, side, 3), 0.7, np.float32)
    ramp = np.linspace(-15, 15, side, dtype=np.float32)[None].repeat(side, axis=0)
    front = replace(
        occluder(7, border, -9.0), colour=np.full((21, 17, 3), 0.7, np.float32)
    )
    scene = snapped(bank.optic(LENS), StreamScene(flat, ramp, (front,)))
    np.testing.assert_allclose(blurred(bank, LENS, scene, border), 0.7, atol=1e-5)


@pytest.mark.parametrize("index", range(0, 200, 29))
def test_kernels_add_up_to_one(bank, index):
    nodes = bank.optic(index).nodes
    assert nodes[0] < -31
    assert nodes[-1] > 31
    assert 0.0 in nodes
    for node in range(0, len(nodes), 5):
        if nodes[node]:
            kernel = bank.kernel(index, node)
            assert kernel.min() >= 0
            np.testing.assert_allclose(kernel.sum(axis=(1, 2)), 1, atol=1e-5)


def test_a_surface_between_two_nodes_is_their_blend(bank):
    nodes = bank.optic(LENS).nodes
    node = nearest(bank.optic(LENS), 4.0)
    border = margin(bank, LENS, Focus(nodes[node + 1], nodes[node]))
    colour = picture(8, SIDE + 2 * border)

    def at(diameter: float) -> Array:
        diameters = np.full(colour.shape[:2], diameter, np.float32)
        return blurred(bank, LENS, StreamScene(colour, diameters), border)

    first, second = at(nodes[node]), at(nodes[node + 1])
    between = at(0.75 * nodes[node] + 0.25 * nodes[node + 1])
    np.testing.assert_allclose(between, 0.75 * first + 0.25 * second, atol=1e-4)


def test_a_bank_forgets_without_changing_anything():
    large, small = KernelBank("train"), KernelBank("train", most_bytes=8_000)
    asked = [(index, node) for node in (10, 30, 20, 10) for index in (5, 6, 5)]
    for index, node in asked:
        np.testing.assert_array_equal(
            large.kernel(index, node), small.kernel(index, node)
        )
    assert len(small._kernels) < len(large._kernels)
    assert small._bytes <= 8_000


def test_held_out_lenses_are_other_ones(bank):
    held_out = KernelBank("held-out")
    for index in range(5):
        assert bank.optic(index).lens != held_out.optic(index).lens


def test_the_foremost_point_has_the_pixel(bank):
    far = np.full((SIDE, SIDE), 5.0, np.float32)
    scene = StreamScene(
        picture(9, SIDE), far, (occluder(1, 0, 2.0), occluder(1, 4, -3.0))
    )
    diameters = sharp_diameters(scene, 0)
    assert diameters[22, 17] in {2.0, -3.0}
    assert diameters[26, 21] == -3.0
    assert diameters[0, 0] == 5.0
    assert set(np.unique(diameters)) == {5.0, 2.0, -3.0}
