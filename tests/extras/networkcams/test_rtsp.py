"""Streams and snapshots: the newest frame, stalls, crashes, logins and hostile servers."""

import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from defocus.capture.links.back_ends import open_camera, redacted
from defocus.errors import CameraError, CameraNotFoundError, InputError
from defocus.extras.networkcams.address import PASSWORD_VARIABLE, NetworkAddress
from defocus.extras.networkcams.cameras.rtsp import open_inside
from defocus.extras.networkcams.hosted import HostedCamera
from defocus.extras.networkcams.video import newest_frame
from defocus.extras.networkcams.video.http_pictures import fetch_picture
from defocus.extras.networkcams.video.newest_frame import NewestFrameReader
from tests.extras.networkcams.onvif_faults import Faults
from tests.extras.networkcams.onvif_server import PASSWORD, USER, OnvifServer
from tests.extras.networkcams.rtsp_server import BITS, RtspServer, frame_number

LOGIN = ("admin", "se:c/ret@ü")


@pytest.fixture
def rtsp():
    with RtspServer() as server:
        yield server


def shown(path: Path) -> int:
    picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return frame_number(np.asarray(picture, np.uint8))


def test_a_shot_shows_what_is_there_now(tmp_path, monkeypatch):
    """After a second without reading, a plain decoder would hand out a frame of long ago."""
    monkeypatch.setenv(PASSWORD_VARIABLE, LOGIN[1])
    with RtspServer(login=LOGIN) as server, open_camera(server.uri) as camera:
        for name in ("blurry", "sharp"):
            time.sleep(1.0)
            asked = server.number()
            (part,) = camera.shoot(tmp_path / name)
            assert part.name == f"{name}.png.part"
            age = (shown(part) - asked) % (1 << BITS)
            assert 0 < age < 200, "a frame from before the shot"
        assert LOGIN[1] not in str(camera.describe().to_json())
        assert isinstance(camera, HostedCamera)
        arguments = Path(f"/proc/{camera.child.process.pid}/cmdline")
        assert not arguments.exists() or LOGIN[1].encode() not in arguments.read_bytes()


def test_a_wrong_password(monkeypatch, capfd):
    monkeypatch.setenv(PASSWORD_VARIABLE, "hunter2")
    with RtspServer(login=LOGIN) as server, pytest.raises(CameraNotFoundError) as caught:
        open_camera(server.uri)
    assert caught.value.exit_code == 3
    assert "password" in str(caught.value)
    captured = capfd.readouterr()
    assert "hunter2" not in str(caught.value) + captured.out + captured.err


def test_a_frozen_server_is_an_error_and_then_forgiven(rtsp, tmp_path, monkeypatch):
    monkeypatch.setattr(newest_frame, "READ_MS", 700)
    monkeypatch.setattr(newest_frame, "STALL_SECONDS", 1.0)
    camera = open_inside(rtsp.uri, "")
    rtsp.frozen.set()
    with pytest.raises(CameraError, match=r"has stalled|gave no frame"):
        camera.shoot(tmp_path / "a")
    rtsp.frozen.clear()
    asked = rtsp.number()
    (part,) = camera.shoot(tmp_path / "b")
    assert 0 < (shown(part) - asked) % (1 << BITS) < 200
    camera.release()


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\n\r\n<html></html>",
        b"RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: file:///etc/passwd\r\n\r\n",
        b"\x00\xff" * 5000,
        b"",
    ],
)
def test_what_is_no_stream_is_refused_without_delay(reply, monkeypatch):
    monkeypatch.setattr(newest_frame, "OPEN_MS", 1500)

    class Reply(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            self.request.sendall(reply)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Reply) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        started = time.monotonic()
        with pytest.raises(CameraNotFoundError, match="the video cannot be opened"):
            open_inside(f"rtsp://127.0.0.1:{server.server_address[1]}/live", "")
        assert time.monotonic() - started < 10
        server.shutdown()


def test_a_crash_of_the_decoder_costs_one_retry(rtsp, tmp_path):
    with open_camera(rtsp.uri) as camera:
        assert isinstance(camera, HostedCamera)
        os.kill(camera.child.process.pid, signal.SIGSEGV)
        assert camera.shoot(tmp_path / "a")[0].stat().st_size > 1000
        rtsp.dropped.set()
        rtsp.shutdown()
        rtsp.server_close()
        os.kill(camera.child.process.pid, signal.SIGKILL)
        with pytest.raises(CameraError, match=r"was lost.*resume") as caught:
            camera.shoot(tmp_path / "b")
        assert caught.value.exit_code == 4


class Tape:
    """A video that a test writes: each entry is when it can be read, its stamp and its number."""

    def __init__(self, entries: list[tuple[float, float, int]]) -> None:
        self._entries = iter(entries)
        self._started = time.monotonic()
        self._stamp = 0.0

    def read(self) -> tuple[bool, Any]:
        entry = next(self._entries, None)
        if entry is None:
            return False, None
        time.sleep(max(0.0, self._started + entry[0] - time.monotonic()))
        self._stamp = entry[1]
        return True, np.full((2, 2, 3), entry[2], np.uint8)

    def get(self, _property: int) -> float:
        return self._stamp * 1000.0

    def release(self) -> None:
        self._entries = iter(())


@pytest.fixture
def _no_warm_up(monkeypatch):
    monkeypatch.setattr(newest_frame, "WARM_UP_SECONDS", 0.0)


@pytest.mark.usefixtures("_no_warm_up")
def test_frames_that_waited_in_a_buffer_do_not_count():
    """From 0.3 s on, frames arrive 0.4 s late; one that arrives now was taken before now."""
    stamps = [index * 0.05 for index in range(1, 100)]
    entries = [(s if s < 0.3 else s + 0.4, s, round(s / 0.05)) for s in stamps]
    with NewestFrameReader(lambda: Tape(entries), "tape", stall_seconds=2) as reader:
        reader.after(0.0)
        time.sleep(0.75)
        wanted = time.monotonic()
        frame = reader.after(wanted)
        assert frame.taken > wanted
        assert time.monotonic() - wanted > 0.3, "the first frame to arrive was an old one"


@pytest.mark.usefixtures("_no_warm_up")
def test_one_frame_over_and_over_is_a_stall():
    entries = [(index * 0.02, min(index, 5) * 0.02, index) for index in range(1, 200)]
    with NewestFrameReader(lambda: Tape(entries), "tape", stall_seconds=0.3) as reader:
        reader.after(0.0)
        time.sleep(0.3)
        with pytest.raises(CameraError, match="tape: the video has stalled"):
            reader.after(time.monotonic())


@pytest.mark.usefixtures("_no_warm_up")
def test_an_ended_video_says_so(refused):
    with (
        NewestFrameReader(lambda: Tape([(0.0, 0.1, 1)]), "tape", stall_seconds=2) as reader,
        refused(CameraError),
    ):
        reader.after(time.monotonic() + 0.1)


def test_a_snapshot_address_with_a_digest_login(tmp_path, monkeypatch, refused):
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    with OnvifServer() as server:
        with open_camera(f"http://{USER}@{server.base}/snap.jpg?size=large") as camera:
            (part,) = camera.shoot(tmp_path / "sharp")
            assert part.name == "sharp.jpg.part"
            assert part.read_bytes() == server.kept
            with refused(InputError):
                camera.set("aperture", "f/4")
        monkeypatch.setenv(PASSWORD_VARIABLE, "hunter2")
        with refused(CameraNotFoundError):
            open_camera(f"http://{USER}@{server.base}/snap.jpg")


def test_mjpeg_gives_a_whole_new_picture():
    with OnvifServer() as server:
        first, second = (
            fetch_picture(f"http://{server.base}/mjpeg", "stream", USER, PASSWORD) for _ in "ab"
        )
    assert first != second
    for picture in (first, second):
        assert picture.endswith(b"\xff\xd9")
        assert cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).shape[0] == 240


@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://198.51.100.7/", "//evil/x"])
def test_redirects_are_refused(target, refused):
    with OnvifServer(Faults(redirect=target)) as server, refused(CameraError):
        fetch_picture(f"http://{server.base}/snap.jpg", "camera", USER, PASSWORD)


@pytest.mark.parametrize(
    "uri",
    [
        "onvif://admin:hunter2@cam/",
        "rtsp://admin:hun@ter2@cam/live",
        "http://cam/snap.cgi?usr=admin&pwd=hunter2",
        "https://cam/snap.cgi?Token=hunter2",
        "onvf://admin:hunter2@cam/",
        "rtsp://cam:99999/live",
        "rtsp:///live",
        "onvif://cam/?profil=1",
        "onvif://cam/?profile=x",
    ],
)
def test_addresses_that_are_refused(uri, refused):
    with refused(InputError) as caught:
        open_camera(uri)
    assert "ter2" not in str(caught.value)


def test_nobody_to_ask_for_a_password(monkeypatch, refused):
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    with refused(InputError):
        open_camera("rtsp://admin@127.0.0.1/live")


def test_addresses_keep_what_the_camera_needs():
    address = NetworkAddress.parse("rtsp://admin@[fe80::1]:8554/live?channel=1&subtype=0")
    assert (address.user, address.host, address.port) == ("admin", "fe80::1", 8554)
    assert address.url == "rtsp://[fe80::1]:8554/live?channel=1&subtype=0"
    assert redacted("rtsp://a:b@c:d@host/x?pass=1&x=2") == "rtsp://a:***@host/x?pass=***&x=2"


def test_the_process_of_a_camera_imports_little():
    code = (
        "import sys\n"
        "import defocus.extras.networkcams.camera_process\n"
        "assert not {'click', 'numpy', 'defocus.extensions'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
