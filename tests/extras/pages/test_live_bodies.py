"""The live view of scripted bodies, with every fault that concerns it."""

from dataclasses import replace

import pytest

from defocus.capture.camera import HasPreview, RestsPreview
from defocus.capture.links.back_ends import open_camera
from defocus.capture.links.retries import with_retries
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.taking.shots.rig import RigAddress, open_rig
from defocus.errors import CameraError
from defocus.extras.pages.live import preview_pace
from defocus.extras.pages.live.bench import ShootingThread
from defocus.extras.pages.live.camera_slot import CameraSlot
from defocus.extras.pages.live.scenes import SceneShooter
from defocus.extras.pages.serving.feed import Feed
from tests.capture.scripted.faults import EXPECTED, PREVIEW, played_rightly
from tests.capture.scripted.plugging import BODIES, plug
from tests.capture.scripted.scenarios import URI, bracket_for, meetings
from tests.extras.pages.watching import watched

OWN = sorted(BODIES.glob("*.txt"))


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_live(path, tmp_path, monkeypatch):
    watched(tmp_path / "s", plug(monkeypatch, path).body, monkeypatch)


@pytest.mark.full
@pytest.mark.parametrize(("path", "fault"), meetings(OWN, EXPECTED, PREVIEW))
def test_faults(path, fault, tmp_path, monkeypatch):
    body = plug(monkeypatch, path).body
    watched(tmp_path / "s", body, monkeypatch, fault)
    assert fault not in PREVIEW or played_rightly(body, fault)


def test_live_pictures_fail_and_come_again(monkeypatch, tmp_path):
    """A busy body, a picture, nobody who looks: the live view rests, and starts again."""
    body = plug(monkeypatch, BODIES / "signed-steps.txt").body
    monkeypatch.setattr(preview_pace, "AGAIN_SECONDS", (0.0,))
    monkeypatch.setattr(preview_pace, "REST_SECONDS", 0.0)
    body.arm("preview-busy", 2)
    with open_session_folder(tmp_path / "s", create=True) as folder:
        seat = CameraSlot(lambda: open_rig(RigAddress(URI)))
        bench = ShootingThread(folder, Feed(), seat, SceneShooter(bracket_for()))
        bench.take_camera()
        monkeypatch.setattr(Feed, "listeners", 1)
        for looked in ("trying again", "trying again", ""):
            bench._look()
            assert looked in bench._state.live_view
        assert bench._state.live_view == ""
        assert "preview" in bench.feed._newest
        body.put("viewfinder", "1")  # a body's live view goes on by itself
        monkeypatch.setattr(Feed, "listeners", 0)
        bench._look()
        assert body.true["viewfinder"] == "0"
        seat.close()


@pytest.mark.parametrize(
    ("name", "fault"),
    [("near-far", "preview-not-ready"), ("signed-steps", "preview-needs-card")],
)
def test_a_live_picture_that_fails_is_no_shot_out_of_focus(name, fault, monkeypatch):
    plug(monkeypatch, BODIES / f"{name}.txt").body.arm(fault, 1)
    with open_camera(URI) as camera:
        assert isinstance(camera, HasPreview)
        with pytest.raises(CameraError, match=r"libgphoto2 error -1\)$"):
            camera.preview()
        assert camera.preview()


@pytest.mark.parametrize("code", [-7, -1])
def test_live_pictures_between_shots(code, tmp_path, monkeypatch):
    """The second release after live pictures fails until the body is opened anew."""
    plugged = plug(monkeypatch, BODIES / "speeds.txt")
    faults = plugged.body.script.faults
    faults["capture-after-preview"] = replace(
        faults["capture-after-preview"], codes=(code,)
    )
    plugged.body.arm("capture-after-preview")
    with open_camera(URI) as camera:
        assert isinstance(camera, HasPreview)
        for number in range(3):
            assert camera.preview()
            with_retries(lambda n=number: camera.shoot(tmp_path / str(n)), print)  # type: ignore[misc]
    assert plugged.started > 2
    assert len(plugged.body.shots) == 3
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 3


def test_a_body_that_is_busy_after_its_live_view_until_it_is_switched_off(
    tmp_path, monkeypatch
):
    body = plug(monkeypatch, BODIES / "near-far.txt").body
    body.arm("busy-after-preview")
    with open_camera(URI) as camera:
        assert isinstance(camera, HasPreview)
        assert isinstance(camera, RestsPreview)
        assert camera.preview()
        body.put("viewfinder", "1")
        camera.rest_preview()
        with pytest.raises(
            CameraError, match="after a live view, switch the camera off and on"
        ):
            with_retries(lambda: camera.shoot(tmp_path / "a"), print)
        with pytest.raises(CameraError, match="switch the camera off and on"):
            camera.preview()
        assert body.shots == []
        body.arm("busy-after-preview", 0)  # switched off and on
        with_retries(lambda: camera.shoot(tmp_path / "a"), print)
    assert len(body.shots) == 1
