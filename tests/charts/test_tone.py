"""The tone curve of a picture of the chart, from its grey steps."""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.charts.light import StoredLight
from defocus.charts.reading.geometry import ChartGeometry
from defocus.charts.reading.tone import read_tone
from defocus.charts.sheet.layout import HEIGHT, WIDTH, Sheet, make_sheet
from defocus.charts.sheet.raster import photographed
from defocus.images import Image, as_integer, linear_to_srgb
from defocus.optics.psf import disc_psf

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
    return cv2.filter2D(photographed(make_sheet(), PLACE, *SIZE), -1, disc_psf(diameter))


def picture(
    curve: Curve, diameter: float, *, gain: Floats | float = 1.0, noise: float = 0.005
) -> Image:
    """The chart through a disc, as a camera with that curve stores it."""
    rest = noise * np.random.default_rng(1).standard_normal((*SIZE[::-1], 3))
    light = np.clip(gain * blurred(diameter) + rest, 0.0, 1.0)
    return as_integer(curve(np.asarray(linear_to_srgb(light), np.float64)), 8)


@pytest.mark.parametrize("gain", [1.0, 0.5, UNEVEN, 0.5 * UNEVEN])
def test_srgb_is_not_called_another_curve(gain: Floats | float) -> None:
    """Neither in uneven light nor where it is dim."""
    light = StoredLight(picture(s_curve(0.0), 6.0, gain=gain, noise=0.01))
    found = read_tone(light, make_sheet(), GEOMETRY, 6.0)
    assert not found.differs
    assert found.departure is not None
    assert abs(found.departure) < 0.01
    assert "tone curve srgb, grey steps agree to 0." in found.line()


@pytest.mark.parametrize(
    ("light", "sheet", "blur_px", "words"),
    [
        (StoredLight(picture(s_curve(1.0), 6.0), linear=True), make_sheet(), 6.0, "it is known"),
        (StoredLight(picture(s_curve(1.0), 6.0), developed=True), make_sheet(), 6.0, "it is known"),
        (StoredLight(picture(s_curve(1.0), 6.0)), make_sheet(), 20.0, "blur mixes the grey steps"),
        (StoredLight(picture(s_curve(1.0), 6.0)), make_sheet(), None, "no edge tells the blur"),
        (StoredLight(picture(s_curve(1.0), 6.0)), make_sheet("depths"), 6.0, "has no grey steps"),
        (StoredLight(picture(s_curve(0.0), 6.0, gain=1.3)), make_sheet(), 6.0, "expose less"),
        (StoredLight(picture(s_curve(1.0), 6.0)[:200]), make_sheet(), 6.0, "outside the picture"),
    ],
)
def test_a_curve_that_is_not_checked_has_a_reason(
    light: StoredLight, sheet: Sheet, blur_px: float | None, words: str
) -> None:
    found = read_tone(light, sheet, GEOMETRY, blur_px)
    assert found.departure is None
    assert not found.differs
    assert words in found.line()
    assert words in found.to_json()["tone_reason"]


def test_another_curve_is_a_warning() -> None:
    for share, off in ((0.25, 0.03), (1.0, 0.12)):
        light = StoredLight(picture(s_curve(share), 6.0))
        found = read_tone(light, make_sheet(), GEOMETRY, 6.0)
        assert found.differs
        assert found.to_json()["tone_departure"] == pytest.approx(off, abs=0.01)
        assert found.line().startswith("warning: grey steps are off by +")
