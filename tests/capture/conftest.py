"""A virtual camera of libgphoto2 for each test, and a home of its own."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import IFDRational

from defocus.capture.cameras.gphoto2 import GPhoto2Camera
from defocus.capture.links.back_ends import open_camera
from tests.command_process import CHECKOUT


@pytest.fixture
def virtual_folder(tmp_path):
    """The folder of a virtual camera with one JPEG in it."""
    folder = tmp_path / "virtual"
    folder.mkdir()
    exif = PillowImage.Exif()
    exif[0x8769] = {33437: IFDRational(5.6), 33434: IFDRational(1, 100)}
    grey = PillowImage.effect_noise((160, 120), 60).convert("RGB")
    grey.save(folder / "source.jpg", quality=95, exif=exif)
    return folder


@pytest.fixture
def virtual_camera(virtual_folder):
    """The virtual camera, open."""
    with open_camera(f"gphoto2:virtual={virtual_folder}") as camera:
        assert isinstance(camera, GPhoto2Camera)
        yield camera


@pytest.fixture
def copied(request, tmp_path):
    """A copy of the file's session, which a test may change."""
    return Path(shutil.copytree(request.getfixturevalue("session"), tmp_path / "copy"))


@pytest.fixture
def program(tmp_path):
    """An environment in which ``defocus-capture`` is on the path."""
    path = tmp_path / "bin" / "defocus-capture"
    path.parent.mkdir()
    path.write_text(
        f"#!{sys.executable}\nfrom defocus.capture.cli import main\nmain()\n"
    )
    path.chmod(0o755)
    return os.environ | {
        "PATH": f"{path.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT),
    }


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory, monkeypatch):
    """libgphoto2 keeps some settings in the home folder: no test finds what another left there."""
    home = str(tmp_path_factory.mktemp("home"))
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("XDG_CONFIG_HOME", home)
