"""Measures of edges against edges whose MTF is known in closed form."""

import itertools
import math

import numpy as np
import pytest

from defocus.edges.edge import measure_edge
from defocus.errors import ImageError
from defocus.extras.charts.accuracy.known_edges import (
    KINDS,
    EdgeShot,
    KnownBlur,
    blur_of_mtf50,
    edge_picture,
    true_mtf,
)
from defocus.extras.charts.accuracy.table import edge_errors
from defocus.extras.charts.accuracy.whole_region import whole_region_mtf
from defocus.extras.charts.straightness import compare_edges, measure_straightness

FREQUENCIES = np.linspace(0.01, 0.6, 60)
RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize("kind", KINDS)
def test_closed_forms_agree_with_the_fourier_transform_of_the_edge(kind):
    blur = KnownBlur(kind, 6.0 if kind != "gaussian" else 2.0)
    steps = np.arange(-20, 20, 1 / 64)
    spread = np.diff(blur.cumulated(steps, 0.3))
    middles = (steps[1:] + steps[:-1]) / 2
    mtf = np.abs(np.exp(-2j * np.pi * FREQUENCIES[:, None] * middles) @ spread)
    np.testing.assert_allclose(blur.mtf(FREQUENCIES, 0.3), mtf, atol=2e-4)


@pytest.mark.parametrize(("kind", "angle"), [*itertools.product(KINDS, (3.0, 12.0))])
def test_the_whole_curve_is_the_true_one_without_noise(kind, angle):
    blur = KnownBlur(kind, 1.2 if kind == "gaussian" else 4.0)
    edge = measure_edge(edge_picture(blur, EdgeShot(angle), RANDOM))
    truth = true_mtf(blur, angle, edge.mtf.frequencies)
    low = edge.mtf.frequencies < 0.5
    np.testing.assert_allclose(edge.mtf.values[low], truth[low], atol=4e-3)
    assert edge.place_px == pytest.approx(99.37, abs=0.003)
    assert edge.angle_deg == pytest.approx(angle, abs=0.01)


@pytest.mark.parametrize(
    ("every", "count", "most"),
    [(13, 60, 0.03), pytest.param(1, 768, 0.02, marks=pytest.mark.full)],
)
def test_mtf50_is_within_one_percent_over_the_whole_range(every, count, most):
    """Noise to 2 %, 3 to 12 degrees, 8 and 16 bits; 95 % within 2 % where there are enough."""
    rows = list(edge_errors(every=every))
    errors = np.abs([row.ours for row in rows])
    second = np.abs([row.second for row in rows])
    assert len(rows) == count
    assert errors.mean() < 0.01
    assert np.quantile(errors, 0.95) < most
    assert errors.mean() < second.mean() < 0.05
    noisy = np.array([row.place_px for row in rows if row.noise])
    assert np.sqrt(np.mean(noisy**2)) < 0.02


def test_the_second_implementation_has_the_bias_of_its_window():
    """A window over the whole region takes light from far out; our sheet of facts has +1 to 3 %."""
    light = edge_picture(
        KnownBlur("disc", 30.0), EdgeShot(columns=128, place_px=63.0), RANDOM
    )
    truth = blur_of_mtf50("disc", 0.0235, 5.0)
    assert truth.size_px == pytest.approx(30.0, rel=0.02)
    mtf50 = whole_region_mtf(light).crossing(0.5)
    assert mtf50 is not None
    assert mtf50 > 0.7051 / 30.0 * 1.005


def test_rise_and_mtf10_of_a_gaussian():
    edge = measure_edge(edge_picture(KnownBlur("gaussian", 3.0), EdgeShot(), RANDOM))
    wider = math.hypot(3.0, math.sqrt(1 / 12))
    assert edge.rise_px == pytest.approx(2.563 * wider, rel=0.01)
    assert edge.mtf10 == pytest.approx(
        math.sqrt(2 * math.log(10)) / (2 * math.pi * wider), rel=0.01
    )
    assert edge.overshoot < 1e-3
    assert edge.undershoot < 1e-3


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_turned_edges_give_the_same_numbers(turn):
    light = edge_picture(
        KnownBlur("disc", 5.0), EdgeShot(rows=201, columns=201), RANDOM
    )
    edge, turned = measure_edge(light), measure_edge(np.rot90(light, turn))
    assert turned.mtf50 == pytest.approx(edge.mtf50, rel=1e-3)
    assert turned.lying == (turn % 2 == 1)
    place = 99.37 if turn in {0, 3} else 200 - 99.37
    assert turned.place_px == pytest.approx(place, abs=0.01)
    assert turned.half_px == pytest.approx(place, abs=0.02)


def test_sharpening_shows_as_overshoot_on_its_own_side():
    blur, shot = KnownBlur("gaussian", 1.0), EdgeShot(dark=0.2, bright=0.6)
    wide = KnownBlur("gaussian", 3.0)
    sharp, soft = (edge_picture(one, shot, RANDOM) for one in (blur, wide))
    bright_only = np.where(sharp > 0.4, sharp + 0.8 * (sharp - soft), sharp)
    edge = measure_edge(bright_only)
    assert edge.overshoot == pytest.approx((bright_only.max() - 0.6) / 0.4, abs=0.01)
    assert edge.overshoot > 0.1
    assert edge.undershoot < 0.005
    mirrored = measure_edge(bright_only[:, ::-1])
    assert mirrored.overshoot == pytest.approx(edge.overshoot, abs=0.005)


def test_lateral_colour_is_the_shift_of_red_and_blue():
    places = {"red": 99.57, "green": 99.37, "blue": 99.02}
    blurs = {"red": 3.0, "green": 2.0, "blue": 4.0}
    planes = [
        edge_picture(KnownBlur("disc", blurs[c]), EdgeShot(place_px=places[c]), RANDOM)
        for c in places
    ]
    edge = measure_edge(np.stack(planes, axis=2))
    cosine = math.cos(math.radians(5))
    for colour, place in places.items():
        assert edge.colour_shift_px[colour] == pytest.approx(
            (place - 99.37) * cosine, abs=0.02
        )
        truth = true_mtf(KnownBlur("disc", blurs[colour]), 5.0, FREQUENCIES)
        mtf50 = np.interp(0.5, truth[::-1], FREQUENCIES[::-1])
        assert edge.colour_mtf50[colour] == pytest.approx(mtf50, rel=0.01)


def test_a_bent_edge_is_not_straight_and_its_mtf_is_unharmed():
    rows, columns = np.mgrid[0:300, 0:160].astype(float)
    bow = 2.0 * (1 - ((rows - 149.5) / 149.5) ** 2)
    place = 80 + 0.08 * (rows - 149.5) + bow
    light = 0.2 + 0.5 / (1 + np.exp(-(columns - place) / 1.2))
    straight = 0.2 + 0.5 / (1 + np.exp(-(columns - place + bow) / 1.2))
    straightness = measure_straightness(light)
    level = measure_straightness(straight)
    assert straightness is not None
    assert level is not None
    assert straightness.bow_px == pytest.approx(2.0, rel=0.03)
    assert straightness.rms_px == pytest.approx(2.0 * math.sqrt(4 / 45), rel=0.05)
    assert level.rms_px < 0.01
    assert measure_straightness(light[:32]) is None
    assert measure_edge(light).mtf50 == pytest.approx(
        measure_edge(straight).mtf50, rel=0.01
    )
    moved = compare_edges(light, straight)
    assert moved.bow_px == pytest.approx(2.0 / math.hypot(1, 0.08), rel=0.03)
    shifted = compare_edges(np.roll(straight, 3, axis=1), straight)
    assert shifted.shift_px == pytest.approx(3.0 / math.hypot(1, 0.08), abs=0.02)
    assert shifted.rms_px < 0.01


def test_what_is_no_edge_is_refused():
    light = edge_picture(KnownBlur("disc", 5.0), EdgeShot(), RANDOM)
    wide = edge_picture(KnownBlur("disc", 12.0), EdgeShot(), RANDOM)
    for bad, words in (
        (np.full((50, 50), 0.3), "no edge"),
        (light[:5], "too small"),
        (np.minimum(light * 2, 1.0), "clipped"),
        (0.4 + 0.001 * RANDOM.standard_normal((60, 60)), "no edge"),
    ):
        with pytest.raises(ImageError, match=words):
            measure_edge(bad)
    assert any("narrow" in note for note in measure_edge(wide[120:180, 89:109]).notes)
    assert any("low contrast" in note for note in measure_edge(0.4 + 0.1 * light).notes)
