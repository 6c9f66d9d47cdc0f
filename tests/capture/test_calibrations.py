"""What a shoot makes of calibration files, and which it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from defocus.capture.calibrations import (
    Calibration,
    Calibrations,
    Kind,
    load_calibrations,
    read_calibration,
    stored_calibrations,
)
from defocus.capture.links.back_ends import open_camera
from defocus.capture.planning.shoot_record import ShootRecord
from defocus.errors import DatasetError, InputError
from tests.capture.calibrated_shoot import check_that_a_shoot_uses

SMALL = "sim:?width=320&height=240"


def calibrated(
    folder: Path, kind: Kind, uri: str, result: dict[str, Any]
) -> Calibration:
    """A calibration of the camera, written to ``KIND.json``."""
    calibration = Calibration.now(kind, open_camera(uri).describe(), result)
    (folder / f"{kind}.json").write_text(json.dumps(calibration.to_json()))
    return calibration


@pytest.mark.full
def test_a_calibrated_aperture_is_no_fault(tmp_path):
    """The diaphragm of this camera closes too little, by 0.6 EV at f/22."""
    uri = f"{SMALL}&stop_error=0.6"
    apertures = {"f/4": {"error_ev": 0.075}, "f/22": {"error_ev": 0.45}}
    calibrated(tmp_path, "exposure", uri, {"apertures": apertures})
    check_that_a_shoot_uses(tmp_path / "exposure.json", uri)


def test_what_is_known_of_motor_and_rig(tmp_path):
    rig = {"mirrored": True, "shift_px": [5.0, 0.0], "zoom": 1.0, "skew_seconds": 0.4}
    calibrations = Calibrations(
        {
            "focus": calibrated(tmp_path, "focus", SMALL, {"backlash_steps": 9.0}),
            "breathing": calibrated(
                tmp_path, "breathing", SMALL, {"coefficients": [1e-3, 0.0]}
            ),
            "rig": calibrated(tmp_path, "rig", SMALL, rig),
        }
    )
    assert calibrations.overshoot_steps == 16
    assert (calibrations.sharp_mirrored, calibrations.delay_seconds) == (True, 0.4)
    assert calibrations.expected_geometry(100, two_cameras=False).zoom == pytest.approx(
        1 / 1.1
    )
    assert calibrations.expected_geometry(0, two_cameras=True).shift_px == (5.0, 0.0)


def test_calibrations_of_another_camera_are_refused(tmp_path, refused):
    calibrated(tmp_path, "flat", f"{SMALL}&seed=1", {"corner_ev": -1.0})
    other = open_camera(f"{SMALL}&seed=2").describe()
    with refused(InputError):
        load_calibrations([tmp_path / "flat.json"], [other])
    own = open_camera(f"{SMALL}&seed=1").describe()
    with refused(InputError):
        load_calibrations([tmp_path / "flat.json"] * 2, [own])


@pytest.mark.parametrize(
    "content", ["", "[]", '{"kind": "flat"}', '{"kind": "x", "result": {}}']
)
def test_what_is_no_calibration_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(DatasetError, match=r"/x\.json: not a (readable )?calibration"):
        read_calibration(path)


def test_a_changed_copy_in_the_session_is_found(tmp_path):
    calibration = calibrated(tmp_path, "flat", SMALL, {"corner_ev": -1.0})
    kept = Calibrations({"flat": calibration}).store(tmp_path)
    facts = {"camera": {"uri": SMALL}, "handling": {"calibrations": kept}}
    shoot = ShootRecord.model_validate(facts)
    assert (
        stored_calibrations(tmp_path, shoot).by_kind["flat"].result
        == calibration.result
    )
    copy = tmp_path / kept["flat"]["file"]
    copy.write_text(copy.read_text().replace("corner", "centre"))
    with pytest.raises(DatasetError, match="has changed since the shoot"):
        stored_calibrations(tmp_path, shoot)
    copy.unlink()
    with pytest.raises(DatasetError, match="missing"):
        stored_calibrations(tmp_path, shoot)
