"""Where transforms send pixels, flows that follow one another, and pictures that are warped."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from defocus.align.sampling.positions import (
    composed,
    inside,
    pixel_grid,
    sampled,
    transformed,
)
from defocus.align.sampling.warp import warp
from defocus.errors import AlignmentError


def test_a_homography_divides():
    matrix = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0], [0.001, 0.0, 1.0]])
    x, y = transformed(pixel_grid(8, 12), matrix)
    assert x[5, 10] == pytest.approx((10 + 2) / 1.01, rel=1e-5)
    assert y[5, 10] == pytest.approx((5 - 1) / 1.01, rel=1e-5)


def test_composed_flow_goes_both_ways_in_turn():
    """A zoom after a shift: x -> 1.1 (x + 3), so the flow is 0.1 x + 3.3."""
    grid = pixel_grid(20, 60)
    zoom = 0.1 * grid
    shift = np.zeros_like(grid)
    shift[0] = 3.0
    x, y = composed(zoom, shift, grid)
    assert x[:, :56] == pytest.approx(0.1 * grid[0, :, :56] + 3.3, abs=1e-4)
    assert y == pytest.approx(0.1 * grid[1], abs=1e-4)


def test_inside_holds_the_border_and_samples_lie_between_pixels():
    grid = pixel_grid(5, 7)
    assert inside(grid).all()
    assert inside(grid + np.float32(0.5)).sum() == 4 * 6
    ramp = pixel_grid(6, 9)[0]
    assert sampled(ramp, pixel_grid(6, 9) + np.float32(0.25))[:, :8] == pytest.approx(
        ramp[:, :8] + 0.25, abs=0.02
    )


def picture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(
        np.random.default_rng(seed).random((2, 3, height, width), np.float32)
    )


@given(height=st.integers(1, 70), width=st.integers(1, 700))
@settings(max_examples=30, deadline=None)
def test_zero_flow_is_the_identity(height, width):
    image = picture(height, width)
    assert (warp(image, torch.zeros(2, 2, height, width)) - image).abs().max() < 1e-6


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, -2), (-4, 5)])
def test_brings_the_second_picture_onto_the_first(dx, dy):
    """second(x + flow) shows what first(x) shows, so warp(second, flow) is first."""
    large = picture(60, 80)
    first = large[:, :, 10:50, 10:70]
    second = large[:, :, 10 - dy : 50 - dy, 10 - dx : 70 - dx]
    flow = torch.tensor([dx, dy], dtype=torch.float32)[None, :, None, None].expand(
        2, 2, 40, 60
    )
    back = warp(second, flow)
    inner = (..., slice(6, -6), slice(6, -6))
    assert torch.allclose(back[inner], first[inner], atol=1e-6)
    wrong = warp(first, flow)
    assert (wrong[inner] - second[inner]).abs().mean() > 0.1


def test_official_grid_stretches_by_half_a_pixel():
    """At zero flow JDRL's grid reads position i * W / (W - 1) - 0.5."""
    width = 64
    ramp = torch.arange(width, dtype=torch.float32).expand(1, 1, 8, width).clone()
    read = warp(ramp, torch.zeros(1, 2, 8, width), grid="official")[0, 0, 4]
    expected = torch.arange(width) * width / (width - 1) - 0.5
    assert torch.allclose(read, expected.clamp(0, width - 1), atol=1e-4)
    assert read[1] - 1 == pytest.approx(-0.48, abs=0.01)
    assert read[62] - 62 == pytest.approx(0.48, abs=0.01)


def test_gradient_reaches_the_image_and_borders_repeat():
    image = picture(9, 11).requires_grad_()
    flow = torch.full((2, 2, 9, 11), 100.0)
    out = warp(image, flow)
    assert torch.equal(out, image[..., -1:, -1:].expand_as(out))
    out.sum().backward()  # type: ignore[no-untyped-call]
    assert image.grad[..., -1, -1].min() == 99


def test_shapes_that_do_not_fit(refused):
    with refused(AlignmentError):
        warp(picture(9, 11), torch.zeros(2, 2, 9, 10))
