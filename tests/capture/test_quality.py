"""Quality on the spot: each fault has its answer, and a good pair none."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from defocus.capture.cameras.sim import SimulatedCamera
from defocus.capture.judging import quality as quality_module
from defocus.capture.judging.exposure_match import compare_light
from defocus.capture.judging.quality import judge_pair
from defocus.capture.judging.verdict import Quality
from defocus.capture.links.back_ends import open_camera
from defocus.capture.planning.exposure import Bracket, plan_bracket
from defocus.exif import Exif, read_exif
from defocus.images import (
    Image,
    as_float,
    as_integer,
    linear_to_srgb,
    read_image,
    srgb_to_linear,
    write_image,
)


class Shots:
    """A good pair of pictures, its bracket and its EXIF."""

    def __init__(self, folder: Path) -> None:
        camera = open_camera("sim:?seed=4&width=320&height=240")
        assert isinstance(camera, SimulatedCamera)
        camera.stage("desk", 1)
        self.folder = folder
        self.bracket = plan_bracket(camera.settings(), "f/4", "f/22", shutter="1/200")
        for role, exposure in (("blurry", self.bracket.blurry), ("sharp", self.bracket.sharp)):
            for name, word in exposure.words.items():
                camera.set(name, word)
            (part,) = camera.shoot(folder / role)
            part.rename(folder / f"{role}.tif")
        self.exif = {role: read_exif(folder / f"{role}.tif") for role in ("blurry", "sharp")}

    def picture(self, role: str) -> Image:
        return read_image(self.folder / f"{role}.tif")

    def judge(
        self,
        blurry: Image,
        sharp: Image,
        exif: dict[str, Exif] | None = None,
        bracket: Bracket | None = None,
    ) -> Quality:
        paths = [self.folder / name for name in ("b.png", "s.tif")]
        for path, picture in zip(paths, (blurry, sharp), strict=True):
            write_image(path, picture)
        return judge_pair(*paths, bracket or self.bracket, exif or self.exif)


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Shots:
    return Shots(tmp_path_factory.mktemp("shots"))


def brighter(picture: Image, factor: float) -> Image:
    linear = srgb_to_linear(as_float(picture, np.float64)) * factor
    return as_integer(linear_to_srgb(linear), 16)


def test_red_and_blue_are_compared_with_green() -> None:
    second = np.full((64, 96, 3), 0.2, np.float32)
    found = compare_light(second * np.array([2.0, 1.0, 0.5], np.float32), second)
    assert found is not None
    assert found.colour_ev == pytest.approx((1.0, -1.0), abs=1e-3)
    assert found.gain_ev == pytest.approx(math.log2(3.5 / 3), abs=1e-3)
    black = np.zeros((64, 64, 3))
    assert compare_light(black, black) is None, "black pictures have no exposure"


def test_a_good_pair_is_accepted(shots: Shots) -> None:
    quality = shots.judge(shots.picture("blurry"), shots.picture("sharp"))
    assert (quality.verdict, quality.reason) == ("accept", "")
    assert quality.numbers["sharpness_ratio"] > 1.3
    assert abs(quality.numbers["exposure_residual_ev"]) < 0.02
    assert quality.numbers["misalignment"]["status"] == "ok"
    assert math.hypot(*quality.numbers["misalignment"]["shift_px"]) < 0.3


def test_an_error_that_nobody_foresaw_is_a_warning(
    shots: Shots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shots are whole: another pair would not be judged either."""

    def failing(*_given: object) -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(quality_module, "_check_regions", failing)
    quality = shots.judge(shots.picture("blurry"), shots.picture("sharp"))
    assert quality.verdict == "warn"
    assert "not judged: unforeseen ZeroDivisionError: odd; please report it" in quality.reason


# Flicker of 8 % is 0.111 EV.
@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.04, "accept"), (1.08, "warn"), (0.8, "reject"), (1.3, "reject")]
)
def test_flicker_is_measured_and_judged(shots: Shots, factor: float, verdict: str) -> None:
    quality = shots.judge(brighter(shots.picture("blurry"), factor), shots.picture("sharp"))
    residual = quality.numbers["exposure_residual_ev"]
    assert residual == pytest.approx(math.log2(factor), abs=0.02)
    assert quality.verdict == verdict


def test_a_residual_of_the_camera_list_is_no_fault(shots: Shots) -> None:
    """A bracket that is off by a third of a stop on purpose explains a third of a stop."""
    longer = replace(shots.bracket.blurry, seconds=shots.bracket.blurry.seconds * 2 ** (1 / 3))
    planned = Bracket(longer, shots.bracket.sharp)
    shift = planned.residual_ev - shots.bracket.residual_ev
    blurry = brighter(shots.picture("blurry"), 2**shift)
    quality = shots.judge(blurry, shots.picture("sharp"), bracket=planned)
    assert abs(shift) > 0.1
    assert abs(quality.numbers["exposure_residual_ev"]) < 0.02


def test_what_moved_between_the_shots_is_named(shots: Shots) -> None:
    sharp = shots.picture("sharp")
    sharp[90:130, 60:100] = sharp[90:130, 200:240].copy()
    quality = shots.judge(shots.picture("blurry"), sharp)
    assert quality.verdict == "warn"
    assert "something moved: " in quality.reason
    assert quality.numbers["unexplained"]["stops"] > 0.3


@pytest.mark.parametrize(
    ("blurry", "sharp", "said"),
    [("sharp", "blurry", "sharpness"), ("sharp", "sharp", "both files are the same picture")],
)
def test_exchanged_members_and_one_picture_twice_are_rejected(
    shots: Shots, blurry: str, sharp: str, said: str
) -> None:
    """A camera that delivers its old picture again may give it another time or format."""
    quality = shots.judge(shots.picture(blurry), shots.picture(sharp))
    assert quality.verdict == "reject"
    assert quality.reason.count(said) == 1


@pytest.mark.parametrize(
    ("role", "field", "value"), [("blurry", "f_number", 5.6), ("sharp", "seconds", 1 / 125)]
)
def test_exif_other_than_asked_is_rejected_and_none_is_a_warning(
    shots: Shots, role: str, field: str, value: float
) -> None:
    wrong = replace(shots.exif[role], **{field: value})
    for found, verdict, said in (
        (wrong, "reject", f"EXIF of the {role} file says"),
        (Exif(), "warn", "no EXIF"),
    ):
        exif = {**shots.exif, role: found}
        quality = shots.judge(shots.picture("blurry"), shots.picture("sharp"), exif)
        assert quality.verdict == verdict
        assert said in quality.reason


def test_clipped_highlights_do_not_disturb_the_exposure(shots: Shots) -> None:
    pictures = [shots.picture(role) for role in ("blurry", "sharp")]
    for picture in pictures:
        picture[40:80, 40:80] = 65535
    quality = shots.judge(*pictures)
    assert "clipped" in quality.reason
    assert abs(quality.numbers["exposure_residual_ev"]) < 0.02


def test_unknown_misalignment_is_no_rejection(shots: Shots) -> None:
    """Where nothing can be seen, nothing is claimed."""
    random = np.random.default_rng(0)
    flat = np.full((240, 320, 3), 20000, np.uint16)
    noisy = flat + random.integers(0, 3000, flat.shape, dtype=np.uint16)
    quality = shots.judge(flat + random.integers(0, 900, flat.shape, dtype=np.uint16), noisy)
    assert quality.numbers["misalignment"]["status"] == "unknown"
    assert quality.numbers["misalignment"]["shift_px"] == [None, None]
    assert quality.verdict != "reject", quality.reason


def test_a_virtual_cameras_contradictions_are_warnings(shots: Shots) -> None:
    blurry = shots.folder / "blurry.tif"
    for virtual, verdict in ((False, "reject"), (True, "warn")):
        quality = judge_pair(blurry, blurry, shots.bracket, shots.exif, virtual_camera=virtual)
        assert quality.verdict == verdict
        assert "both files are the same" in quality.reason
        assert ("virtual camera" in quality.reason) == virtual
