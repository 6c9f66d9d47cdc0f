"""Pictures within their budget, all states alike."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from defocus.errors import ImageError, InputError
from defocus.reports.model import Column, Curve, Slider, Table
from defocus.reports.pictures import displacement_arrows, encode_states
from tests.reports.example_pages import blurred


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["webp", "jpeg"])
@pytest.mark.parametrize("budget", [2_000, 30_000])
def test_every_state_keeps_the_budget_and_all_have_one_size(kind, budget):
    states = [noise(400, 600), np.zeros((400, 600, 3), np.uint8)]
    encoded = encode_states(states, kind=kind, max_width_px=500, budget_bytes=budget)
    assert all(len(content) <= budget for content, _, _ in encoded)
    for content, width, height in encoded:
        assert Image.open(io.BytesIO(content)).size == (width, height)
        assert width <= 500
        assert width / height == pytest.approx(1.5, abs=0.02)


def test_a_picture_that_fits_keeps_its_size_and_colours():
    sharp = data.chelsea()
    encoded = encode_states(
        [sharp, blurred(sharp, 3)], kind="webp", max_width_px=900, budget_bytes=60_000
    )
    for (content, width, height), state in zip(
        encoded, (sharp, blurred(sharp, 3)), strict=True
    ):
        assert (height, width) == state.shape[:2]
        decoded = np.asarray(
            Image.open(io.BytesIO(content)).convert("RGB"), dtype=float
        )
        assert np.abs(decoded - state).mean() < 4


def test_a_budget_that_nothing_fits_is_an_error(refused):
    with refused(ValueError):
        encode_states([noise(8, 8)] * 2, kind="jpeg", max_width_px=8, budget_bytes=10)


def test_inconsistent_parts_are_refused(refused):
    picture = np.zeros((4, 6, 3), np.uint8)
    with refused(ImageError):
        Slider("s", (("a", picture), ("b", picture.transpose(1, 0, 2))))
    with refused(ImageError):
        Slider("s", (("a", picture / 2.0), ("b", picture)))
    with refused(InputError):
        Slider("s", (("a", picture),))
    with refused(InputError):
        Table("t", (Column("a"), Column("b")), ((1.0,),))
    with refused(InputError):
        Curve("c", (1.0,), (1.0, 2.0))


@pytest.mark.parametrize(("x", "y"), [(0.3, 0.0), (0.0, -0.3), (-2.0, 2.0)])
def test_arrows_point_along_the_field_and_fit_between_each_other(x, y):
    field = np.zeros((2, 160, 320))
    field[0], field[1] = x, y
    factor, drawn = displacement_arrows(field)
    assert 6 <= factor * np.hypot(x, y) <= 16
    yellow = (drawn == (255, 214, 10, 255)).all(axis=2)
    ys, xs = (places + 33 for places in np.nonzero(yellow[33:67, 33:67]))
    start = np.array([50, 50])
    end = start + factor * np.array([x, y])
    spread = np.array([[xs.min(), ys.min()], [xs.max(), ys.max()]])
    assert (spread[0] <= np.minimum(start, end) + 1).all()
    assert (spread[1] >= np.maximum(start, end) - 1).all()


def test_nothing_is_drawn_where_the_field_is_not_known():
    factor, drawn = displacement_arrows(np.full((2, 64, 64), np.nan))
    assert factor == 1
    assert not drawn.any()
    still, dots = displacement_arrows(np.zeros((2, 64, 64)))
    assert still == 1
    assert dots[..., 3].any()
