"""Mistakes of saving are named, and change no score."""

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from defocus.benchmark.external_results.mistakes import look
from defocus.benchmark.external_results.options import ScoreOptions
from defocus.benchmark.external_results.row import score_request
from defocus.pictures.values import srgb_to_linear

SHAPE = (48, 64)


def scene(seed: int) -> np.ndarray:
    """``(H, W, 3)`` uint8, with light and dark parts and no symmetry."""
    cells = np.random.default_rng(seed).integers(10, 246, (5, 7, 3), np.uint8)
    picture = cv2.resize(cells, SHAPE[::-1], interpolation=cv2.INTER_LINEAR)
    picture[:16, :16] = 0
    return np.asarray(picture, np.uint8)


def linear(picture: np.ndarray) -> np.ndarray:
    return np.rint(255 * srgb_to_linear(picture / 255)).astype(np.uint8)


def limited(picture: np.ndarray) -> np.ndarray:
    return np.rint(16 + picture * (219 / 255)).astype(np.uint8)


MISTAKES = {
    "times 257": lambda picture: picture.astype(np.uint16),
    "times 16": lambda picture: np.rint(picture * (4095 / 255)).astype(np.uint16),
    "stretched from 16-235": limited,
    "as linear light": linear,
    "turned by 180 degrees": lambda picture: picture[::-1, ::-1],
    "mirrored left to right": lambda picture: picture[:, ::-1],
    "mirrored top to bottom": lambda picture: picture[::-1],
}


def write(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        cv2.imencode(".png", np.ascontiguousarray(picture[:, :, ::-1]))[1].tobytes()
    )


def scored(tmp_path, change, deep_reference=False):
    for number in range(3):
        sharp = scene(number)
        reference = sharp.astype(np.uint16) * 257 if deep_reference else sharp
        write(tmp_path / "sharp" / f"{number}.png", reference)
        write(
            tmp_path / "out" / f"{number}.png",
            change(cv2.GaussianBlur(sharp, (0, 0), 1)),
        )
    return compared(tmp_path)


def compared(folder):
    """The pictures of ``out`` beside those of ``sharp``."""
    options = ScoreOptions(
        restored=folder / "out",
        sharp=folder / "sharp",
        profile="dpdd8",
        metric=("psnr",),
    )
    return score_request(options)


@pytest.mark.parametrize("name", MISTAKES)
def test_what_the_pictures_fit_better_with_is_named(name, tmp_path):
    scoring = scored(tmp_path, MISTAKES[name], deep_reference=name == "times 16")
    (warning,) = [one for one in scoring.warnings if "fit better" in one]
    assert f" dB {name} (3 of 3 pictures looked at)" in warning
    stated = float(warning.partition(" dB")[0].rpartition(" ")[2])
    right = scored(tmp_path / "right", lambda picture: picture)
    assert right.mean["psnr"] - scoring.mean["psnr"] == pytest.approx(stated, abs=1.5)
    assert right.warnings == ()


def test_the_orientation_of_the_reference_is_said(tmp_path):
    exif = Pillow.Exif()
    exif[274] = 3
    (tmp_path / "sharp").mkdir()
    Pillow.fromarray(scene(0)).save(tmp_path / "sharp" / "a.jpg", exif=exif, quality=95)
    write(tmp_path / "out" / "a.png", scene(0)[::-1, ::-1])
    scoring = compared(tmp_path)
    assert "turned by 180 degrees (1 of 1 picture looked at): " in scoring.warnings[0]
    assert "a.jpg has orientation 3, which is not applied" in scoring.warnings[0]


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_picture_on_its_side_says_why_it_is_not_scored(tmp_path, orientation):
    exif = Pillow.Exif()
    exif[274] = orientation
    (tmp_path / "sharp").mkdir()
    Pillow.fromarray(scene(0)).save(tmp_path / "sharp" / "a.jpg", exif=exif)
    write(tmp_path / "out" / "a.png", np.rot90(scene(0)))
    scoring = compared(tmp_path)
    (left_out,) = scoring.left_out
    said = (
        "a.jpg has orientation 6, which is not applied"
        if orientation == 6
        else "is turned"
    )
    assert said in left_out.reason


def test_one_that_is_not_most_is_not_said(tmp_path):
    for number in range(3):
        write(tmp_path / "sharp" / f"{number}.png", scene(number))
        output = scene(number) if number else linear(scene(number))
        write(tmp_path / "out" / f"{number}.png", output)
    scoring = compared(tmp_path)
    assert scoring.warnings == ()


@pytest.mark.parametrize("gain", [0.8, 1.0, 1.1])
def test_a_network_that_changes_contrast_makes_no_mistake(gain):
    sharp = scene(4) / 255
    restored = (cv2.GaussianBlur(sharp, (0, 0), 2) - 0.5) * gain + 0.5
    assert look(restored, sharp).mistakes == ()
