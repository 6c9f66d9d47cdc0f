"""Pairs that cannot be aligned: "unknown" or one clear error, never a confident number."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np
import pytest

from defocus.align.compensation.compensate import compensate
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.align.motion_limits import MotionLimits
from defocus.align.registration import unknown_causes
from defocus.align.registration.doubt import doubt
from defocus.align.registration.level import Level
from defocus.align.registration.register import register
from defocus.align.registration.unknown_causes import REASONS, advice
from defocus.errors import AlignmentError
from defocus.pictures.values import Image, linear_to_srgb, srgb_to_linear
from defocus.pictures.write import write_image
from defocus.scene.pictures import PICTURES, texture

REPEATS = (
    "the texture repeats itself; how far the camera moved at most, if you know it, may decide "
    "(--largest-shift)"
)
WIDTH, HEIGHT = 256, 192
SCENES = [name for name in PICTURES if name != "hubble_deep_field"]
Maker = Callable[[np.random.Generator], tuple[Image, Image]]


def stored(
    encoded: np.ndarray, rng: np.random.Generator, noise: float = 0.004
) -> Image:
    noisy = np.clip(encoded + rng.normal(0, noise, encoded.shape), 0, 1)
    return np.asarray(np.rint(255 * noisy), np.uint8)


def scene(index: int) -> np.ndarray:
    return np.asarray(
        linear_to_srgb(np.minimum(texture(SCENES[index], WIDTH, HEIGHT), 1.0))
    )


def two(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    first, second = rng.choice(len(SCENES), 2, replace=False)
    return scene(first), scene(second)


def blurred(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 4)))


def turned(change: Callable[[np.ndarray], np.ndarray]) -> Maker:
    def make(rng: np.random.Generator) -> tuple[Image, Image]:
        picture = scene(int(rng.integers(len(SCENES))))
        return stored(blurred(picture, rng), rng), stored(change(picture), rng)

    return make


def other_scene(rng: np.random.Generator) -> tuple[Image, Image]:
    first, second = two(rng)
    return stored(blurred(first, rng), rng), stored(second, rng)


def overlay(rng: np.random.Generator) -> np.ndarray:
    """Dust and a line of text that stay where they are, whatever the camera looks at."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.putText(mask, "SAMPLE 12:30", (12, 175), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)
    for x, y in rng.integers((WIDTH, HEIGHT), size=(8, 2)):
        cv2.circle(mask, (int(x), int(y)), int(rng.integers(2, 6)), 200, -1)
    return np.asarray(mask[:, :, None] / 255)


def watermark(rng: np.random.Generator) -> tuple[Image, Image]:
    mask = overlay(rng)
    first, second = (picture * (1 - mask) + 0.9 * mask for picture in two(rng))
    return stored(blurred(first, rng), rng), stored(second, rng)


def even(value: float, noise: float) -> Maker:
    def make(rng: np.random.Generator) -> tuple[Image, Image]:
        flat = np.full((HEIGHT, WIDTH, 3), value)
        return stored(flat, rng, noise), stored(flat, rng, noise)

    return make


def stripes(rng: np.random.Generator) -> tuple[Image, Image]:
    """Along themselves, they say nothing."""
    waves = (
        0.5 + 0.2 * np.sign(np.sin((np.arange(WIDTH) + offset) / 9))
        for offset in (0, 2)
    )
    first, second = (
        np.broadcast_to(one[None, :, None], (HEIGHT, WIDTH, 3)) for one in waves
    )
    return stored(first, rng, 0.01), stored(second, rng, 0.01)


def one_black(rng: np.random.Generator) -> tuple[Image, Image]:
    return np.zeros((HEIGHT, WIDTH, 3), np.uint8), stored(scene(1), rng)


def tiny(height: int, width: int) -> Maker:
    def make(rng: np.random.Generator) -> tuple[Image, Image]:
        picture = rng.integers(0, 255, (height, width, 3)).astype(np.uint8)
        return picture, picture

    return make


UNRELATED: dict[str, Maker] = {
    "other scene": other_scene,
    "on its side": turned(
        lambda picture: cv2.resize(np.rot90(picture), (WIDTH, HEIGHT))
    ),
    "negative": turned(lambda picture: 1 - picture),
    "watermark on other scenes": watermark,
    "noise": even(0.5, 0.2),
    "wall": even(0.6, 0.01),
    "black": even(0.0, 0.0),
    "white": even(1.0, 0.0),
    "stripes": stripes,
    "one black": one_black,
    **{f"{h}x{w}": tiny(h, w) for h, w in ((1, 1), (20, 40), (40, 20), (31, 400))},
}


@pytest.mark.parametrize("name", UNRELATED)
def test_what_has_nothing_in_common_is_unknown(name, refused):
    for seed in range(3):
        pair = UNRELATED[name](np.random.default_rng(seed))
        measurement = measure(*pair, flow_estimator("dis"))
        document = measurement.misalignment.to_json()
        assert document["status"] == "unknown"
        assert (
            ("smaller than 32 px" if "x" in name[:3] else "")
            in document["reason"]
            != ""
        )
        assert document["shift_px"] == [None, None]
        assert document["residual_px"] == {"median": None, "p95": None}
        for key in ("zoom", "rotation_deg", "reliable_share", "gain_ev"):
            assert document[key] is None
        assert not measurement.reliable.any()
    with refused(AlignmentError):
        compensate(*pair, measurement)


def checkerboard(period: int) -> np.ndarray:
    """Wide enough to be cut, and no zero of the sine on a pixel: it repeats itself exactly."""
    y, x = np.mgrid[0:HEIGHT, 0 : WIDTH + 64] + 0.25
    wave = np.sign(np.sin(2 * np.pi * x / period)) * np.sign(
        np.sin(2 * np.pi * y / period)
    )
    assert (wave[:, period:] == wave[:, :-period]).all()
    return np.repeat(0.5 + 0.25 * wave[:, :, None], 3, axis=2)


def bricks(variation: float) -> np.ndarray:
    """32x16 px each, with mortar; the bricks' own greys scatter by the variation."""
    y, x = np.mgrid[0:HEIGHT, 0 : WIDTH + 64]
    row = y // 16
    along = x + row % 2 * 16
    greys = 0.45 + variation * np.random.default_rng(5).standard_normal((64, 64))
    wall = np.where((y % 16 < 2) | (along % 32 < 2), 0.75, greys[row, along // 32])
    return np.repeat(cv2.GaussianBlur(wall, (0, 0), 0.7)[:, :, None], 3, axis=2)


def cut(pattern: np.ndarray, shift: int) -> tuple[Image, Image]:
    """A pair that shows the pattern moved, with nothing rolled in from the other side."""
    rng = np.random.default_rng(shift)
    blurry, sharp = (
        pattern[:, 32 : 32 + WIDTH],
        pattern[:, 32 - shift : 32 - shift + WIDTH],
    )
    return stored(blurred(blurry, rng), rng), stored(sharp, rng)


@pytest.mark.parametrize("period", [7, 12, 24])
@pytest.mark.parametrize("shift", [2, 5, 17])
def test_a_checkerboard_is_unknown(period, shift):
    """It looks the same a period further on: no number that may be off by a period."""
    misalignment = measure(
        *cut(checkerboard(period), shift), flow_estimator("dis")
    ).misalignment
    assert misalignment.status == "unknown"
    if period > 7:
        assert misalignment.reason == REPEATS


@pytest.mark.parametrize("shift", [10, 20, 25])
def test_equal_bricks_are_unknown_and_those_that_differ_told_apart(shift):
    misalignment = measure(*cut(bricks(0.0), shift), flow_estimator("dis")).misalignment
    assert (misalignment.status, misalignment.reason) == ("unknown", REPEATS)
    misalignment = measure(
        *cut(bricks(0.05), shift), flow_estimator("dis")
    ).misalignment
    assert misalignment.similarity is not None, misalignment.reason
    assert misalignment.similarity.shift_px == pytest.approx((shift, 0.0), abs=0.2)


def barred(
    variation: float, lefts: tuple[int, ...] = (), tops: tuple[int, ...] = ()
) -> np.ndarray:
    """Bricks behind thin dark bars."""
    wall = bricks(variation)
    for left in lefts:
        wall[:, left : left + 5] = 0.1
    for top in tops:
        wall[top : top + 5] = 0.1
    return wall


@pytest.mark.parametrize("shift", [3, 25])
def test_a_bar_across_bricks_decides_and_bars_along_them_do_not(shift):
    """A ridge of correlation joins all bricks of a row; what was said was a brick off."""
    registration = register(*map(grey, cut(barred(0.0, tops=(30, 70, 151)), shift)))
    assert (registration.matrix, registration.reason) == (None, REPEATS)
    registration = register(*map(grey, cut(barred(0.01, lefts=(180,)), shift)))
    assert registration.similarity is not None, registration.reason
    assert registration.similarity.shift_px == pytest.approx((shift, 0.0), abs=0.1)


def grey(picture: Image) -> np.ndarray:
    return srgb_to_linear(picture.astype(np.float32) / 255).mean(axis=2)


@pytest.mark.parametrize(
    ("largest_px", "reason"),
    [(20, "repeats itself within the 20 px allowed"), (6, "10.0 px, more")],
)
def test_a_largest_shift_may_leave_bricks_unknown(largest_px, reason):
    """Those half a row on lie 17 px off; those where they were moved to, farther than 6 px."""
    registration = register(*map(grey, cut(bricks(0.0), 10)), largest_px=largest_px)
    assert registration.matrix is None
    assert reason in registration.reason


def test_a_largest_shift_that_is_too_short_gives_a_wrong_shift_that_says_what_it_rests_on():
    """Bricks 32 px apart that moved by 20 px: the ones 12 px the other way fit as well."""
    misalignment = measure(
        *cut(bricks(0.0), 20), flow_estimator("dis"), limits=MotionLimits(largest_px=14)
    ).misalignment
    assert misalignment.similarity.shift_px == pytest.approx((-12, 0), abs=0.2)
    assert misalignment.to_json()["rests_on_largest_shift_px"] == 14
    other = measure(
        *cut(bricks(0.05), 20),
        flow_estimator("dis"),
        limits=MotionLimits(largest_px=24),
    ).misalignment
    assert other.status == "ok"
    assert "rests_on_largest_shift_px" not in other.to_json(), "these bricks differ"


def test_a_reason_speaks_of_pixels_of_the_picture(monkeypatch):
    """Large pictures are reduced for the registration; here all from twice the size on."""
    large = [one.repeat(2, axis=0).repeat(2, axis=1) for one in cut(bricks(0.0), 10)]
    monkeypatch.setattr(
        "defocus.align.measure.REGISTRATION_SIDE", large[0].shape[1] // 2
    )
    misalignment = measure(
        large[0], large[1], flow_estimator("dis"), limits=MotionLimits(largest_px=12)
    ).misalignment
    reason = re.fullmatch(
        r"the corners would move (20\.\d) px, more than the 12 px allowed",
        misalignment.reason,
    )
    assert reason is not None, misalignment.reason


def test_with_the_largest_shift_equal_bricks_are_known(run, tmp_path):
    for name, picture in zip(
        ("blurry.png", "sharp.png"), cut(bricks(0.0), 10), strict=True
    ):
        write_image(tmp_path / name, picture)
    result = run(
        "defocus-data",
        "align",
        "blurry.png",
        "sharp.png",
        "--json",
        "--largest-shift",
        "12",
    )
    assert json.loads(result.stdout)["shift_px"] == pytest.approx([10, 0], abs=0.2)
    result = run(
        "defocus-data", "align", "blurry.png", "sharp.png", "--largest-shift", "12"
    )
    words = "rests on your --largest-shift 12 px: other shifts that fit were left out"
    assert f"caution    {words}" in result.stdout.splitlines()


@pytest.mark.parametrize("kind", [np.float32, np.float64, bool, np.int32])
def test_other_kinds_of_pixels_are_refused(kind, refused):
    picture = np.ones((HEIGHT, WIDTH, 3), np.uint8)
    with refused(AlignmentError):
        measure(picture, picture.astype(kind), flow_estimator("dis"))


def test_an_error_without_bound_is_told_in_words():
    level = SimpleNamespace(factor=1, matrix=np.eye(3), error_px=math.inf)
    grey = np.zeros((40, 60), np.float32)
    assert doubt(grey, grey, cast(Level, level), MotionLimits(largest_px=10.0), 1) == (
        "only one part of the picture shows how far the corners move"
    )


SOURCES = ("register", "doubt", "tile_fit", "unknown_causes")


def test_what_helps_is_known_of_reasons_that_are_given():
    """A reason that is worded anew must be known under its new words too."""
    folder = Path(unknown_causes.__file__).parent
    texts = [(folder / f"{name}.py").read_text() for name in SOURCES]
    given = "".join([*texts, (folder.parent / "measure.py").read_text()])
    for words, text in REASONS:
        assert words in given, words
        assert advice(f"… {words} …") == text
    assert advice("the pair has no sharp picture") == ""


def test_an_unknown_pair_says_what_helps(tmp_path, run):
    for name in ("blurry", "sharp"):
        write_image(tmp_path / f"{name}.png", np.full((96, 128, 3), 90, np.uint8))
    result = run(
        "defocus-data", "align", tmp_path / "blurry.png", tmp_path / "sharp.png", code=0
    )
    reason = next(
        line for line in result.stdout.splitlines() if line.startswith("reason")
    )
    assert f"what helps {advice(reason)}" in result.stdout
    assert "hardly any texture" in reason
    assert "less blur" not in result.stdout, "a flat picture is not helped by it"
