"""Quality on the spot: each fault has its answer, a good pair none; numbers against the truth."""

import errno
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from defocus.capture.links.back_ends import open_camera
from defocus.capture.planning.exposure import Bracket, plan_bracket
from defocus.capture.quality import pair_quality as quality_module
from defocus.capture.quality.limits import LIMITS, QualityLimits
from defocus.capture.quality.motion import compare_anchor
from defocus.capture.quality.pair_quality import judge_pair
from defocus.capture.quality.quick_look import QuickLook
from defocus.capture.quality.shot_findings import PairShots, compare_light
from defocus.capture.quality.verdict import Quality
from defocus.errors import ImageError
from defocus.pictures.metadata import Exif, read_exif
from defocus.pictures.read import read_image
from defocus.pictures.values import (
    Image,
    as_float,
    as_integer,
    linear_to_srgb,
    srgb_to_linear,
)
from defocus.pictures.write import through_jpeg, write_image


class Shots:
    """A good pair of pictures, its bracket and its EXIF."""

    def __init__(self, folder: Path) -> None:
        camera = open_camera("sim:?seed=4&width=320&height=240")
        camera.stage("desk", 1)
        self.folder = folder
        self.bracket = plan_bracket(camera.settings(), "f/4", "f/22", shutter="1/200")
        for role, exposure in (
            ("blurry", self.bracket.blurry),
            ("sharp", self.bracket.sharp),
        ):
            for name, word in exposure.words.items():
                camera.set(name, word)
            (part,) = camera.shoot(folder / role)
            part.rename(folder / f"{role}.tif")
        self.exif = {
            role: read_exif(folder / f"{role}.tif") for role in ("blurry", "sharp")
        }

    def picture(self, role: str) -> Image:
        return read_image(self.folder / f"{role}.tif")

    def judge(
        self,
        blurry: Image,
        sharp: Image,
        exif: dict[str, Exif] | None = None,
        bracket: Bracket | None = None,
        limits: QualityLimits = LIMITS,
    ) -> Quality:
        paths = {"blurry": self.folder / "b.png", "sharp": self.folder / "s.tif"}
        for path, picture in zip(paths.values(), (blurry, sharp), strict=True):
            write_image(path, picture)
        given = PairShots(paths, vars(bracket or self.bracket), exif or self.exif)
        return judge_pair(given, limits)


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    return Shots(tmp_path_factory.mktemp("shots"))


def brighter(picture: Image, factor: float) -> Image:
    linear = srgb_to_linear(as_float(picture, np.float64)) * factor
    return as_integer(linear_to_srgb(linear), 16)


def test_red_and_blue_are_compared_with_green():
    second = np.full((64, 96, 3), 0.2, np.float32)
    light = compare_light(second * np.array([2.0, 1.0, 0.5], np.float32), second)
    assert light.colour_ev == pytest.approx((1.0, -1.0), abs=1e-3)
    assert light.gain_ev == pytest.approx(math.log2(3.5 / 3), abs=1e-3)
    black = np.zeros((64, 64, 3))
    assert compare_light(black, black) is None, "black pictures have no exposure"


def test_a_good_pair_is_accepted(shots):
    quality = shots.judge(shots.picture("blurry"), shots.picture("sharp"))
    assert (quality.verdict, quality.reason) == ("accept", "")
    assert quality.numbers["gradient_energy_ratio"] > 1.3
    assert abs(quality.numbers["exposure_residual_ev"]) < 0.02
    assert quality.numbers["misalignment"]["status"] == "ok"
    assert math.hypot(*quality.numbers["misalignment"]["shift_px"]) < 0.3


def test_an_error_that_nobody_foresaw_is_a_warning(shots, monkeypatch):
    """The shots are whole: another pair would not be judged either."""

    def failing(*_given: object) -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(quality_module, "_check_regions", failing)
    quality = shots.judge(shots.picture("blurry"), shots.picture("sharp"))
    assert quality.verdict == "warn"
    assert (
        "not judged: unforeseen ZeroDivisionError: odd; please report it"
        in quality.reason
    )


def test_a_fault_of_the_disk_is_none_of_the_picture(shots, monkeypatch):
    """It is judged by the next check; a damaged picture is rejected."""
    causes: list[OSError] = [OSError("image file is truncated")]

    def failing(*_given: object) -> None:
        raise ImageError("b.png: cannot be read") from causes[0]

    monkeypatch.setattr(quality_module, "_check_regions", failing)
    pair = shots.picture("blurry"), shots.picture("sharp")
    assert shots.judge(*pair).verdict == "reject"
    causes[0] = OSError(errno.EIO, "Input/output error")
    quality = shots.judge(*pair)
    assert quality.verdict == "warn"
    assert "not judged: b.png: cannot be read" in quality.reason


# Flicker of 8 % is 0.111 EV.
@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.04, "accept"), (1.08, "warn"), (0.8, "reject"), (1.3, "reject")],
)
def test_flicker_is_measured_and_judged(shots, factor, verdict):
    quality = shots.judge(
        brighter(shots.picture("blurry"), factor), shots.picture("sharp")
    )
    residual = quality.numbers["exposure_residual_ev"]
    assert residual == pytest.approx(math.log2(factor), abs=0.02)
    assert quality.verdict == verdict


def test_a_residual_of_the_camera_list_is_no_fault(shots):
    """A bracket that is off by a third of a stop on purpose explains a third of a stop."""
    longer = replace(
        shots.bracket.blurry, seconds=shots.bracket.blurry.seconds * 2 ** (1 / 3)
    )
    planned = Bracket(longer, shots.bracket.sharp)
    shift = planned.residual_ev - shots.bracket.residual_ev
    blurry = brighter(shots.picture("blurry"), 2**shift)
    quality = shots.judge(blurry, shots.picture("sharp"), bracket=planned)
    assert abs(shift) > 0.1
    assert abs(quality.numbers["exposure_residual_ev"]) < 0.02


@pytest.mark.parametrize(
    ("shift_px", "severities"), [(3, []), (8, ["warn"]), (12, ["reject"])]
)
def test_a_shift_is_judged_by_its_share_of_the_width(shots, shift_px, severities):
    """Of 320 px: 3 px are 0.9 %, 8 px are 2.5 %."""
    limits = LIMITS.model_copy(update={"shift_warn": 0.02, "shift_reject": 0.035})
    moved = np.roll(shots.picture("sharp"), shift_px, axis=1)
    quality = shots.judge(shots.picture("blurry"), moved, limits=limits)
    assert quality.numbers["limits_px"]["shift_reject_px"] == 11.2
    assert [
        one.severity for one in quality.findings if "moved by" in one.text
    ] == severities


def test_ten_pixels_of_24_megapixels_are_no_fault():
    assert [*LIMITS.in_pixels(6000).values()] == [18, 120, 18, 120]
    assert [*LIMITS.in_pixels(240).values()] == [2, 10, 2, 10]
    earlier = QualityLimits(
        shift_warn_px=2.0, shift_reject_px=10.0, drift_reject_px=7.0
    )
    in_pixels = [*earlier.in_pixels(6000).values()]
    assert in_pixels == [2, 10, 18, 7], "limits of a session before shares"


def test_what_moved_between_the_shots_is_named(shots):
    sharp = shots.picture("sharp")
    sharp[90:130, 60:100] = sharp[90:130, 200:240].copy()
    quality = shots.judge(shots.picture("blurry"), sharp)
    assert quality.verdict == "warn"
    assert "something moved: " in quality.reason
    assert quality.numbers["unexplained"]["stops"] > 0.3


@pytest.mark.parametrize(
    ("blurry", "sharp", "said"),
    [
        ("sharp", "blurry", "gradient energy"),
        ("sharp", "sharp", "both files are the same picture"),
    ],
)
def test_exchanged_members_and_one_picture_twice_are_rejected(
    shots, blurry, sharp, said
):
    """A camera that delivers its old picture again may give it another time or format."""
    quality = shots.judge(shots.picture(blurry), shots.picture(sharp))
    assert quality.verdict == "reject"
    assert quality.reason.count(said) == 1


@pytest.mark.parametrize(
    ("role", "field", "value"),
    [("blurry", "f_number", 5.6), ("sharp", "seconds", 1 / 125)],
)
def test_exif_other_than_asked_is_rejected_and_none_is_a_warning(
    shots, role, field, value
):
    wrong = replace(shots.exif[role], **{field: value})
    for tags, verdict, said in (
        (wrong, "reject", f"EXIF of the {role} file says"),
        (Exif(), "warn", "no EXIF"),
    ):
        exif = {**shots.exif, role: tags}
        quality = shots.judge(shots.picture("blurry"), shots.picture("sharp"), exif)
        assert quality.verdict == verdict
        assert said in quality.reason


def test_clipped_highlights_do_not_disturb_the_exposure(shots):
    pictures = [shots.picture(role) for role in ("blurry", "sharp")]
    for picture in pictures:
        picture[40:80, 40:80] = 65535
    quality = shots.judge(*pictures)
    assert "clipped" in quality.reason
    assert abs(quality.numbers["exposure_residual_ev"]) < 0.02


def test_a_sharp_member_that_was_compressed_strongly_is_a_warning(shots):
    sharp = as_integer(as_float(shots.picture("sharp")), 8)
    light = through_jpeg(sharp, 90, full_colour=False)
    strong = through_jpeg(sharp, 8, full_colour=False)
    words = "strong compression, steps of "
    assert words not in shots.judge(shots.picture("blurry"), light).reason
    assert words in shots.judge(shots.picture("blurry"), strong).reason


def test_a_shift_counts_in_pixels_of_the_picture(shots):
    """A picture that is read at half its size shows half the shift."""

    def moved(path):
        halved = quality_module.read_halved(path)
        light = np.roll(halved.linear, 6 if path.name == "s.tif" else 0, axis=1)
        return QuickLook(light, 2.0 * halved.pixels)

    shots.judge(shots.picture("blurry"), shots.picture("sharp"))
    paths = {"blurry": shots.folder / "b.png", "sharp": shots.folder / "s.tif"}
    asked = PairShots(paths, vars(shots.bracket), shots.exif)
    assert "the camera moved by 12.0 px" in judge_pair(asked, read=moved).reason


def test_unknown_misalignment_is_no_rejection(shots):
    """Where nothing can be seen, nothing is claimed."""
    random = np.random.default_rng(0)
    flat = np.full((240, 320, 3), 20000, np.uint16)
    noisy = flat + random.integers(0, 3000, flat.shape, dtype=np.uint16)
    quality = shots.judge(
        flat + random.integers(0, 900, flat.shape, dtype=np.uint16), noisy
    )
    assert quality.numbers["misalignment"]["status"] == "unknown"
    assert quality.numbers["misalignment"]["shift_px"] == [None, None]
    assert quality.verdict == "warn", quality.reason
    assert "misalignment unknown: " in quality.reason


@pytest.mark.parametrize("measured_size_px", [800, 64])
def test_another_lens_is_seen_where_small_copies_do_not_show_it(
    shots, monkeypatch, measured_size_px
):
    """Copies of 64 px say nothing; then the pair is registered at the size of the pictures."""
    monkeypatch.setattr(quality_module, "MEASURED_SIZE_PX", measured_size_px)
    height, width = (round(side / 1.12) for side in (240, 320))
    top, left = (240 - height) // 2, (320 - width) // 2
    middle = shots.picture("sharp")[top : top + height, left : left + width]
    enlarged = cv2.resize(middle, (320, 240), interpolation=cv2.INTER_CUBIC)
    quality = shots.judge(shots.picture("blurry"), enlarged)
    misalignment = quality.numbers["misalignment"]
    assert misalignment["zoom"] == pytest.approx(1.12, abs=5e-3)
    assert misalignment["measured_at_scale"] == 1.0
    assert quality.verdict == "reject"
    assert "the magnification changed by 1" in quality.reason


def test_a_virtual_cameras_contradictions_are_warnings(shots):
    blurry = shots.folder / "blurry.tif"
    for virtual, verdict in ((False, "reject"), (True, "warn")):
        paths = {"blurry": blurry, "sharp": blurry}
        pair = PairShots(paths, vars(shots.bracket), shots.exif, virtual=virtual)
        quality = judge_pair(pair)
        assert quality.verdict == verdict
        assert "both files are the same" in quality.reason
        assert ("virtual camera" in quality.reason) == virtual


SCENES = ("shapes", "steps", "wall")
WIDE = (("f/2", "1/800"), ("f/2.8", "1/400"), ("f/4", "1/200"))
NOISE = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Judged:
    """A pair with its anchor, what was found and what is true."""

    quality: Quality
    truth: dict[str, Any]
    folder: Path

    @property
    def numbers(self) -> dict[str, Any]:
        return self.quality.numbers

    @property
    def corner_error_px(self) -> float | None:
        """How far the measured geometry puts the worst corner from the true one."""
        shot, true = self.numbers["misalignment"], self.truth["misalignment"]
        if shot["status"] == "unknown":
            return None
        return (
            math.dist(shot["shift_px"], true["shift_px"])
            + abs(shot["zoom"] - true["zoom"]) * 200
        )


def judged(folder: Path, number: int, options: str) -> Judged:
    """Pair ``number``: its scene, aperture and noise vary with the number."""
    folder.mkdir()
    (blurry, shutter), noise = WIDE[number // 3 % 3], NOISE[number // 9 % 3]
    looks = f"scene={SCENES[number % 3]}&noise={noise}&width=320&height=240"
    camera = open_camera(f"sim:?seed={number}&{looks}&{options}")
    camera.stage("desk", number)
    bracket = plan_bracket(camera.settings(), blurry, "f/22", shutter=shutter)
    paths = {role: folder / f"{role}.tif" for role in ("sharp", "blurry", "anchor")}
    for role, path in paths.items():
        for name, word in (
            bracket.blurry if role == "blurry" else bracket.sharp
        ).words.items():
            camera.set(name, word)
        (part,) = camera.shoot(folder / role)
        part.rename(path)
    camera.write_truth(folder)
    exif = {role: read_exif(path) for role, path in paths.items()}
    quality = judge_pair(
        PairShots(paths, vars(bracket) | {"anchor": bracket.sharp}, exif)
    )
    return Judged(quality, json.loads((folder / "truth.json").read_text()), folder)


@pytest.mark.full
def test_exposure_shift_and_zoom_are_true(tmp_path):
    """Exposure within 0.02 EV; shift and zoom within 0.3 px or unknown; drift within 0.3 px."""
    for number in range(4):
        options = "shift=6&breathing=0.01&rotation=0.2&exposure_error=0.4"
        pair = judged(tmp_path / str(number), number, options)
        assert abs(pair.numbers["measured_ev"] - pair.truth["gain_ev"]) < 0.02, number
        corner, drift = pair.corner_error_px, pair.numbers["anchor"]["drift_px"]
        assert corner is not None, number
        assert corner < 0.3, number
        true = pair.truth["shots"]["anchor"]["from_sharp"]["shift_px"]
        assert math.dist(drift, true) < 0.3, number


def test_a_change_of_the_light_is_no_motion(tmp_path):
    """5 % of light is 0.070 EV."""
    pair = judged(tmp_path / "pair", 0, "fault=ev%3D0.07@3")
    anchor = pair.numbers["anchor"]
    assert anchor["light_ev"] == pytest.approx(0.07, abs=0.005)
    assert anchor["moved_share"] == 0.0
    assert pair.quality.verdict == "accept", pair.quality.reason


def test_a_change_of_the_light_does_not_lower_the_noise_ceiling():
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(
        rng.uniform(0, 1, (96, 128, 3)).astype(np.float32), (0, 0), 1.5
    )
    first, repeat = (
        scene + rng.normal(0, 0.01, scene.shape).astype(np.float32) for _ in "ab"
    )
    even, lit = (
        compare_anchor(QuickLook(first), QuickLook(np.float32(light) * repeat), 3.0)
        for light in (1.0, 1.15)
    )
    assert even.light_ev == pytest.approx(0, abs=0.01)
    assert lit.light_ev == pytest.approx(0.2, abs=0.01)
    assert even.noise_ceiling_db is not None
    assert lit.noise_ceiling_db == pytest.approx(even.noise_ceiling_db, abs=0.3)


def test_where_diffraction_blurs_the_plane_of_focus_the_pair_is_masked(tmp_path):
    """Strips from near to far: those in focus at f/2 lose to f/22, those far out of focus win."""
    pair = judged(tmp_path / "pair", 4, "diffraction=10")
    assert pair.quality.verdict != "accept"
    assert "focus stack" in pair.quality.reason
    mask = pair.quality.mask
    assert mask is not None
    blur = np.abs(np.load(pair.folder / "defocus_map.npy"))
    masked = mask == 0
    assert 0.02 < masked.mean() < 0.9
    assert blur[masked].mean() < 0.7 * blur[~masked].mean()
    clean = judged(tmp_path / "clean", 4, "diffraction=0")
    assert clean.quality.mask is None
    assert clean.numbers["blurrier_share"] < 0.02
