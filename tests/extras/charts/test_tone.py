"""The tone curve of a picture of the chart, from its grey steps."""

import json
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.extras.charts.chart_commands.read import command
from defocus.extras.charts.lens.photographs import chart_shots
from defocus.extras.charts.reading.edges import read_edges
from defocus.extras.charts.reading.geometry import ChartGeometry
from defocus.extras.charts.reading.levels import paper_and_ink
from defocus.extras.charts.reading.patterns import read_leaves
from defocus.extras.charts.reading.stored_light import StoredLight
from defocus.extras.charts.reading.tone import read_tone
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, Sheet, make_sheet
from defocus.extras.charts.sheet.raster import photographed
from defocus.extras.charts.systems.photographs import TakenChart
from defocus.pictures.values import Image, as_integer, linear_to_srgb
from defocus.pictures.write import write_image
from defocus.scene.aperture import disc_psf

Floats = NDArray[np.float64]
Curve = Callable[[Floats], Floats]

SIZE = (1000, 667)
SHEET = np.array([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)], np.float32)
PLACES = np.array([(60, 70), (930, 40), (950, 640), (50, 600)], np.float32)
PLACE = np.asarray(cv2.getPerspectiveTransform(SHEET, PLACES), np.float64)
GEOMETRY = ChartGeometry(PLACE, 0.0, *SIZE)
UNEVEN = np.linspace(0.6, 1.0, SIZE[0])[None, :, None]


def s_curve(share: float) -> Curve:
    """So much of 3 s² - 2 s³ of sRGB values s."""
    return lambda s: np.asarray((1 - share) * s + share * (3 * s**2 - 2 * s**3))


def shoulder(s: Floats) -> Floats:
    """A camera's curve with a toe and a shoulder."""
    return np.asarray((1 - np.exp(-2.2 * s**1.2)) / (1 - np.exp(-2.2)))


def gamma(power: float) -> Curve:
    """Light to a power, instead of sRGB."""

    def curve(s: Floats) -> Floats:
        light = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
        return np.asarray(light ** (1 / power))

    return curve


@cache
def blurred(diameter: float) -> Floats:
    sharp = photographed(make_sheet(), PLACE, *SIZE)
    return np.asarray(cv2.filter2D(sharp, -1, disc_psf(diameter)), np.float64)


def picture(
    curve: Curve, diameter: float, *, gain: Floats | float = 1.0, noise: float = 0.005
) -> Image:
    """The chart through a disc, as a camera with that curve stores it."""
    rest = noise * np.random.default_rng(1).standard_normal((*SIZE[::-1], 3))
    light = np.clip(gain * blurred(diameter) + rest, 0.0, 1.0)
    return as_integer(curve(np.asarray(linear_to_srgb(light), np.float64)), 8)


@pytest.mark.parametrize("gain", [1.0, 0.5, UNEVEN, 0.5 * UNEVEN])
def test_srgb_is_not_called_another_curve(gain):
    """Neither in uneven light nor where it is dim."""
    light = StoredLight(picture(s_curve(0.0), 6.0, gain=gain, noise=0.01))
    tone = read_tone(light, make_sheet(), GEOMETRY, 6.0)
    assert tone.fitted is None
    assert tone.departure is not None
    assert abs(tone.departure) < 0.01
    assert "tone curve srgb, grey steps agree to 0." in tone.line()


@pytest.mark.parametrize(
    ("kind", "blur_px", "words"),
    [
        ({"linear": True}, 6.0, "it is known"),
        ({"developed": True}, 6.0, "it is known"),
        ({}, 20.0, "blur mixes the grey steps"),
        ({}, None, "no edge shows the blur"),
    ],
)
def test_a_curve_that_is_not_checked_has_a_reason(kind, blur_px, words):
    not_checked(
        StoredLight(picture(s_curve(1.0), 6.0), **kind), make_sheet(), blur_px, words
    )


@pytest.mark.parametrize(
    ("layout", "gain", "rows", "words"),
    [
        ("depths", 1.0, SIZE[1], "has no grey steps"),
        ("wall", 1.3, SIZE[1], "expose less"),
        ("wall", 1.0, 200, "outside the picture"),
    ],
)
def test_steps_that_cannot_be_read_have_a_reason(layout, gain, rows, words):
    light = StoredLight(picture(s_curve(0.0), 6.0, gain=gain)[:rows])
    not_checked(light, make_sheet(layout), 6.0, words)


def not_checked(
    light: StoredLight, sheet: Sheet, blur_px: float | None, words: str
) -> None:
    tone = read_tone(light, sheet, GEOMETRY, blur_px)
    assert tone.departure is None
    assert tone.fitted is None
    assert words in tone.line()
    assert words in tone.to_json()["tone_reason"]


def test_grey_steps_that_are_not_in_order_give_no_curve():
    """As where two of them are lost in the shadows."""
    light = StoredLight(picture(lambda s: np.maximum(s, 0.4), 6.0))
    tone = read_tone(light, make_sheet(), GEOMETRY, 6.0)
    assert tone.fitted is None
    assert "brighter grey steps are not brighter" in tone.line()


def measured(light: StoredLight) -> tuple[float, float, float]:
    """MTF50 at high and at low contrast, and the texture that is lost."""
    sheet = make_sheet()
    edges = [*read_edges(light, sheet, GEOMETRY)]
    high, low = (
        np.median([
            one.response.mtf50 for one in edges
            if one.low_contrast == flat and one.response and one.response.mtf50
        ])
        for flat in (False, True)
    )  # fmt: skip
    leaves = read_leaves(light, sheet, GEOMETRY, *paper_and_ink(light, sheet, GEOMETRY))
    return (
        float(high),
        float(low),
        float(np.mean([one.texture.lost for one in leaves if one.texture])),
    )


@cache
def true_numbers(diameter: float) -> tuple[float, float, float]:
    return measured(StoredLight(picture(s_curve(0.0), diameter)))


@pytest.mark.parametrize(
    ("curve", "diameter", "gain", "off"),
    [
        (s_curve(0.25), 3.0, 1.0, 0.03),
        (s_curve(0.25), 6.0, 1.0, 0.03),
        (s_curve(1.0), 3.0, 1.0, 0.12),
        (s_curve(1.0), 6.0, 1.0, 0.12),
        (s_curve(1.0), 6.0, 0.5, -0.105),
        (s_curve(1.0), 6.0, UNEVEN, -0.05),
        (shoulder, 6.0, 1.0, 0.23),
        (gamma(1.8), 6.0, 1.0, -0.073),
    ],
)
def test_a_fitted_curve_gives_the_numbers_of_the_light(curve, diameter, gain, off):
    light = StoredLight(picture(curve, diameter, gain=gain))
    tone = read_tone(light, make_sheet(), GEOMETRY, diameter)
    assert tone.to_json()["tone"] == "fitted"
    assert tone.departure == pytest.approx(off, abs=0.02)
    assert (
        f"fitted to the grey steps, which are off by {tone.departure:+.1%}"
        in tone.line()
    )
    high, low, lost = measured(tone.light(light))
    true_high, true_low, true_lost = true_numbers(diameter)
    assert high == pytest.approx(true_high, rel=0.02)
    assert low == pytest.approx(true_low, rel=0.02)
    assert lost == pytest.approx(true_lost, abs=0.05)


def test_an_s_curve_taken_for_srgb_is_seen_in_the_numbers():
    """Or the test above would show nothing."""
    high, _, lost = measured(StoredLight(picture(s_curve(1.0), 6.0)))
    true_high, _, true_lost = true_numbers(6.0)
    assert high > 1.15 * true_high
    assert lost < true_lost - 0.03


@pytest.mark.full
def test_chart_read_says_which_curve_it_used(tmp_path, capfd):
    """And has the same numbers by it; a photograph to restore is measured by it too."""
    path = tmp_path / "camera.png"
    write_image(path, picture(s_curve(1.0), 6.0))
    assert command.main([str(path), "--json"], standalone_mode=False) == 0
    (document,) = json.loads(capfd.readouterr().out)
    assert document["tone"] == "fitted"
    assert document["tone_departure"] == pytest.approx(0.12, abs=0.02)
    mtf50s = [one["mtf50"] for one in document["edges"] if not one["low_contrast"]]
    assert np.median(mtf50s) == pytest.approx(true_numbers(6.0)[0], rel=0.02)
    chart = TakenChart(path)
    (score,) = chart.scores("as it is", lambda one: one)
    assert score.gain == pytest.approx(1.0, abs=0.005)
    assert score.mtf50 == pytest.approx(
        float(np.median([one["mtf50"] for one in document["edges"]]))
    )
    (shot,) = chart_shots([path], [2.8])
    light = blurred(6.0)
    share = np.polyfit(light[::9, ::9, 1].ravel(), shot.light[::9, ::9, 1].ravel(), 1)
    off = np.polyval(share, light[:, :, 1]) - shot.light[:, :, 1]
    assert np.sqrt(np.mean(off**2)) < 0.01 * share[0], "the noise of the picture"
