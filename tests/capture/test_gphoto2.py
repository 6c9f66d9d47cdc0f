"""The gphoto2 back end on libgphoto2's own virtual camera."""

import os
import signal
from itertools import chain, repeat
from typing import Any

import numpy as np
import pytest

from defocus.capture.camera import Word
from defocus.capture.cameras import gphoto2
from defocus.capture.links.back_ends import open_camera
from defocus.capture.links.gphoto2 import process
from defocus.capture.links.retries import ShotFailedError
from defocus.errors import CameraError, CameraNotFoundError, InputError

pytestmark = pytest.mark.full


def test_a_value_that_would_crash_the_library_never_reaches_it(virtual_camera, refused):
    """Setting f/123 kills the process that does it (tried): the check must come first."""
    child = virtual_camera.child.process
    with refused(InputError):
        virtual_camera.set("aperture", "f/123")
    with refused(gphoto2.AnswerError):
        virtual_camera.child.ask("write", word="f-number", value="f/123")
    assert virtual_camera.child.process is child
    assert child.poll() is None


def test_download_is_the_source_to_the_byte(virtual_camera, virtual_folder, tmp_path):
    """Several megabytes: smaller ones come right even when freed memory is read."""
    content = (virtual_folder / "source.jpg").read_bytes()[:-2]
    content += np.random.default_rng(0).bytes(5_000_000)
    (virtual_folder / "source.jpg").write_bytes(content)
    with open_camera(f"gphoto2:virtual={virtual_folder}") as camera:
        (part,) = camera.shoot(tmp_path / "blurry")
    assert part.name == "blurry.jpg.part"
    assert part.read_bytes() == content


def test_settings_are_read_back_and_put_back(virtual_folder, monkeypatch, refused):
    """Automatics are off while it shoots."""
    camera = open_camera(f"gphoto2:virtual={virtual_folder}")
    description, before = camera.describe(), camera.settings()
    assert (description.model, description.serial) == ("Nikon DSC D750", "0.1")
    assert description.battery == "50%"
    assert "iso" not in before  # this body has none
    with refused(InputError):
        camera.set("iso", "100")
    automatics = ("autofocus", "capturetarget")
    assert [camera.config()[name].value for name in automatics] == [
        "On",
        "Internal RAM",
    ]
    for aperture in ("f/4", "f/22"):
        assert camera.set("aperture", aperture) == aperture
    camera.set("shutter", "0.1000s")
    assert camera.settings()["aperture"].value == "f/22"
    assert [camera.config()[name].value for name in automatics] == [
        "Off",
        "Memory card",
    ]
    asked: list[tuple[str, dict[str, Any]]] = []
    ask = camera.child.ask

    def recorded(do: str, **request: Any) -> Any:
        asked.append((do, request))
        return ask(do, **request)

    monkeypatch.setattr(camera.child, "ask", recorded)
    camera.close()
    assert ("write", {"word": "f-number", "value": before["aperture"].value}) in asked
    assert (
        "write",
        {"word": "shutterspeed", "value": before["shutter"].value},
    ) in asked
    assert ("write", {"word": "autofocus", "value": "On"}) in asked


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_costs_one_retry(virtual_camera, virtual_folder, tmp_path, sign):
    """Another camera goes on."""
    virtual_camera.set("aperture", "f/16")
    virtual_camera.set("shutter", "0.0500s")
    with open_camera(f"gphoto2:virtual={virtual_folder}") as other:
        other.set("aperture", "f/11")
        untouched = other.child.process.pid
        os.kill(virtual_camera.child.process.pid, sign)
        (part,) = virtual_camera.shoot(tmp_path / "blurry")
        other.shoot(tmp_path / "second")
        assert other.child.process.pid == untouched
    assert part.stat().st_size == (virtual_folder / "source.jpg").stat().st_size
    settings = virtual_camera.settings()
    assert (settings["aperture"].value, settings["shutter"].value) == (
        "f/16",
        "0.0500s",
    )


def test_formats_are_set_in_the_cameras_words(virtual_camera, monkeypatch, refused):
    with refused(InputError):
        virtual_camera.choose_format("raw")
    words = {"imagequality": Word("JPEG Fine", ("JPEG Fine",))}
    monkeypatch.setattr(virtual_camera, "config", lambda: words)
    with refused(InputError):
        virtual_camera.choose_format("raw")


def test_a_busy_camera_is_not_restarted(virtual_camera, monkeypatch, tmp_path, refused):
    """Nor is one whose wait was interrupted: it does not shift the answers."""
    child, ask = virtual_camera.child, virtual_camera.child.ask

    def busy(do: str, **request: Any) -> Any:
        if do == "shoot":
            raise gphoto2.AnswerError(-110, "I/O in progress")
        return ask(do, **request)

    def interrupted(*_arguments: object) -> dict[str, Any]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(child, "ask", busy)
        with refused(ShotFailedError):
            virtual_camera.shoot(tmp_path / "sharp")
    assert virtual_camera.child is child
    with monkeypatch.context() as patch:
        patch.setattr(child, "_answer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            virtual_camera.shoot(tmp_path / "blurry")
    assert virtual_camera.describe().model == "Nikon DSC D750"
    assert virtual_camera.shoot(tmp_path / "sharp")


@pytest.mark.parametrize("serial", ["0.1", "77"])
def test_a_replugged_camera_is_found_by_its_serial_number(
    virtual_camera, monkeypatch, tmp_path, serial, refused
):
    """It comes back after a while, at another port; another camera does not take its place."""
    virtual_camera.set("aperture", "f/11")
    link = virtual_camera._process
    link.port, link.serial = "usb:009,009", serial  # nothing is there any more
    link.reconnect_seconds = 60.0 if serial == "0.1" else 0.5
    os.kill(virtual_camera.child.process.pid, signal.SIGKILL)
    looks = chain([[]], repeat([{"model": "Nikon", "port": "usb:001,001"}]))
    monkeypatch.setattr(process, "detect", lambda _environment: next(looks))
    monkeypatch.setattr(process, "LOOK_AGAIN_SECONDS", 0.01)
    if serial == "77":
        with refused(CameraError) as caught:
            virtual_camera.shoot(tmp_path / "sharp")
        assert caught.value.exit_code == 4
        return
    assert virtual_camera.shoot(tmp_path / "sharp")
    assert virtual_camera.settings()["aperture"].value == "f/11"
    assert virtual_camera.describe().port == "usb:001,001"


def test_by_port_and_by_serial(virtual_folder, monkeypatch, refused):
    for name, value in gphoto2.virtual_environment(virtual_folder).items():
        monkeypatch.setenv(name, value)
    with open_camera("gphoto2:serial=0.1") as camera:
        assert camera.describe().port == "usb:001,001"
    with open_camera("gphoto2:usb:001,001") as camera:
        assert camera.describe().serial == "0.1"
    with pytest.raises(CameraNotFoundError, match=r"serial numbers found: 0\.1"):
        open_camera("gphoto2:serial=77")
    with refused(InputError):
        open_camera("gphoto2:D750")
    assert [camera.model for camera in gphoto2.discover()] == ["Nikon DSC D750"]
