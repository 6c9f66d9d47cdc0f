"""The gphoto2 back end on libgphoto2's own virtual camera."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageFilter

from defocus.capture.camera import Word
from defocus.capture.cameras import gphoto2
from defocus.capture.cameras.gphoto2 import GPhoto2Camera
from defocus.capture.links.back_ends import open_camera
from defocus.capture.links.gphoto2 import process
from defocus.capture.links.gphoto2.child import lines_of
from defocus.capture.links.retries import ShotFailedError
from defocus.capture.planning.exposure import plan_bracket
from defocus.capture.planning.protocol import make_protocol
from defocus.capture.sessions.checking import check_session
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.session import read_session
from defocus.capture.sessions.state import CompletePair
from defocus.capture.taking.shots.rig import SessionCameras
from defocus.capture.taking.shots.series import shoot_pairs
from defocus.capture.taking.shots.shooting import Handling, new_pairs
from defocus.errors import CameraError, CameraNotFoundError, InputError
from defocus.images import read_pair
from tests.capture.crashing_child import FLAG


@pytest.mark.full
def test_a_value_that_would_crash_the_library_never_reaches_it(
    virtual_camera: GPhoto2Camera,
) -> None:
    """Setting f/123 kills the process that does it (tried): the check must come first."""
    child = virtual_camera.child.process
    with pytest.raises(InputError, match=r"no aperture 'f/123'.*f/22"):
        virtual_camera.set("aperture", "f/123")
    with pytest.raises(gphoto2.AnswerError, match="no choice"):
        virtual_camera.child.ask("write", word="f-number", value="f/123")
    assert virtual_camera.child.process is child
    assert child.poll() is None


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
def test_settings_are_read_back_and_put_back(
    virtual_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Automatics are off while it shoots."""
    camera = open_camera(f"gphoto2:virtual={virtual_folder}")
    assert isinstance(camera, GPhoto2Camera)
    description, before = camera.describe(), camera.settings()
    assert (description.model, description.serial) == ("Nikon DSC D750", "0.1")
    assert description.battery == "50%"
    assert "iso" not in before  # this body has none
    with pytest.raises(InputError, match="no setting for the iso"):
        camera.set("iso", "100")
    automatics = ("autofocus", "capturetarget")
    assert [camera.config()[name].value for name in automatics] == ["On", "Internal RAM"]
    for aperture in ("f/4", "f/22"):
        assert camera.set("aperture", aperture) == aperture
    camera.set("shutter", "0.1000s")
    assert camera.settings()["aperture"].value == "f/22"
    assert [camera.config()[name].value for name in automatics] == ["Off", "Memory card"]
    asked: list[tuple[str, dict[str, Any]]] = []
    ask = camera.child.ask

    def recorded(do: str, **request: Any) -> Any:
        asked.append((do, request))
        return ask(do, **request)

    monkeypatch.setattr(camera.child, "ask", recorded)
    camera.close()
    assert ("write", {"word": "f-number", "value": before["aperture"].value}) in asked
    assert ("write", {"word": "shutterspeed", "value": before["shutter"].value}) in asked
    assert ("write", {"word": "autofocus", "value": "On"}) in asked


@pytest.mark.full
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_costs_one_retry(
    virtual_camera: GPhoto2Camera, virtual_folder: Path, tmp_path: Path, sign: signal.Signals
) -> None:
    """Another camera goes on."""
    virtual_camera.set("aperture", "f/16")
    virtual_camera.set("shutter", "0.0500s")
    with open_camera(f"gphoto2:virtual={virtual_folder}") as other:
        assert isinstance(other, GPhoto2Camera)
        other.set("aperture", "f/11")
        untouched = other.child.process.pid
        os.kill(virtual_camera.child.process.pid, sign)
        (part,) = virtual_camera.shoot(tmp_path / "blurry")
        other.shoot(tmp_path / "second")
        assert other.child.process.pid == untouched
    assert part.stat().st_size == (virtual_folder / "source.jpg").stat().st_size
    settings = virtual_camera.settings()
    assert (settings["aperture"].value, settings["shutter"].value) == ("f/16", "0.0500s")


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
def test_formats_are_set_in_the_cameras_words(
    virtual_camera: GPhoto2Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="file format of this camera cannot be set; set raw on"):
        virtual_camera.choose_format("raw")
    words = {"imagequality": Word("JPEG Fine", ("JPEG Fine",))}
    monkeypatch.setattr(virtual_camera, "config", lambda: words)
    with pytest.raises(InputError, match="makes no raw files; imagequality can be JPEG Fine"):
        virtual_camera.choose_format("raw")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], "plug it in"),
        (
            [{"model": "A", "port": "usb:001,004"}, {"model": "B", "port": "usb:001,005"}],
            "gphoto2:usb:001,004, gphoto2:usb:001,005",
        ),
    ],
)
def test_no_camera_and_two_of_them(
    found: list[dict[str, str]], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gphoto2, "detect", lambda _environment: found)
    with pytest.raises(CameraNotFoundError, match=said) as caught:
        open_camera("gphoto2:")
    assert caught.value.exit_code == 3


@pytest.mark.full
def test_a_busy_camera_is_not_restarted(
    virtual_camera: GPhoto2Camera, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
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
        with pytest.raises(ShotFailedError, match="writes to its card"):
            virtual_camera.shoot(tmp_path / "sharp")
    assert virtual_camera.child is child
    with monkeypatch.context() as patch:
        patch.setattr(child, "_answer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            virtual_camera.shoot(tmp_path / "blurry")
    assert virtual_camera.describe().model == "Nikon DSC D750"
    assert virtual_camera.shoot(tmp_path / "sharp")


@pytest.mark.full
@pytest.mark.parametrize("serial", ["0.1", "77"])
def test_a_replugged_camera_is_found_by_its_serial_number(
    virtual_camera: GPhoto2Camera, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, serial: str
) -> None:
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
        with pytest.raises(CameraError, match="serial number 77 came back in") as caught:
            virtual_camera.shoot(tmp_path / "sharp")
        assert caught.value.exit_code == 4
        return
    assert virtual_camera.shoot(tmp_path / "sharp")
    assert virtual_camera.settings()["aperture"].value == "f/11"
    assert virtual_camera.describe().port == "usb:001,001"


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
def test_what_is_started_for_each_camera_imports_little() -> None:
    code = (
        "import sys\n"
        "import defocus.capture.links.gphoto2.child\n"
        "assert not {'click', 'numpy', 'defocus.extensions'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


StagedCamera = Callable[[Path, Callable[[float], PillowImage.Image]], GPhoto2Camera]
PAIRS = 10


@pytest.mark.full
def test_ten_pairs_with_a_crash_in_the_middle(
    virtual_folder: Path,
    tmp_path: Path,
    staged_camera: StagedCamera,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two apertures and an anchor, ten times; at the sixth, libgphoto2 dies."""
    flag = tmp_path / "crash"
    monkeypatch.setenv(FLAG, str(flag))
    monkeypatch.setattr(process, "CHILD", "tests.capture.crashing_child")
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    sharp = PillowImage.fromarray(noise).filter(ImageFilter.GaussianBlur(0.7))
    blurry = sharp.filter(ImageFilter.GaussianBlur(2.0))
    children = []

    def watch(pair: CompletePair) -> None:
        children.append(camera.child.process.pid)
        if pair.id.startswith("0005"):
            flag.touch()

    with (
        staged_camera(virtual_folder, lambda n: blurry if n < 8 else sharp) as camera,
        open_session_folder(tmp_path / "session", create=True) as session,
    ):
        camera.quiet_ms = 1
        bracket = plan_bracket(camera.settings(), "f/5.6", "f/22", shutter="0.0012s")
        pairs = new_pairs(session.state, "Desk", scenes=1, repeat=PAIRS)
        session.plan([{"camera": camera.describe().to_json()}], pairs)
        shoot_pairs(
            session,
            SessionCameras.single(camera),
            pairs,
            make_protocol(bracket),
            Handling(after=watch),
        )
    assert not flag.exists()
    assert "ended with -11" in capsys.readouterr().err  # SIGSEGV
    assert len(set(children)) == 2
    assert children[:5] == [children[0]] * 5
    assert check_session(tmp_path / "session").ok
    found = read_session(tmp_path / "session").pairs
    assert len(found) == PAIRS
    for pair in found:
        roles = pair.metadata["roles"]
        assert [roles[role]["exif"]["f_number"] for role in ("blurry", "sharp")] == [5.6, 22.0]
        assert roles["blurry"]["got"] == {"aperture": "f/5.6", "shutter": "0.0012s"}
        detail = [
            np.abs(np.diff(picture.astype(float), axis=1)).mean()
            for picture in read_pair(pair.blurry, pair.sharp)
        ]
        assert detail[1] > 2 * detail[0]
