"""What changed between two pictures of a chart is found with the right error."""

import math
from dataclasses import replace

import numpy as np
import pytest

from defocus.extras.charts.drift import (
    CLEARLY,
    ChartDrift,
    ChartMarks,
    MeasuredChange,
    chart_drift,
)
from defocus.extras.charts.sheet.layout import make_sheet
from defocus.scene.geometry import Similarity, moved_points

SIZE = (1500, 1000)
DOTS = np.array([(dot.x, dot.y) for dot in make_sheet().dots]) * 3.0 + (120.0, 55.0)
MOVE = Similarity(zoom=1.0004, rotation_deg=0.02, shift_px=(1.5, -0.7))


def marks(random: np.random.Generator, move: Similarity, factor: float) -> ChartMarks:
    """A chart with noise of 0.02 px and 1 %, and edges that differ as those of a real lens do."""
    matrix = np.vstack([move.matrix(*SIZE), (0.0, 0.0, 1.0)])
    dots = moved_points(matrix, DOTS) + 0.02 * random.standard_normal(DOTS.shape)
    mtf50 = (
        factor * np.linspace(0.15, 0.3, 56) * (1 + 0.01 * random.standard_normal(56))
    )
    return ChartMarks("wall", SIZE, mtf50, dots)


def drift(seed: int, move: Similarity, factor: float) -> ChartDrift:
    random = np.random.default_rng(seed)
    return chart_drift(marks(random, Similarity(), 1.0), marks(random, move, factor))


def deviations(move: Similarity, factor: float) -> np.ndarray:
    """(found - planted) / standard error, of 200 pairs of pictures and five quantities."""
    planted = (
        factor - 1,
        *move.shift_px,
        move.zoom - 1,
        math.radians(move.rotation_deg),
    )
    rows = []
    for seed in range(200):
        changes = drift(seed, move, factor).changes
        rows.append(
            [
                (c.value - p) / c.error
                for c, p in zip(changes, planted, strict=True)
                if c
            ]
        )
    return np.array(rows)


@pytest.mark.parametrize(("move", "factor"), [(MOVE, 0.93), (Similarity(), 1.0)])
def test_the_errors_are_those_that_are_stated(move, factor):
    off = deviations(move, factor)
    assert off.shape == (200, 5)
    np.testing.assert_allclose(off.mean(axis=0), 0.0, atol=0.25)
    np.testing.assert_allclose(off.std(axis=0), 1.0, atol=0.25)
    assert (np.abs(off) > CLEARLY).mean() < 0.02


def test_what_is_planted_is_clear_and_what_is_not_is_within_its_error():
    estimate = drift(1, MOVE, 0.93)
    assert all(change is not None and change.clear for change in estimate.changes)
    still = drift(1, Similarity(), 1.0)
    assert not any(change is None or change.clear for change in still.changes)
    assert not MeasuredChange(0.0, 0.0).clear, "a picture compared with itself"


@pytest.mark.parametrize(
    ("move", "factor", "cause"),
    [
        (Similarity(zoom=1.0008), 0.93, "refocused: "),
        (
            Similarity(zoom=1.0008, shift_px=(2.0, 0.0)),
            0.93,
            "refocused, and camera or chart moved",
        ),
        (Similarity(), 0.93, "sharpness drifted: not refocused"),
        (
            Similarity(rotation_deg=0.05),
            0.93,
            "sharpness drifted, and camera or chart moved",
        ),
        (Similarity(shift_px=(2.0, 0.0)), 1.0, "camera or chart moved, focus stayed"),
        (Similarity(), 1.0, ""),
    ],
)
def test_a_refocus_is_told_from_a_drift_and_from_a_movement(move, factor, cause):
    name = drift(1, move, factor).cause
    assert name.startswith(cause)
    assert (name == "") is (cause == "")


def test_something_before_a_dot_does_not_move_the_others():
    random = np.random.default_rng(2)
    first, second = marks(random, Similarity(), 1.0), marks(random, Similarity(), 1.0)
    second.dots[3] += (9.0, 4.0)
    second.dots[7] = math.nan
    estimate = chart_drift(first, second)
    assert estimate.right is not None
    assert not estimate.right.clear
    assert estimate.right.error < 0.02


def test_too_little_in_both_pictures_is_unknown():
    random = np.random.default_rng(3)
    first, second = marks(random, Similarity(), 1.0), marks(random, Similarity(), 1.0)
    first.mtf50[:30] = math.nan
    second.mtf50[22:52] = math.nan
    second.dots[:17] = math.nan
    assert chart_drift(first, second).changes == (None,) * 5
    assert replace(first, mtf50=np.full(56, math.nan)).median_mtf50 is None
