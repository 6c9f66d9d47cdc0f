"""Bodies as their owners dumped them: what can be shot is right, and what cannot is said."""

import os
from pathlib import Path

import pytest

from defocus.capture.camera import HasFocusMotor, HasPreview
from defocus.capture.doctor import camera_findings
from defocus.capture.links.back_ends import open_camera
from defocus.capture.planning.request import BracketRequest
from defocus.capture.taking.running import plan_on
from defocus.capture.taking.shots.rig import RigAddress, open_rig
from defocus.errors import CameraError, InputError
from tests.capture.scripted.body import ScriptedBody
from tests.capture.scripted.plugging import Plugged, plug
from tests.capture.scripted.scenarios import (
    ALL_TARGETS,
    URI,
    aim,
    bracket_for,
    checked,
    kinds_of,
    shoot,
)
from tests.capture.scripted.script import read_script

pytestmark = pytest.mark.realdata
PICTURES = Path(__file__).parents[3] / "shared" / "data"
FOLDER = (
    Path(os.environ.get("DEFOCUS_TEST_DATA", PICTURES)).absolute().parent / "bodies"
)
SCRIPTS = sorted(FOLDER.glob("*.txt"))
BY_NAME = {path.stem: path for path in SCRIPTS}

CANNOT_BE_SHOT = {
    "canon-eos-5d-mark-iii": "the aperture of this camera cannot be set",  # TV, as dumped in 2014
    "canon-eos-r6": "the camera has no aperture '5.6'; it has 22",  # P: lists of one choice
    "canon-eos-r8": "the camera has no aperture '5.6'; it has 5",
    "fuji-x-t4": "the camera has no aperture '5.6'; it has none",  # no lens
    "nikon-z6": "follows the camera's dial",
    "ptp-class-camera": "the aperture of this camera cannot be set",  # the wrong USB mode
    "sony-a6000": "the shutter of this camera cannot be set",
    "sony-a7-iv": "the camera has no iso '200'; it has none",
    "sony-a7c": "follows the camera's dial",
    "sony-a7r-iv-a": "the camera has no shutter '1/100'; it has none",  # no lens: Bulb alone
    "sony-a7r-v": "follows the camera's dial",
}
"""Bodies whose dump does not allow two apertures even with the dial at M; words of the refusal."""

PROGRAMS = {"autoexposuremode": "Manual", "expprogram": "M"}


@pytest.fixture(params=SCRIPTS, ids=lambda path: path.stem)
def plugged(request, monkeypatch, real_data):
    """Each body in turn, its dial at M."""
    assert real_data.is_dir()
    return at_m(plug(monkeypatch, request.param))


@pytest.fixture
def body(plugged):
    """Each body that allows a pair: that the others are refused in words is tested for itself."""
    name = name_of(plugged)
    if name in CANNOT_BE_SHOT:
        pytest.skip(f"{name}: {CANNOT_BE_SHOT[name]}")
    return plugged.body


def at_m(plugged: Plugged) -> Plugged:
    """The same with the dial at M, where there is one."""
    for name, manual in PROGRAMS.items():
        if name in plugged.body.true:
            plugged.body.put(name, manual)
    return plugged


def name_of(plugged: Plugged) -> str:
    return next(
        n
        for n, p in BY_NAME.items()
        if read_script(p).model == plugged.body.script.model
    )


def test_doctor_and_plan(plugged, tmp_path):
    """Every body gets its list and either a plan or one line that says why there is none."""
    refusal = CANNOT_BE_SHOT.get(name_of(plugged))
    with open_camera(URI) as camera:
        points = {point.name: point for point in camera_findings(camera)}
        assert points["camera"].status == "ok"
        if (
            isinstance(camera, HasPreview)
            and "preview" not in plugged.body.script.abilities
        ):
            with pytest.raises(CameraError, match="cannot do that"):
                camera.preview()
        if isinstance(camera, HasFocusMotor) and _focuses_by_hand(plugged.body):
            assert camera.move_focus(3) == 3
            assert plugged.body.focus == 3
        elif isinstance(camera, HasFocusMotor):
            with pytest.raises(CameraError, match="set the camera to manual focus"):
                camera.move_focus(3)
    if refusal is not None:
        request = BracketRequest(blurry="5.6", sharp="16", shutter="1/100", iso="200")
        with open_rig(RigAddress(URI)) as rig, pytest.raises(InputError, match=refusal):
            plan_on(request, rig)
        with pytest.raises(InputError, match=refusal):
            shoot(tmp_path / "s", request, None)
        assert not (tmp_path / "s").exists()


def _focuses_by_hand(body: ScriptedBody) -> bool:
    """Whether the computer may drive the motor: Sony's follows a switch that some dumps lock."""
    entry = body.script.entries.get("focusmode")
    sony = "manualfocus" in body.script.entries
    return not sony or entry is None or not entry.read_only or entry.value == "Manual"


def test_pairs(body, tmp_path):
    """Every format to every target."""
    request = bracket_for()
    entry = body.script.entries.get("capturetarget")
    for target in ALL_TARGETS:
        if entry is not None:
            body.script.entries["capturetarget"] = entry
        if not aim(body, target):
            continue
        for number, kind in enumerate(kinds_of(body)):
            body.shots.clear()
            body.contents.clear()
            root, first = tmp_path / f"{target}-{number}", not list(tmp_path.iterdir())
            pairs = 3 if number == 0 else 1
            shoot(root, request, kind, pairs, judged=first)
            checked(root, body, pairs)
