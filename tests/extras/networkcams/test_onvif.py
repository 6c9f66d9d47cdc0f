"""ONVIF cameras against a mock: logins, skewed clocks, focus that lies, hostile replies."""

import importlib.metadata
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from defocus.capture.camera import HasConfig, HasPreview
from defocus.capture.links.back_ends import open_camera
from defocus.capture.sessions.session import read_session
from defocus.errors import CameraError, CameraNotFoundError, InputError
from defocus.extras.networkcams import focus_drive
from defocus.extras.networkcams.address import PASSWORD_VARIABLE
from defocus.extras.networkcams.cameras import onvif
from defocus.extras.networkcams.cameras.onvif import OnvifCamera, open_inside
from defocus.extras.networkcams.focus_drive import gradient_energy_of_file
from defocus.extras.networkcams.hosted import HostedFocusCamera
from defocus.extras.networkcams.onvif import client as onvif_client
from defocus.extras.networkcams.video import http_pictures
from tests.extras.networkcams.onvif_faults import Faults
from tests.extras.networkcams.onvif_server import PASSWORD, SHARPEST, USER, OnvifServer
from tests.extras.networkcams.rtsp_server import RtspServer, frame_number


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    monkeypatch.setattr(focus_drive, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(focus_drive, "LOOKS", 2)
    monkeypatch.setattr(focus_drive, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(onvif, "STALE_SECONDS", 0.01)


@pytest.fixture
def inside():
    """Opens cameras in this process and releases them."""
    cameras: list[OnvifCamera] = []

    def opened(server: OnvifServer, uri: str = "") -> OnvifCamera:
        cameras.append(open_inside(uri or server.uri, PASSWORD))
        return cameras[-1]

    yield opened
    for camera in cameras:
        camera.release()


@pytest.fixture
def server():
    with OnvifServer() as running:
        yield running


def test_a_whole_walk_in_its_own_process(tmp_path):
    """Clock three days behind: every login would fail without the skew."""
    with OnvifServer(skew_seconds=-3 * 86400) as server:
        before = dict(server.lens.imaging)
        with open_camera(server.uri) as camera:
            described = camera.describe()
            assert (described.model, described.serial) == ("Mock Dome 1", "0815")
            assert set(described.capabilities) == {
                "aperture", "shutter", "iso", "focus", "preview", "config",
            }  # fmt: skip
            assert camera.set("aperture", "f/4") == "f/4"
            assert camera.set("shutter", "1/50") == "1/50"
            assert camera.set("iso", "200") == "200"
            (part,) = camera.shoot(tmp_path / "blurry")
            assert part.name == "blurry.jpg.part"
            assert cv2.imdecode(np.fromfile(part, np.uint8), cv2.IMREAD_COLOR).shape == (
                240,
                320,
                3,
            )
            assert isinstance(camera, HasPreview)
            assert camera.preview().startswith(b"\xff\xd8")
            assert isinstance(camera, HasConfig)
            assert camera.config()["WhiteBalance.Mode"].value == "MANUAL"
            locked = dict(server.lens.imaging)
        assert locked["Exposure.Mode"] == locked["Focus.AutoFocusMode"] == "MANUAL"
        assert (locked["IrCutFilter"], locked["WideDynamicRange.Mode"]) == ("ON", "OFF")
        assert locked["Exposure.ExposureTime"] == pytest.approx(1e6 / 2 ** (17 / 3), rel=1e-4)
        assert locked["Exposure.Gain"] == pytest.approx(6.02, abs=0.01)
        assert server.lens.imaging == before, "the camera was not left as it was found"


def test_a_move_that_a_crash_cut_short_is_an_error(server):
    with open_camera(server.uri) as camera:
        assert isinstance(camera, HostedFocusCamera)
        os.kill(camera.child.process.pid, signal.SIGKILL)
        with pytest.raises(CameraError, match="its position is unknown"):
            camera.move_focus(10)
        assert camera.describe().serial == "0815", "the camera is there again"
        os.kill(camera.child.process.pid, signal.SIGKILL)
        server.shutdown()
        server.server_close()
        with pytest.raises(CameraError, match="the camera was lost"):
            camera.move_focus(10)


def test_a_killed_program_leaves_the_camera_as_it_was_found(tmp_path):
    """Nobody closes it; its process sees that and does. A crash of that process before changes not
    what had been found."""
    program = f"""
import os, signal, sys
from pathlib import Path
from defocus.capture.links.back_ends import open_camera
camera = open_camera(sys.argv[1])
camera.set("aperture", "f/4")
os.kill(camera.child.process.pid, signal.SIGKILL)
camera.shoot(Path({str(tmp_path / "a")!r}))
print("changed", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    with OnvifServer() as server:
        before = dict(server.lens.imaging)
        result = subprocess.run(
            [sys.executable, "-c", program, server.uri],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            check=False,
        )
        assert (result.returncode, result.stdout) == (-signal.SIGKILL, b"changed\n")
        deadline = time.monotonic() + 20
        while server.lens.imaging != before and time.monotonic() < deadline:
            time.sleep(0.1)
        assert server.lens.imaging == before


def test_a_stop_of_iris_time_or_gain_is_a_stop(inside, server):
    """f/1.4 to f/2.8 is two stops, 12 dB; so are ISO 100 to 400 and 1/100 to 1/25."""
    camera = inside(server)
    for name, wide, other, field in (
        ("aperture", "f/1.4", "f/2.8", "Exposure.Iris"),
        ("iso", "100", "400", "Exposure.Gain"),
    ):
        camera.set(name, wide)  # type: ignore[arg-type]
        first = server.lens.imaging[field]
        camera.set(name, other)  # type: ignore[arg-type]
        assert server.lens.imaging[field] - first == pytest.approx(12.04, abs=0.05)


def test_what_the_camera_lacks_is_said(inside, server, refused):
    camera = inside(server, server.uri.partition("?")[0])
    assert "aperture" not in camera.settings()
    with refused(InputError):
        camera.set("aperture", "f/4")
    with refused(InputError):
        camera.set("shutter", "1/3")


@pytest.mark.parametrize(
    ("ignores", "way"),
    [
        (frozenset(), "Absolute"),
        (frozenset({"Absolute"}), "Relative"),
        (frozenset({"Absolute", "Relative"}), "Continuous"),
    ],
)
def test_a_way_of_moving_counts_once_the_picture_changes(inside, ignores, way):
    """The camera accepts every move and says that it stands; only some move the lens."""
    with OnvifServer(Faults(ignores=ignores)) as server:
        camera = inside(server)
        assert camera.move_focus(20) == 20
        assert camera._drive.way == way
        tolerance = 0.05 if way == "Continuous" else 1e-6
        assert server.focus_now() == pytest.approx(0.5, abs=tolerance)
        sharper = gradient_energy_of_file(camera.preview())
        camera.move_focus(-20)
        assert gradient_energy_of_file(camera.preview()) < 0.9 * sharper
        probed = sum(call.startswith("Move") for call in server.calls)
        camera.move_focus(4)
        moves = sum(call.startswith("Move") for call in server.calls)
        assert moves == probed + 1, "the way is found once"


def test_a_lens_that_no_way_moves_is_an_error_that_lists_them(inside, refused):
    deaf = frozenset({"Absolute", "Relative", "Continuous"})
    with OnvifServer(Faults(ignores=deaf, offers=("Absolute", "Relative"))) as server:
        camera = inside(server)
        with refused(CameraError):
            camera.move_focus(10)
        assert "MoveContinuous" not in server.calls


def test_travel_ends_are_told(inside, server):
    camera = inside(server)
    assert camera.move_focus(400) == 120  # from 0.4 to 1.0 in two-hundredths
    assert server.focus_now() == pytest.approx(1.0)
    assert camera.move_focus(10) == 0


def test_focus_is_driven_back_where_no_autofocus_does_it(inside, server):
    server.lens.imaging["Focus.AutoFocusMode"] = "MANUAL"
    camera = inside(server)
    state = camera.found()
    camera.move_focus(30)
    camera.put_back(state)
    assert server.focus_now() == pytest.approx(0.4)


def test_a_camera_without_imaging_still_gives_pictures(inside, tmp_path):
    with OnvifServer(Faults(no_imaging=True)) as server:
        camera = inside(server)
        assert (camera.moves_focus, camera.settings()) == (False, {})
        assert list(camera.config()) == ["clock_skew_seconds"]
        assert [path.name for path in camera.shoot(tmp_path / "a")] == ["a.jpg.part"]
        camera.put_back(camera.found())


def test_without_snapshots_the_stream_is_taken(inside, tmp_path, refused):
    """The stream, too, is fetched from the host that was given, with the same login."""
    with RtspServer(login=(USER, PASSWORD)) as stream:
        address = stream.uri.replace("127.0.0.1", "10.99.99.99")
        with OnvifServer(Faults(no_snapshot=True, stream=address)) as server:
            camera = inside(server)
            asked = stream.number()
            (part,) = camera.shoot(tmp_path / "sharp")
            assert part.name == "sharp.png.part"
            picture = cv2.imdecode(np.fromfile(part, np.uint8), cv2.IMREAD_COLOR)
            assert 0 < (frame_number(picture) - asked) % 256 < 200
            assert camera.preview().startswith(b"\xff\xd8")
    with OnvifServer(Faults(no_snapshot=True, stream="file:///etc/passwd")) as server:
        camera = inside(server)
        with refused(CameraError):
            camera.preview()


def test_what_a_camera_calls_itself_cannot_steer_a_terminal(inside):
    with OnvifServer(Faults(model="Dome&#x9;\u202e&#x85;1" + "x" * 9000)) as server:
        model = inside(server).describe().model
    assert model.startswith("Mock Dome1x")
    assert len(model) < 2100


def test_stale_snapshots_are_waited_out(inside, tmp_path, refused):
    with OnvifServer(Faults(stale_snapshots=3)) as server:
        camera = inside(server)
        shots = [camera.shoot(tmp_path / name)[0].read_bytes() for name in "abc"]
        assert len(set(shots)) == 3
        server.faults.stale_snapshots = 1000
        with refused(CameraError):
            camera.shoot(tmp_path / "d")


def test_a_wrong_password_is_exit_3_and_never_printed(server, monkeypatch, refused):
    monkeypatch.setenv(PASSWORD_VARIABLE, "hunter2")
    with refused(CameraNotFoundError) as caught:
        open_camera(server.uri)
    assert caught.value.exit_code == 3
    assert "hunter2" not in str(caught.value)


def test_nobody_there():
    with OnvifServer() as gone:
        uri = gone.uri
    with pytest.raises(CameraNotFoundError, match="no answer"):
        open_inside(uri, PASSWORD)


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (Faults(reply=b"<html>router login</html>"), "ONVIF camera|an invalid answer"),
        (Faults(reply=b"\x00\xff\xfe garbage"), "ONVIF camera|an invalid answer"),
        (
            Faults(
                reply=b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
                b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
                b"<s:Body>&a;</s:Body></s:Envelope>"
            ),
            "ONVIF camera|an invalid answer",
        ),
        (Faults(endless=True), "over 4 MB is refused"),
        (Faults(redirect="file:///etc/passwd"), "redirects to 'file:///etc/passwd'"),
        (Faults(redirect="http://127.0.0.1:9/"), "redirects to"),
    ],
)
def test_hostile_replies_are_one_line(inside, faults, message):
    with OnvifServer(faults) as server, pytest.raises(CameraError, match=message) as caught:
        inside(server)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("snapshot", "message"),
    [
        (b"<html>login</html>", "not a complete JPEG"),
        (b"\xff\xd8\xff\xe0" + bytes(500), "not a complete JPEG"),
        (b"\xff\xd8 no picture \xff\xd9", "cannot be decoded|refused"),
    ],
)
def test_hostile_snapshots(inside, server, snapshot, message):
    server.faults.snapshot = snapshot
    camera = inside(server)
    with pytest.raises(CameraError, match=message):
        camera.preview()


def test_a_snapshot_without_end(inside, server, monkeypatch, refused):
    monkeypatch.setattr(http_pictures, "MAX_BYTES", 1_000_000)
    server.faults.snapshot = b"\xff\xd8" + bytes(2_000_000) + b"\xff\xd9"
    camera = inside(server)
    with refused(CameraError):
        camera.preview()


def test_a_login_goes_to_no_other_host(inside, monkeypatch):
    """The camera names services on another host; the calls still come to the one that was given."""
    with OnvifServer(Faults(service_host="198.51.100.7:80")) as server:
        camera = inside(server)
        assert camera.describe().serial == "0815"
        assert "GetProfiles" in server.calls
        assert "127.0.0.1" in camera._snapshot_url  # and its snapshots, though it says 10.99.99.99


@pytest.mark.full
def test_a_focus_pair_on_a_camera_whose_absolute_moves_do_nothing(run, tmp_path):
    """The whole way through the command: sharp, blurry and companion, and all as it was found."""
    with OnvifServer(Faults(ignores=frozenset({"Absolute"})), skew_seconds=600) as server:
        server.lens.focus = SHARPEST
        server.lens.imaging["Focus.AutoFocusMode"] = "MANUAL"
        before = dict(server.lens.imaging)
        result = run("defocus-capture", "shoot", tmp_path / "session", "--camera", server.uri,
                   "--mode", "focus", "--focus-steps", "30", "--blurry", "f/1.4", "--sharp",
                   "f/5.6", "--order", "sharp-first", "--settle", "0", "--yes")  # fmt: skip
        assert result.returncode == 0, result.stderr
        assert server.focus_now() == pytest.approx(SHARPEST)
        assert server.lens.imaging == before
    (pair,) = read_session(tmp_path / "session").pairs
    assert list(pair.metadata["roles"]) == ["sharp", "blurry", "companion"]
    assert "EXIF" not in pair.metadata["reason"]  # a camera that writes none is not blamed for it
    sharpness = {role: gradient_energy_of_file((pair.sharp.parent / f"{role}.jpg").read_bytes())
                 for role in ("sharp", "blurry", "companion")}  # fmt: skip
    assert sharpness["sharp"] > sharpness["companion"] > 1.5 * sharpness["blurry"]
    stored = (tmp_path / "session" / "journal.jsonl").read_text()
    assert PASSWORD not in stored
    assert server.uri in stored


def test_config_by_its_own_words(inside, server, refused):
    camera = inside(server)
    words = camera.config()
    assert words["Exposure.Gain"].span == (0.0, 36.0)
    assert words["IrCutFilter"].choices == ("ON", "OFF", "AUTO")
    assert camera.configure("Exposure.Gain", "12") == "12.0"
    assert server.lens.imaging["Exposure.Gain"] == 12.0
    assert server.lens.imaging["Exposure.ExposureTime"] == 10000.0
    for word, value in (
        ("Exposure.Gain", "99"),
        ("Exposure.Gain", "much"),
        ("IrCutFilter", "MAYBE"),
        ("Exposure.Gian", "1"),
    ):
        with refused(InputError):
            camera.configure(word, value)


def test_an_unknown_profile_lists_those_there_are(server, refused):
    with refused(CameraNotFoundError):
        open_inside(f"{server.uri}&profile=3", PASSWORD)


def test_a_clashing_package_is_named(monkeypatch, refused):
    monkeypatch.setattr(onvif_client, "version", lambda name: "1")
    with refused(CameraNotFoundError):
        open_camera("onvif://admin@127.0.0.1")

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(onvif_client, "version", missing)
    with refused(CameraNotFoundError):
        open_camera("onvif://admin@127.0.0.1")
