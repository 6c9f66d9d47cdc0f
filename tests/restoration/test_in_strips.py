"""Large pictures are restored in strips of their whole width, without tiles."""

from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

import defocus
from defocus.restoration.in_strips import GRID_PX, areas_of, strips_of
from defocus.restoration.restoration import restore_colours
from defocus.restoration.restorer import Restorer, TileArea, make_restorer

CPU = torch.device("cpu")
SMALL_BUDGET = 8e6
"""Memory, in bytes, into which a picture of 0.1 megapixels does not fit at once."""


@pytest.fixture(scope="module")
def small():
    """The smaller network of the package, with little memory."""
    network = defocus.load("defocus-s", weights="own").eval()
    return replace(make_restorer(network, None, CPU), budget=SMALL_BUDGET)


def soft_noise(height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(0).random((height, width, 3), np.float32)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2))


def at_once(restorer: Restorer) -> Restorer:
    return replace(restorer, tile_px=0)


def test_strips_give_what_the_whole_picture_gives(small):
    blurry = soft_noise(600, 300)
    steps = []
    restored, side = small.restored(blurry, lambda *step: steps.append(step))
    whole, _ = at_once(small).restored(blurry)
    assert side == 0
    assert steps[0] == (0, steps[0][1])
    assert steps[-1] == (steps[0][1],) * 2
    assert len(steps) == steps[0][1] + 1 > 2
    assert np.abs(whole - blurry).max() > 0.05
    np.testing.assert_allclose(restored, whole, rtol=0, atol=1e-3)


def test_only_what_is_needed_is_restored(small):
    blurry = soft_noise(1100, 300)

    def at_the_end(area: TileArea) -> bool:
        return area.bottom > 1030

    restored, _ = small.restored(blurry, needed=at_the_end)
    whole, _ = at_once(small).restored(blurry)
    np.testing.assert_allclose(restored[1024:], whole[1024:], rtol=0, atol=1e-3)
    np.testing.assert_array_equal(restored[:832], blurry[:832])


def test_strips_compute_less_than_tiles(small):
    blurry = soft_noise(500, 300)
    flops = []
    for restorer in (small, replace(small, tile_px=256), at_once(small)):
        with FlopCounterMode(display=False) as counter:
            restorer.restored(blurry)
        flops.append(counter.get_total_flops())
    strips, tiles, whole = flops
    assert strips < 1.4 * whole, "with the part on which memory is measured"
    assert strips < tiles / 1.2


def test_an_error_of_who_follows_ends_the_work(small):
    blurry = soft_noise(600, 300)
    seen = []

    def stop(done: int, _: int) -> None:
        seen.append(done)
        if done == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        small.restored(blurry, stop)
    assert seen == [0, 1]


def test_a_restoration_says_that_no_tiles_were_made(small):
    restoration = restore_colours(small, soft_noise(500, 300))
    assert restoration.tiled is None
    assert restoration.tiles == 1


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 5000),
    width=st.integers(1, 5000),
    margin_px=st.integers(1, 400),
    points=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4),
)
def test_areas_hold_what_is_needed_and_a_margin(height, width, margin_px, points):
    places = [(int(y * (height - 1)), int(x * (width - 1))) for y, x in points]

    def needed(rows: slice, columns: slice) -> bool:
        return any(
            rows.start <= y < rows.stop and columns.start <= x < columns.stop
            for y, x in places
        )

    areas = areas_of((height, width), margin_px, needed)
    assert bool(areas) == bool(places)
    for y, x in places:
        inside = [
            rows.start <= max(0, y - margin_px)
            and min(height, y + margin_px) <= rows.stop
            and columns.start <= max(0, x - margin_px)
            and min(width, x + margin_px) <= columns.stop
            for rows, columns in areas
        ]
        assert sum(inside) == 1
    for (rows, columns), (more_rows, more_columns) in combinations(areas, 2):
        below = rows.stop < more_rows.start
        beside = rows == more_rows and columns.stop < more_columns.start
        assert below or beside
    for rows, columns in areas:
        assert rows.start % GRID_PX == columns.start % GRID_PX == 0
        assert rows.stop <= height
        assert columns.stop <= width


@given(height=st.integers(1, 3000), strips=st.integers(1, 8))
def test_the_last_strip_is_never_too_low(height, strips):
    area = slice(128, 128 + height), slice(0, 9)
    parts = [rows for rows, _ in strips_of(area, GRID_PX * strips)]
    assert [rows.start for rows in parts[1:]] == [rows.stop for rows in parts[:-1]]
    assert (parts[0].start, parts[-1].stop) == (128, 128 + height)
    assert parts[-1].stop - parts[-1].start >= min(height, GRID_PX)
    assert all((rows.stop - 128) % GRID_PX == 0 for rows in parts[:-1])
