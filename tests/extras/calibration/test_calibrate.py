"""Calibrations against the truth of the simulated camera, and what a shoot makes of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from defocus.capture.calibrations import Calibration, Calibrations, read_calibration
from defocus.capture.planning.exposure import make_exposure
from defocus.capture.planning.request import BracketRequest
from defocus.capture.planning.shoot_settings import ShootOptions
from defocus.capture.taking.running import shoot_new
from defocus.capture.taking.shots.rig import RigAddress
from defocus.errors import CameraError
from defocus.extras.calibration.calibrating import calibrate
from defocus.extras.calibration.request import CalibrationRequest
from defocus.scene.thin_lens import Lens, circle_of_confusion_px
from tests.capture.calibrated_shoot import check_that_a_shoot_uses

SMALL = "sim:?width=320&height=240"


def calibrated(folder: Path, kind: Any, *uris: str, **options: Any) -> Calibration:
    out = folder / f"{kind}.json"
    request = CalibrationRequest(
        **{"uri": uris, "out": out, "frames": 4, "yes": True, **options}
    )
    calibrate(kind, request)
    return read_calibration(out)


def _number(word: str) -> float:
    return float(word[2:])


def test_light_of_each_aperture(tmp_path):
    """The diaphragm of this camera closes too little, by 0.3 EV at f/22."""
    calibration = calibrated(
        tmp_path, "exposure", f"{SMALL}&stop_error=0.3", blurry="f/2.8"
    )
    apertures = calibration.result["apertures"]
    assert (min(apertures, key=_number), max(apertures, key=_number)) == (
        "f/2.8",
        "f/22",
    )
    for word, measured in apertures.items():
        f_number = make_exposure(
            (word, _number(word)), ("1", 1.0), (None, 100.0)
        ).f_number
        expected = 0.3 * np.log2(f_number / 2**1.5) / 4
        assert measured["error_ev"] == pytest.approx(expected, abs=0.01)
        assert measured["flicker_ev"] < 0.01


@pytest.mark.full
def test_a_calibrated_aperture_is_no_fault(tmp_path):
    uri = f"{SMALL}&stop_error=0.6"
    calibrated(tmp_path, "exposure", uri)
    check_that_a_shoot_uses(tmp_path / "exposure.json", uri)


@pytest.mark.full
@pytest.mark.parametrize(("chart", "backlash"), [(23, 9), (-31, 0)])
def test_best_focus_and_the_play_of_the_motor(tmp_path, chart, backlash):
    uri = f"{SMALL}&chart={chart}&backlash={backlash}"
    calibration = calibrated(tmp_path, "focus", uri, blurry="f/1.4")
    assert calibration.number("best_steps") == pytest.approx(chart, abs=2)
    assert calibration.number("backlash_steps") == pytest.approx(backlash, abs=2)
    overshoot = Calibrations({"focus": calibration}).overshoot_steps
    assert backlash < overshoot <= max(2 * backlash + 5, 8)


def test_the_play_of_a_motor_whose_steps_hardly_blur(tmp_path):
    """The lens stands still in focus for many steps, which pulled a parabola to no play at all."""
    uri = "sim:?width=300&height=200&chart=5&backlash=12"
    calibration = calibrated(tmp_path, "focus", uri)
    assert calibration.number("backlash_steps") == pytest.approx(12, abs=3)
    assert Calibrations({"focus": calibration}).overshoot_steps > 12


@pytest.mark.full
@pytest.mark.parametrize(("chart", "f_number", "size"), [(0, 1.4, 320), (12, 2.0, 640)])
def test_a_step_in_blur_and_dioptres(tmp_path, chart, f_number, size):
    """The simulated motor moves 0.005 dioptres a step; the breathing of its lens does no harm."""
    uri = f"sim:?width={size}&height={size}&chart={chart}"
    calibration = calibrated(tmp_path, "focus", uri, blurry=f"f/{f_number:g}")
    assert calibration.number("dioptres_per_step") == pytest.approx(0.005, rel=0.05)
    true = make_exposure(
        (f"f/{f_number:g}", f_number), ("1", 1.0), (None, 100.0)
    ).f_number
    lens = [
        Lens(50.0, true, 1e3 / (0.5 + 0.005 * step), 16e3 / size) for step in (10, 30)
    ]
    here = 1e3 / (0.5 - 0.005 * chart)
    first, second = (abs(float(circle_of_confusion_px(here, one))) for one in lens)
    expected = (second - first) / 20
    assert calibration.result["scale"]["px_per_step"] == pytest.approx(
        expected, rel=0.08
    )


def test_focus_that_shows_nothing_is_said(tmp_path, refused):
    """At f/22 everything is about as sharp: no search is possible."""
    with refused(CameraError):
        calibrated(tmp_path, "focus", SMALL, blurry="f/22", reach=10)


def test_fall_of_the_light(tmp_path):
    calibration = calibrated(tmp_path, "flat", f"{SMALL}&vignetting=1.5")
    for word, f_number in (("f/4", 4.0), ("f/22", 2**4.5)):
        measured = calibration.result["apertures"][word]
        assert measured["corner_ev"] == pytest.approx(-1.5 * 1.4 / f_number, abs=0.02)
        assert measured["residual_ev"] < 0.01


@pytest.mark.parametrize("specks", [0, 6])
def test_specks_on_the_sensor(tmp_path, specks):
    calibration = calibrated(tmp_path, "dust", f"{SMALL}&dust={specks}&seed=3")
    random = np.random.default_rng([3, 0xD057])
    true = random.uniform(0.1, 0.9, (specks, 2)) * (320, 240)
    measured = [
        (speck["x_px"], speck["y_px"]) for speck in calibration.result["specks"]
    ]
    assert len(measured) == specks
    for place in true:
        assert min(np.hypot(*(np.array(measured) - place).T)) < 1.5
    assert calibration.result["picture_size_px"] == [320, 240]


def test_breathing_of_the_focus_motor(tmp_path):
    calibration = calibrated(
        tmp_path, "breathing", f"{SMALL}&focus_breathing=1.5", reach=40
    )
    for row in calibration.result["table"]:
        image_mm = 1 / (1 / 50 - (0.5 - 0.005 * row["steps"]) / 1000)
        rest_mm = 1 / (1 / 50 - 0.5 / 1000)
        assert row["zoom"] == pytest.approx(
            1 + 1.5 * (image_mm / rest_mm - 1), abs=5e-4
        )
    geometry = Calibrations({"breathing": calibration}).expected_geometry(
        -30, two_cameras=False
    )
    assert geometry.zoom == pytest.approx(1 / (1 + 1.5 * 0.0077), abs=5e-4)


@pytest.mark.full
def test_two_cameras(tmp_path):
    """The sharp camera sees a mirror image, looks to the side, is darker, and releases late."""
    blurry = f"{SMALL}&speed=60"
    sharp = f"{SMALL}&speed=60&mirror=1&offset=5&latency=0.4"
    calibration = calibrated(
        tmp_path, "rig", f"blurry={blurry}", f"sharp={sharp}", sharp="f/11", frames=8
    )
    result = calibration.result
    assert result["mirrored"] is True
    assert result["shift_px"] == pytest.approx([5.0, 0.0], abs=0.1)
    assert result["zoom"] == pytest.approx(1.0, abs=1e-3)
    assert result["gain_ev"] == pytest.approx(0.0, abs=0.01)
    # the true skew is that of the option and what a loaded computer adds to a thread's start
    assert result["skew_seconds"] == pytest.approx(0.4, abs=0.1)
    calibrations = Calibrations({"rig": calibration})
    assert calibrations.sharp_mirrored
    assert calibrations.expected_geometry(
        0, two_cameras=True
    ).shift_px == pytest.approx((5, 0), abs=0.1)


def test_a_calibrated_rig_shoots_pairs_that_fit(tmp_path):
    blurry, sharp = f"{SMALL}&speed=60", f"{SMALL}&speed=60&mirror=1&offset=5"
    calibrated(
        tmp_path, "rig", f"blurry={blurry}", f"sharp={sharp}", sharp="f/11", frames=8
    )
    session = tmp_path / "session"
    options = ShootOptions(
        retake="never", calibration_files=(tmp_path / "rig.json",), yes=True
    )
    still = RigAddress(SMALL, f"{SMALL}&mirror=1&offset=5")
    request = BracketRequest(shutter="1/200", mode="dual")
    shoot_new(session, still, request, options)
    (path,) = session.glob("pairs/*/pair.json")
    quality = json.loads(path.read_text())["quality"]
    assert quality["misalignment"]["shift_px"] == pytest.approx([5.0, 0.0], abs=0.3)
    texts = [finding["text"] for finding in quality["findings"]]
    assert not any("moved by" in text for text in texts), texts


def test_the_command(run, tmp_path):
    result = run(
        "defocus-capture", "calibrate", "flat", "--camera", "sim:?width=96&height=64",
        "--out", "flat.json", "--frames", "1", "--yes",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "flat.json: corners in EV" in result.stderr
    assert json.loads((tmp_path / "flat.json").read_text())["kind"] == "flat"
    asked = run(
        "defocus-capture", "calibrate", "flat", "--camera", "sim:", "--out", "x.json"
    )
    assert asked.returncode == 2
    assert "add --yes" in asked.stderr
    for kind, camera in (("rig", "sim:"), ("focus", "gphoto2:virtual=missing")):
        bad = run(
            "defocus-capture",
            "calibrate",
            kind,
            "--camera",
            camera,
            "--out",
            "x.json",
            "--yes",
        )
        assert bad.returncode == 2
        assert len(bad.stderr.strip().splitlines()) == 1
