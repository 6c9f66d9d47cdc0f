"""Extras bring scenes of the simulated camera, and what is done with a session."""

from dataclasses import asdict
from pathlib import Path

import pytest

import defocus.extras
from defocus.capture.cameras.sim import open_camera
from defocus.capture.commands import shoot
from defocus.capture.sessions.contact_sheet import contact_sheet
from defocus.capture.sessions.damage import check_session, damaged_files
from defocus.capture.sessions.folder import (
    SessionFolder,
    keep_originals,
    open_session_folder,
)
from defocus.capture.sessions.session import read_state
from defocus.errors import DatasetError, InputError
from defocus.storage.files import make_folder
from tests.brought import forgotten
from tests.capture.shooting import resume

__all__ = ["forgotten"]

SCENE = """
import numpy as np

from defocus.capture.simulation.scene import SimulatedScene
from defocus.scene.layers import Layer


def grey(random, width, height, margin):
    return [Layer(np.full((height, width, 3), 0.25), np.ones((height, width)), 2000.0)]


SCENE = SimulatedScene("grey", grey)
"""

WEATHER = """
from defocus.capture.sessions.additions import SessionAddition
from defocus.reports.model import Paragraph


def read(folder):
    (folder.root / "weather.txt").write_text("rain")


def parts(state):
    return [Paragraph(f"{len(state.complete)} pairs in the rain")]


ADDITION = SessionAddition("Weather", read, parts, lambda state: {}, "Rain", parts)
"""


@pytest.fixture(autouse=True)
def extra(tmp_path, monkeypatch):
    """The folder of the only extra."""
    monkeypatch.setattr(defocus.extras, "__path__", [str(tmp_path / "extras")])
    for kind, source in (("scenes", SCENE), ("sessions", WEATHER)):
        folder = tmp_path / "extras" / "mine" / kind
        folder.mkdir(parents=True)
        (folder / "own.py").write_text(source)
    return tmp_path / "extras" / "mine"


def store_flat(folder: SessionFolder) -> Path:
    """A shot of an addition that is not there, as it journals it; the file of the shot."""
    place = make_folder(folder.root / "flats" / "0001")
    part = place / "flat.tif.part"
    part.write_bytes(b"light")
    (stored,) = keep_originals(place, [part])
    folder.journal.append(
        "flat-shot",
        flat=1,
        camera={"uri": "sim:"},
        exposure={"aperture": "f/4", "shutter": "1/200"},
        files=[asdict(stored)],
    )
    return place / stored.name


def test_shots_of_an_addition_that_is_not_there_are_the_session_s(tmp_path):
    root = tmp_path / "s"
    with open_session_folder(root, create=True) as folder:
        file = store_flat(folder)
        assert not check_session(root).ok
        folder.added_read("flat", 1, {"level": 0.5})
    (flat,) = check_session(root).added["flat"]
    assert (flat.id, flat.ok, flat.reason) == ("flat 0001", True, "read")
    assert "  flats/0001/flat.tif\n" in (root / "checksums.sha256").read_text()
    file.unlink()
    checked = check_session(root)
    assert not checked.files_ok
    assert checked.lines()[0] == f"{'flat 0001':30} flat.tif is missing"
    (lost,) = damaged_files(root, read_state(root)[0])
    assert (lost.pair, lost.problem) == ("flat 0001", "flat.tif is missing")


DAMAGED = {
    "number": ("flat-read", {"flat": "one"}),
    "found": ("flat-read", {"flat": 1, "found": 5}),
    "other": ("flat-read", {"flat": 2}),
    "word": ("number-read", {}),
    "place": ("../flat-read", {"../flat": 1}),
}


@pytest.mark.parametrize("damaged", DAMAGED)
def test_a_damaged_line_of_an_addition_that_is_not_there_is_refused(
    damaged, tmp_path, refused
):
    root = tmp_path / "s"
    event, fields = DAMAGED[damaged]
    with open_session_folder(root, create=True) as folder:
        store_flat(folder)
        folder.journal.append(event, **{"found": None, "reason": ""} | fields)
    with refused(DatasetError):
        read_state(root)


def test_a_scene_of_an_extra_is_photographed(tmp_path, refused):
    with open_camera("sim:?scene=grey&width=96&height=64&noise=0") as camera:
        assert camera.describe().simulated
        camera.shoot(tmp_path / "shot")
    assert list(tmp_path.glob("shot*"))
    with refused(InputError):
        open_camera("sim:?scene=gray")


def test_an_extra_adds_to_a_session_and_a_broken_one_is_a_warning(
    extra, tmp_path, capsys
):
    (extra / "sessions" / "empty.py").write_text("NUMBER = 7\n")
    session = tmp_path / "s"
    words = ["--camera", "sim:?width=64&height=64", "--shutter", "1/400", "--yes"]
    shoot.command.main([str(session), *words], standalone_mode=False)
    assert resume(session) in {0, 1}
    assert (session / "weather.txt").read_text() == "rain"
    shot = len(read_state(session)[0].complete)
    (part,) = dict(contact_sheet(session).sections)["Weather"]
    assert f"{shot} pairs in the rain" in str(part)
    said = capsys.readouterr().err
    assert said.count("has no SessionAddition and is left out") == 1
