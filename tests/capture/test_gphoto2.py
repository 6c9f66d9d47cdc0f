"""The gphoto2 back end on libgphoto2's own virtual camera."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from defocus.capture.camera import Word
from defocus.capture.cameras import gphoto2
from defocus.capture.cameras.gphoto2 import GPhoto2Camera
from defocus.capture.links.back_ends import open_camera
from defocus.capture.links.gphoto2 import process
from defocus.capture.links.gphoto2.child import lines_of
from defocus.capture.links.retries import ShotFailedError
from defocus.capture.planning.exposure import plan_bracket
from defocus.capture.planning.protocol import make_protocol
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.session import read_session
from defocus.capture.taking.shots.rig import SessionCameras
from defocus.capture.taking.shots.series import shoot_pairs
from defocus.capture.taking.shots.shooting import new_pairs
from defocus.errors import CameraError, CameraNotFoundError, InputError
from defocus.images import read_pair

StagedCamera = Callable[[Path, Callable[[float], PillowImage.Image]], GPhoto2Camera]


@pytest.mark.full
def test_what_the_camera_says(virtual_camera: GPhoto2Camera) -> None:
    description = virtual_camera.describe()
    assert (description.model, description.serial) == ("Nikon DSC D750", "0.1")
    assert description.battery == "50%"
    settings = virtual_camera.settings()
    assert settings["aperture"].word == "f-number"
    assert "f/22" in settings["aperture"].choices
    assert "0.0100s" in settings["shutter"].choices
    assert "iso" not in settings  # this body has none


@pytest.mark.full
def test_settings_are_read_back(virtual_camera: GPhoto2Camera) -> None:
    assert virtual_camera.set("aperture", "f/22") == "f/22"
    assert virtual_camera.settings()["aperture"].value == "f/22"


@pytest.mark.full
def test_a_value_that_would_crash_the_library_never_reaches_it(
    virtual_camera: GPhoto2Camera,
) -> None:
    """Setting f/123 kills the process that does it (tried): the check must come first."""
    child = virtual_camera.child.process.pid
    with pytest.raises(InputError, match=r"no aperture 'f/123'.*f/22"):
        virtual_camera.set("aperture", "f/123")
    with pytest.raises(gphoto2.AnswerError, match="no choice"):
        virtual_camera.child.ask("write", word="f-number", value="f/123")
    assert virtual_camera.child.process.pid == child
    assert virtual_camera.child.process.poll() is None


@pytest.mark.full
def test_a_missing_setting_is_named(virtual_camera: GPhoto2Camera) -> None:
    with pytest.raises(InputError, match="no setting for the iso"):
        virtual_camera.set("iso", "100")


@pytest.mark.full
def test_download_is_the_source_to_the_byte(
    virtual_camera: GPhoto2Camera, virtual_folder: Path, tmp_path: Path
) -> None:
    """Several megabytes: smaller ones come right even when freed memory is read."""
    content = (virtual_folder / "source.jpg").read_bytes()[:-2]
    content += np.random.default_rng(0).bytes(5_000_000)
    (virtual_folder / "source.jpg").write_bytes(content)
    with open_camera(f"gphoto2:virtual={virtual_folder}") as camera:
        (part,) = camera.shoot(tmp_path / "blurry")
    assert part.name == "blurry.jpg.part"
    assert part.read_bytes() == content


@pytest.mark.full
def test_full_store_after_26_shots_is_answered_by_a_new_child(
    virtual_camera: GPhoto2Camera, virtual_folder: Path, tmp_path: Path
) -> None:
    virtual_camera.quiet_ms = 1
    virtual_camera.set("aperture", "f/8")
    children = set()
    for index in range(30):
        (part,) = virtual_camera.shoot(tmp_path / f"shot-{index}")
        assert part.stat().st_size == (virtual_folder / "source.jpg").stat().st_size
        children.add(virtual_camera.child.process.pid)
    assert len(children) == 2
    assert virtual_camera.settings()["aperture"].value == "f/8"


@pytest.mark.full
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_costs_one_retry(
    virtual_camera: GPhoto2Camera, virtual_folder: Path, tmp_path: Path, sign: signal.Signals
) -> None:
    virtual_camera.set("aperture", "f/16")
    virtual_camera.set("shutter", "0.0500s")
    os.kill(virtual_camera.child.process.pid, sign)
    (part,) = virtual_camera.shoot(tmp_path / "blurry")
    assert part.stat().st_size == (virtual_folder / "source.jpg").stat().st_size
    settings = virtual_camera.settings()
    assert (settings["aperture"].value, settings["shutter"].value) == ("f/16", "0.0500s")


@pytest.mark.full
def test_one_camera_crashes_another_goes_on(virtual_folder: Path, tmp_path: Path) -> None:
    uri = f"gphoto2:virtual={virtual_folder}"
    with open_camera(uri) as first, open_camera(uri) as second:
        assert isinstance(first, GPhoto2Camera)
        assert isinstance(second, GPhoto2Camera)
        second.set("aperture", "f/11")
        untouched = second.child.process.pid
        os.kill(first.child.process.pid, signal.SIGKILL)
        first.shoot(tmp_path / "first")
        second.shoot(tmp_path / "second")
        assert second.child.process.pid == untouched
        assert second.settings()["aperture"].value == "f/11"


@pytest.mark.full
def test_a_camera_that_stays_away_is_lost(
    virtual_camera: GPhoto2Camera, virtual_folder: Path, tmp_path: Path
) -> None:
    (virtual_folder / "source.jpg").unlink()
    for _ in range(2):
        with pytest.raises(ShotFailedError, match="took no picture"):
            virtual_camera.shoot(tmp_path / "blurry")
    with pytest.raises(CameraError, match=r"opened anew in vain.*took no picture") as caught:
        virtual_camera.shoot(tmp_path / "blurry")
    assert caught.value.exit_code == 4
    assert list(tmp_path.glob("*.part")) == []


@pytest.mark.full
def test_an_interrupted_wait_does_not_shift_the_answers(
    virtual_camera: GPhoto2Camera, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*_arguments: object) -> dict[str, Any]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(virtual_camera.child, "_answer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            virtual_camera.shoot(tmp_path / "blurry")
    assert virtual_camera.describe().model == "Nikon DSC D750"


@pytest.mark.full
def test_settings_are_put_back(virtual_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = open_camera(f"gphoto2:virtual={virtual_folder}")
    assert isinstance(camera, GPhoto2Camera)
    before = {name: setting.value for name, setting in camera.settings().items()}
    for aperture in ("f/4", "f/22"):
        camera.set("aperture", aperture)
    camera.set("shutter", "0.1000s")
    asked: list[tuple[str, dict[str, Any]]] = []
    ask = camera.child.ask

    def recorded(do: str, **request: Any) -> Any:
        asked.append((do, request))
        return ask(do, **request)

    monkeypatch.setattr(camera.child, "ask", recorded)
    camera.close()
    assert ("write", {"word": "f-number", "value": before["aperture"]}) in asked
    assert ("write", {"word": "shutterspeed", "value": before["shutter"]}) in asked


@pytest.mark.full
def test_automatics_are_off_while_it_shoots_and_put_back(virtual_camera: GPhoto2Camera) -> None:
    words = virtual_camera.config()
    before = {name: words[name].value for name in ("autofocus", "capturetarget")}
    assert before == {"autofocus": "On", "capturetarget": "Internal RAM"}
    virtual_camera.set("aperture", "f/22")
    words = virtual_camera.config()
    assert (words["autofocus"].value, words["capturetarget"].value) == ("Off", "Memory card")
    assert virtual_camera._found.items() >= before.items()


@pytest.mark.full
def test_a_camera_without_formats_says_so(virtual_camera: GPhoto2Camera) -> None:
    with pytest.raises(
        InputError, match="file format of this camera cannot be set; set raw on the camera"
    ):
        virtual_camera.choose_format("raw")


@pytest.mark.full
def test_formats_are_set_in_the_cameras_words(
    virtual_camera: GPhoto2Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"imagequality": Word("JPEG Fine", ("JPEG Fine", "NEF (Raw)", "NEF+Fine"))}
    written: list[tuple[str, ...]] = []

    def write(*arguments: str) -> str:
        written.append(arguments)
        return arguments[-1]

    monkeypatch.setattr(virtual_camera, "config", lambda: words)
    monkeypatch.setattr(virtual_camera, "_write", write)
    assert virtual_camera.choose_format("raw+jpeg") == "NEF+Fine"
    assert written == [("imagequality", "JPEG Fine", "NEF+Fine")]
    words["imagequality"] = Word("JPEG Fine", ("JPEG Fine",))
    with pytest.raises(InputError, match="makes no raw files; imagequality can be JPEG Fine"):
        virtual_camera.choose_format("raw")


@pytest.mark.full
def test_a_busy_camera_is_not_restarted(
    virtual_camera: GPhoto2Camera, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    virtual_camera.set("aperture", "f/8")
    child, ask = virtual_camera.child, virtual_camera.child.ask

    def busy(do: str, **request: Any) -> Any:
        if do == "shoot":
            raise gphoto2.AnswerError(-110, "I/O in progress")
        return ask(do, **request)

    with monkeypatch.context() as patch:
        patch.setattr(child, "ask", busy)
        with pytest.raises(ShotFailedError, match="writes to its card"):
            virtual_camera.shoot(tmp_path / "sharp")
    assert virtual_camera.child is child
    assert virtual_camera.shoot(tmp_path / "sharp")


@pytest.mark.full
def test_a_replugged_camera_is_found_by_its_serial_number(
    virtual_camera: GPhoto2Camera, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It comes back after a while, at another port."""
    virtual_camera.set("aperture", "f/11")
    virtual_camera._process.port = "usb:009,009"  # nothing is there any more
    os.kill(virtual_camera.child.process.pid, signal.SIGKILL)
    looks = iter([[], [{"model": "Nikon", "port": "usb:001,001"}]])
    monkeypatch.setattr(process, "detect", lambda _environment: next(looks))
    monkeypatch.setattr(process, "LOOK_AGAIN_SECONDS", 0.01)
    assert virtual_camera.shoot(tmp_path / "sharp")
    assert virtual_camera.settings()["aperture"].value == "f/11"
    assert virtual_camera.describe().port == "usb:001,001"


@pytest.mark.full
def test_another_camera_does_not_take_its_place(
    virtual_camera: GPhoto2Camera, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    link = virtual_camera._process
    link.port, link.serial = "usb:009,009", "77"
    os.kill(virtual_camera.child.process.pid, signal.SIGKILL)
    there = [{"model": "Nikon", "port": "usb:001,001"}]
    monkeypatch.setattr(process, "detect", lambda _environment: there)
    monkeypatch.setattr(process, "LOOK_AGAIN_SECONDS", 0.01)
    link.reconnect_seconds = 0.5
    with pytest.raises(CameraError, match="serial number 77 came back in") as caught:
        virtual_camera.shoot(tmp_path / "sharp")
    assert caught.value.exit_code == 4


def test_an_idle_camera_is_asked_for_something() -> None:
    reading, writing = os.pipe()
    calls: list[int] = []

    def idle() -> None:
        calls.append(1)
        if len(calls) == 2:
            os.write(writing, b'"first"\n"sec')
        if len(calls) == 3:
            os.write(writing, b'ond"\n')
            os.close(writing)

    assert list(lines_of(reading, 0.01, idle)) == [b'"first"', b'"second"']
    assert len(calls) == 3
    os.close(reading)


def test_no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gphoto2, "detect", lambda _environment: [])
    with pytest.raises(CameraNotFoundError, match="plug it in") as caught:
        open_camera("gphoto2:")
    assert caught.value.exit_code == 3


def test_two_cameras_must_be_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    two = [{"model": "A", "port": "usb:001,004"}, {"model": "B", "port": "usb:001,005"}]
    monkeypatch.setattr(gphoto2, "detect", lambda _environment: two)
    with pytest.raises(CameraNotFoundError, match="gphoto2:usb:001,004, gphoto2:usb:001,005"):
        open_camera("gphoto2:")


@pytest.mark.full
def test_by_port_and_by_serial(virtual_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in gphoto2.virtual_environment(virtual_folder).items():
        monkeypatch.setenv(name, value)
    with open_camera("gphoto2:serial=0.1") as camera:
        assert camera.describe().port == "usb:001,001"
    with open_camera("gphoto2:usb:001,001") as camera:
        assert camera.describe().serial == "0.1"
    with pytest.raises(CameraNotFoundError, match=r"serial numbers found: 0\.1"):
        open_camera("gphoto2:serial=77")
    with pytest.raises(InputError, match="write gphoto2:"):
        open_camera("gphoto2:D750")
    assert [camera.model for camera in gphoto2.discover()] == ["Nikon DSC D750"]


@pytest.mark.full
@pytest.mark.realdata
def test_a_real_picture_pair_through_the_virtual_camera(
    tmp_path: Path, real_data: Path, staged_camera: StagedCamera
) -> None:
    """One frame of a real focus stack as the blurry shot, the all-in-focus one as the sharp."""
    stack = real_data / "focus-stacks" / "pcb"
    blurry, sharp = (
        PillowImage.open(stack / name).convert("RGB").resize((480, 320), PillowImage.Resampling.BOX)
        for name in ("pcb_001.jpg", "expected.jpg")
    )
    folder = tmp_path / "virtual"
    folder.mkdir()
    (folder / "source.jpg").write_bytes(bytes(300_000))
    with (
        staged_camera(folder, lambda n: blurry if n < 8 else sharp) as camera,
        open_session_folder(tmp_path / "session", create=True) as session,
    ):
        bracket = plan_bracket(camera.settings(), "f/5.6", "f/22", shutter="0.0012s")
        pairs = new_pairs(session.state, "Circuit board", scenes=1, repeat=1)
        session.plan([{"camera": camera.describe().to_json()}], pairs)
        (pair,) = shoot_pairs(session, SessionCameras.single(camera), pairs, make_protocol(bracket))
    assert "EXIF" not in pair.reason
    assert "sharpness" not in pair.reason
    (read,) = read_session(tmp_path / "session").pairs
    assert read.id == "0001_circuit-board"
    assert read.metadata["roles"]["sharp"]["exif"]["f_number"] == 22.0
    assert read.metadata["roles"]["blurry"]["got"] == {"aperture": "f/5.6", "shutter": "0.0012s"}
    first, second = read_pair(read.blurry, read.sharp)
    for picture, source in ((first, blurry), (second, sharp)):
        assert cv2.PSNR(picture, np.asarray(source)) > 30


@pytest.mark.full
def test_what_is_started_for_each_camera_imports_little() -> None:
    code = (
        "import sys\n"
        "import defocus.capture.links.gphoto2.child\n"
        "assert not {'click', 'numpy', 'defocus.extensions'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
