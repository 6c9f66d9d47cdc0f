"""A shoot without and with a calibration of its camera."""

import json
from pathlib import Path

from defocus.capture.planning.request import BracketRequest
from defocus.capture.planning.shoot_settings import ShootOptions
from defocus.capture.sessions.damage import check_session
from defocus.capture.taking.running import shoot_new
from defocus.capture.taking.shots.rig import RigAddress


def check_that_a_shoot_uses(calibration: Path, uri: str) -> None:
    """A pair that is rejected without the calibration is accepted with it, and it is kept."""

    def shoot(session: Path, *calibrations: Path) -> str:
        options = ShootOptions(retake="never", calibration_files=calibrations, yes=True)
        request = BracketRequest(shutter="1/200")
        shoot_new(session, RigAddress(uri), request, options)
        return check_session(session).pairs[0].verdict

    folder = calibration.parent
    assert shoot(folder / "without") == "reject"
    assert shoot(folder / "with", calibration) == "accept"
    (copy,) = (folder / "with" / "calibration").iterdir()
    assert json.loads(copy.read_text()) == json.loads(calibration.read_text())
