"""UVC cameras on a faked Video4Linux driver: the kernel's structures, limits, automatisms."""

import errno
import struct
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pytest

from defocus.errors import CameraError, CameraNotFoundError, InputError
from defocus.extras.networkcams.video import newest_frame

if sys.platform != "linux":
    pytest.skip("Video4Linux is Linux's", allow_module_level=True)

from defocus.capture.camera import HasConfig
from defocus.capture.links.back_ends import open_camera
from defocus.extras.networkcams.cameras import uvc
from defocus.extras.networkcams.cameras.uvc import UvcCamera
from defocus.extras.networkcams.video import v4l2
from defocus.extras.networkcams.video.v4l2 import Controls

# As a C program prints them that includes linux/videodev2.h
QUERYCAP, QUERYCTRL, QUERYMENU = 0x80685600, 0xC0445624, 0xC02C5625
G_CTRL, S_CTRL = 0xC008561B, 0xC008561C
NEXT_CONTROL, INACTIVE = 0x80000000, 0x10

# number, kind, name, lowest, highest, step, value; the order is the kernel's
CONTROLS = {
    0x00980900: (1, "Brightness", 0, 255, 1, 128),
    0x0098090C: (2, "White Balance, Automatic", 0, 1, 1, 1),
    0x0098091A: (1, "White Balance Temperature", 2000, 6500, 10, 4000),
    0x009A0901: (3, "Auto Exposure", 0, 3, 1, 3),
    0x009A0902: (1, "Exposure Time, Absolute", 3, 2047, 1, 250),
    0x009A090A: (1, "Focus, Absolute", 0, 250, 5, 100),
    0x009A090C: (2, "Focus, Automatic Continuous", 0, 1, 1, 1),
    0x009A0911: (1, "Iris, Absolute", 140, 2200, 1, 280),
    0x009A0999: (4, "Pan Reset", 0, 0, 0, 0),
}
MENU = {1: "Manual Mode", 3: "Aperture Priority Mode"}
DEPENDS = {0x0098091A: (0x0098090C, 1), 0x009A0902: (0x009A0901, 3), 0x009A090A: (0x009A090C, 1)}


@dataclass
class FakeDriver:
    """What the kernel does, to the bytes of its structures."""

    values: dict[int, int] = field(
        default_factory=lambda: {number: entry[5] for number, entry in CONTROLS.items()}
    )
    unplugged: bool = False
    capture: bool = True

    def inactive(self, number: int) -> bool:
        other, automatic = DEPENDS.get(number, (0, -1))
        return self.values.get(other) == automatic

    def ioctl(self, _descriptor: int, request: int, buffer: bytearray) -> int:
        if self.unplugged:
            raise OSError(errno.ENODEV, "No such device")
        if request == QUERYCAP:
            flags = 1 if self.capture else 0x00A00000
            struct.pack_into("=16s32s32sIII", buffer, 0, b"uvcvideo", b"Webcam C1", b"usb", 1,
                             0x84A00001, flags)  # fmt: skip
            return 0
        (number,) = struct.unpack_from("=I", buffer)
        if request == QUERYCTRL:
            later = [n for n in CONTROLS if n > number & 0x7FFFFFFF]
            if not number & NEXT_CONTROL or not later:
                raise OSError(errno.EINVAL, "Invalid argument")
            kind, name, low, high, step, default = CONTROLS[later[0]]
            flags = INACTIVE if self.inactive(later[0]) else 0
            struct.pack_into("=II32siiiiI", buffer, 0, later[0], kind, name.encode(), low, high,
                             step, default, flags)  # fmt: skip
        elif request == QUERYMENU:
            index = struct.unpack_from("=I", buffer, 4)[0]
            if index not in MENU:
                raise OSError(errno.EINVAL, "Invalid argument")
            struct.pack_into("=32s", buffer, 8, MENU[index].encode())
        elif request == G_CTRL:
            struct.pack_into("=i", buffer, 4, self.values[number])
        elif request == S_CTRL:
            if self.inactive(number):
                raise OSError(errno.EACCES, "Permission denied")
            self.values[number] = struct.unpack_from("=i", buffer, 4)[0]
        return 0


class FakeVideo:
    """Frames as bright as the exposure time, at 30 a second."""

    def __init__(self, driver: FakeDriver) -> None:
        self.driver = driver

    def read(self) -> tuple[bool, Any]:
        time.sleep(1 / 30)
        return not self.driver.unplugged, np.full(
            (48, 64, 3), self.driver.values[0x009A0902] // 10, np.uint8
        )

    def get(self, _property: int) -> float:
        return time.monotonic() * 1000.0

    def release(self) -> None:
        """Nothing."""


@pytest.fixture
def driver(monkeypatch):
    fake = FakeDriver()
    monkeypatch.setattr(v4l2.fcntl, "ioctl", fake.ioctl)
    monkeypatch.setattr(newest_frame, "WARM_UP_SECONDS", 0.0)
    monkeypatch.setattr(newest_frame, "LATENCY_SECONDS", 0.1)
    return fake


@pytest.fixture
def device(tmp_path):
    path = tmp_path / "video0"
    path.touch()
    return path


@pytest.fixture
def camera(driver, device):
    opened = UvcCamera("uvc:/dev/video0", Controls(device), lambda: FakeVideo(driver))
    yield opened
    opened.release()


def test_what_the_camera_says(camera):
    described = camera.describe()
    assert described.model == "Webcam C1"
    assert described.capabilities == ("aperture", "shutter", "focus", "preview", "config")
    settings = camera.settings()
    assert settings["shutter"].word == "exposure_time_absolute"
    assert settings["shutter"].value == "1/40"  # 25 ms
    assert settings["shutter"].choices[0] == "1/5"  # 204.7 ms is a fifth of a second
    assert settings["shutter"].choices[-1] == "1/3200"  # 0.3 ms
    assert (settings["aperture"].value, settings["aperture"].choices[0]) == ("f/2.8", "f/1.4")


def test_a_shot_with_everything_automatic_off_and_then_as_found(camera, driver, tmp_path):
    before, state = dict(driver.values), camera.found()
    assert camera.set("shutter", "1/60") == "1/60"
    assert driver.values[0x009A0902] == 156  # 1/64 s in 100 us
    (part,) = camera.shoot(tmp_path / "sharp")
    picture = cv2.imdecode(np.fromfile(part, np.uint8), cv2.IMREAD_COLOR)
    assert part.name == "sharp.png.part"
    assert int(picture[0, 0, 0]) == 15
    assert (driver.values[0x009A0901], driver.values[0x0098090C]) == (1, 0)
    camera.put_back(state)
    assert driver.values == before


def test_focus_goes_by_its_steps_and_ends(camera, driver):
    assert camera.move_focus(4) == 4
    assert driver.values[0x009A090A] == 120
    assert camera.move_focus(100) == 26
    assert camera.move_focus(1) == 0
    assert camera.move_focus(-50) == -50


def test_config_in_the_words_of_v4l2_ctl(camera, driver, refused):
    assert isinstance(camera, HasConfig)
    words = camera.config()
    assert words["auto_exposure"].choices == ("Manual Mode", "Aperture Priority Mode")
    assert words["exposure_time_absolute"].read_only
    assert "pan_reset" not in words  # a button has no value
    assert camera.configure("auto_exposure", "Manual Mode") == "Manual Mode"
    assert not camera.config()["exposure_time_absolute"].read_only
    assert camera.configure("brightness", "200") == "200"
    for word, value in (
        ("brightness", "300"),
        ("brightness", "bright"),
        ("auto_exposure", "Sometimes"),
        ("zoom", "1"),
    ):
        with refused(InputError):
            camera.configure(word, value)


def test_what_is_refused(camera, refused):
    with refused(InputError):
        camera.set("shutter", "30")
    with refused(InputError):
        camera.set("iso", "100")


def test_an_unplugged_camera(camera, driver, tmp_path, refused):
    camera.shoot(tmp_path / "a")
    driver.unplugged = True
    with pytest.raises(CameraError, match="still plugged in"):
        camera.set("shutter", "1/60")
    with refused(CameraError):
        camera.shoot(tmp_path / "b")


def test_devices_are_found_and_those_without_pictures_passed_over(driver, device, monkeypatch):
    monkeypatch.setattr(v4l2, "capture_devices", lambda: [device])
    assert [camera.model for camera in uvc.discover()] == ["Webcam C1"]
    driver.capture = False
    assert uvc.discover() == []


@pytest.mark.parametrize(
    ("uri", "error", "message"),
    [
        ("uvc:/dev/video99", CameraNotFoundError, "plug the camera in"),
        ("uvc:/dev/null", CameraNotFoundError, "no Video4Linux device"),
        ("uvc:video0", InputError, "write uvc:/dev/video0"),
        ("uvc:/dev/../etc/passwd", InputError, "write uvc:/dev/video0"),
        ("uvc:/dev/video0?widthh=1", InputError, "did you mean 'width'"),
    ],
)
def test_addresses(uri, error, message):
    with pytest.raises(error, match=message):
        open_camera(uri)
