"""A stage for libgphoto2's virtual camera: what it delivers changes with its settings."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import IFDRational

from defocus.capture.camera import SettingName
from defocus.capture.cameras.gphoto2 import GPhoto2Camera
from defocus.capture.links.back_ends import open_camera
from defocus.capture.links.gphoto2.process import CameraProcess
from defocus.capture.planning.labels import parse_f_number, parse_seconds

SOURCE_BYTES = 300_000
"""Size of the file behind the virtual camera; it must not change while the camera runs."""

Picture = PillowImage.Image


def jpeg(picture: Picture, f_number: float, seconds: float) -> bytes:
    """A JPEG with EXIF, made a fixed size by comments behind the EXIF."""
    exif = PillowImage.Exif()
    exif[0x8769] = {33437: IFDRational(f_number), 33434: IFDRational(seconds)}
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=95, exif=exif)
    content = stream.getvalue()
    missing = SOURCE_BYTES - len(content)
    assert missing >= 4, len(content)
    comments = b""
    while missing > 0:
        length = min(missing, 60_000)
        length -= 4 if 0 < missing - length < 4 else 0  # a comment has at least four bytes
        comments += b"\xff\xfe" + (length - 2).to_bytes(2, "big") + bytes(length - 4)
        missing -= length
    place = 2
    while content[place : place + 1] == b"\xff" and content[place + 1] in (0xE0, 0xE1):
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return content[:place] + comments + content[place:]


class StagedVirtualCamera(GPhoto2Camera):
    """The virtual camera, which shows another picture once it is stopped down."""

    def __init__(self, folder: Path, pictures: Callable[[float], Picture]) -> None:
        with open_camera(f"gphoto2:virtual={folder}") as camera:
            assert isinstance(camera, GPhoto2Camera)
            environment, port = camera._process._environment, camera._process.port
        super().__init__(f"gphoto2:virtual={folder}", CameraProcess(port, environment))
        self.source, self.pictures = folder / "source.jpg", pictures

    def set(self, name: SettingName, value: str) -> str:
        got = super().set(name, value)
        if name == "shutter":  # the last one of an exposure
            settings = self.settings()
            f_number = parse_f_number(settings["aperture"].value) or 0.0
            seconds = parse_seconds(settings["shutter"].value) or 0.0
            self.source.write_bytes(jpeg(self.pictures(f_number), f_number, seconds))
        return got


StagedCamera = Callable[[Path, Callable[[float], Picture]], StagedVirtualCamera]


@pytest.fixture
def staged_camera() -> StagedCamera:
    """Make a staged camera of a folder and of the pictures by f-number."""
    return StagedVirtualCamera


@pytest.fixture
def jpeg_file() -> Callable[[Picture, float, float], bytes]:
    """Make the content of a file for the virtual camera."""
    return jpeg


@pytest.fixture
def virtual_folder(tmp_path: Path) -> Path:
    """The folder of a virtual camera with one JPEG in it."""
    folder = tmp_path / "virtual"
    folder.mkdir()
    grey = PillowImage.effect_noise((160, 120), 60).convert("RGB")
    (folder / "source.jpg").write_bytes(jpeg(grey, 5.6, 1 / 100))
    return folder


@pytest.fixture
def virtual_camera(virtual_folder: Path) -> Iterator[GPhoto2Camera]:
    """The virtual camera, open."""
    with open_camera(f"gphoto2:virtual={virtual_folder}") as camera:
        assert isinstance(camera, GPhoto2Camera)
        yield camera


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """libgphoto2 keeps some settings in the home folder: no test finds what another left there."""
    home = str(tmp_path_factory.mktemp("home"))
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("XDG_CONFIG_HOME", home)
