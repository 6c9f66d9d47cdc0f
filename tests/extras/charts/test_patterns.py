"""Stars, dead leaves and characters against what is known of them."""

import itertools

import numpy as np
import pytest

import defocus.extras
from defocus.errors import ImageError, NotApplicableError
from defocus.extras.charts.accuracy.known_patterns import (
    LEAVES_D,
    STAR_D,
    leaves_errors,
    star_errors,
    star_picture,
)
from defocus.extras.charts.measures.characters import character_errors, read_characters
from defocus.extras.charts.measures.star import star_mtf
from defocus.extras.charts.measures.texture import compare_texture
from defocus.scene.leaves import leaves_picture
from tests.extras.charts.read_here import needs_tesseract, needs_text

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize("diameter", STAR_D)
def test_a_stars_transfer_is_that_of_the_disc_and_its_sign(diameter):
    assert np.abs(star_errors(diameter)).max() < 0.03


@pytest.mark.parametrize("diameter", LEAVES_D)
def test_dead_leaves_give_the_transfer_of_the_disc(diameter):
    assert np.abs(leaves_errors(diameter)).max() < 0.03


@pytest.mark.parametrize("errors", [star_errors, leaves_errors])
@pytest.mark.parametrize("diameter", [1.5, 4.0])
def test_noise_of_two_percent_leaves_the_transfer(errors, diameter):
    deviations = np.abs([errors(diameter, 0.02, seed) for seed in (7, 8)])
    assert np.quantile(deviations, 0.95) < 0.03
    assert deviations.mean() < 0.01
    assert deviations.mean() > np.abs(errors(diameter, 0.0, 0)).mean()


def test_an_inverted_star_has_a_negative_transfer(refused):
    light, x, y = star_picture(201, 24)
    upright, inverted = (star_mtf(one, x, y, 24, 1.0) for one in (light, 0.8 - light))
    assert (upright.values > 0).all()
    assert (inverted.values < 0).all()
    with refused(ImageError):
        star_mtf(light[:9, :9], x[96:105, 96:105], y[96:105, 96:105], 24, 1.0)


def test_the_spectrum_of_leaves_falls_as_that_of_nature():
    picture = leaves_picture(512, seed=2)
    window = np.outer(np.hanning(512), np.hanning(512))
    power = np.abs(np.fft.fft2((picture - picture.mean()) * window)) ** 2
    steps = np.fft.fftfreq(512)
    radius = np.hypot(steps[:, None], steps[None, :])
    f = np.geomspace(0.02, 0.25, 12)
    bands = [
        power[(radius > low) & (radius <= high)].mean()
        for low, high in itertools.pairwise(f)
    ]
    slope = np.polyfit(np.log(np.sqrt(f[1:] * f[:-1])), np.log(bands), 1)[0]
    assert -3.2 < slope < -1.8


def test_noise_is_invented_texture():
    sharp = leaves_picture(256, seed=3)
    noisy = sharp + 0.05 * RANDOM.standard_normal(sharp.shape)
    plain = compare_texture(noisy, sharp)
    assert compare_texture(sharp, sharp).invention < 1e-9
    assert compare_texture(0.5 * sharp, sharp).lost == pytest.approx(0.5, abs=1e-9)
    assert plain.invention > 0.1
    assert plain.lost == pytest.approx(0.0, abs=0.03)
    assert plain.power.at(0.4) > 1.2


def test_other_leaves_are_all_invented(refused):
    one, other = leaves_picture(256, seed=3), leaves_picture(256, seed=4)
    texture = compare_texture(one, other)
    assert texture.invention > 0.9
    assert texture.lost > 0.8
    with refused(ImageError):
        compare_texture(one[1:], other)


def test_character_errors_count_edits():
    assert character_errors("ABC", "ABC") == 0
    assert character_errors("", "ABCD") == 1
    assert character_errors("AXCD", "ABCD") == 0.25
    assert character_errors("ABCDE", "ABCD") == 0.25


@needs_text
def test_without_tesseract_nothing_is_read(tmp_path, monkeypatch, refused):
    monkeypatch.setenv("PATH", str(tmp_path))
    with refused(NotApplicableError):
        read_characters(np.full((40, 200), 255, np.uint8))


def test_without_the_extra_text_nothing_is_read(monkeypatch, refused):
    monkeypatch.setattr(defocus.extras, "__path__", [])
    with refused(NotApplicableError):
        read_characters(np.full((40, 200), 255, np.uint8))


@pytest.mark.debian
@needs_tesseract
def test_tesseract_reads_lines():
    import cv2

    line = np.full((80, 400), 255, np.uint8)
    cv2.putText(
        line, "KITTEN 42", (20, 55), cv2.FONT_HERSHEY_DUPLEX, 1.5, 0, 2, cv2.LINE_AA
    )
    assert read_characters(line) == "KITTEN42"
