"""A camera of one file, given by --plugin; a broken one is a line."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from defocus.capture.links.back_ends import (
    CAMERAS,
    discover_cameras,
    open_camera,
    starts_programs,
)
from defocus.command_line.commands import command_group
from defocus.errors import CameraError, RegistryError
from defocus.plugins import extensions
from defocus.plugins.discovery import Kind

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "plug-ins.md"
(BOX,) = re.findall(
    r"`box\.py`:\n\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
)


@pytest.fixture(autouse=True)
def afresh(no_plugins, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    alone, own, brought = CAMERAS.own()["sim"], Kind.own, Kind.brought
    monkeypatch.setattr(  # the others start processes
        Kind, "own", lambda kind: {"sim": alone} if kind is CAMERAS else own(kind)
    )
    monkeypatch.setattr(
        Kind, "brought", lambda kind: [] if kind is CAMERAS else brought(kind)
    )


def capture(*words: str) -> Result:
    group = command_group("defocus-capture", "defocus.capture.commands", "")
    return CliRunner().invoke(group, list(words))


def test_the_camera_of_the_page_takes_pictures(tmp_path):
    (tmp_path / "box.py").write_text(BOX)
    result = capture("cameras", "--plugin", "box.py")
    assert "box:                           Box with a lens\n" in result.output
    result = capture("plan", "--camera", "box:", "--plugin", "box.py")
    assert result.exit_code == 0, result.output
    assert "camera      Box with a lens (box:)" in result.output
    with open_camera("box:") as camera:
        assert camera.set("aperture", "f/22") == "f/22"
        (part,) = camera.shoot(tmp_path / "sharp")
    assert part.name == "sharp.png.part"
    assert part.stat().st_size > 1000
    assert not starts_programs("box:")


def test_help_has_the_addresses_that_others_bring(tmp_path):
    (tmp_path / "box.py").write_text(f'"""A box: ``box:?lens=1``.\n\nMore."""\n{BOX}')
    shown = capture("--plugin", "box.py", "cameras", "--help").output
    assert "box:  A box: box:?lens=1.\n" in shown.partition("Further addresses:")[2]


@pytest.mark.full
def test_a_pair_is_shot_with_the_camera_of_the_page(tmp_path):
    (tmp_path / "box.py").write_text(BOX)
    shots = ("--blurry", "f/4", "--sharp", "f/22", "--scenes", "1", "--yes")
    capture("--plugin", "box.py", "shoot", "session", "--camera", "box:", *shots)
    pair = json.loads((tmp_path / "session/pairs/0001_scene-001/pair.json").read_text())
    assert "box:" in json.dumps(pair)


def test_a_broken_camera_is_a_line_that_names_its_file(tmp_path, refused):
    (tmp_path / "box.py").write_text(
        "from defocus.errors import CameraError\n\n\n"
        "def open_camera(uri):\n"
        "    if uri == 'box:lost':\n        raise CameraError('it is lost')\n"
        "    return uri.nothing\n\n\n"
        "def discover():\n    return 1 / 0\n"
    )
    extensions.load_plugin("box.py")
    with pytest.raises(
        RegistryError, match=r"box\.py:7: camera 'box:': AttributeError"
    ):
        open_camera("box:")
    with refused(CameraError):
        open_camera("box:lost")
    problems = {one.uri: one.problem for one in discover_cameras()}
    assert "ZeroDivisionError" in problems["box:"]
    assert problems["sim:"] == "", "the others are there"
    fault = "self.now[name] = value\n        return value"
    (tmp_path / "later.py").write_text(BOX.replace(fault, "return self.nothing"))
    (tmp_path / "half.py").write_text(BOX.replace("def shoot", "def shot"))
    (tmp_path / "five.py").write_text("def open_camera(uri):\n    return 5\n")
    for name, words in {
        "later": r"later\.py:\d+: camera 'later:': AttributeError",
        "half": r"half\.py:\d+: camera 'half:': TypeError: Can't instantiate .* method '?shoot",
        "five": r"five\.py: camera 'five:': TypeError: int has no 'enter'; make its class a subc",
    }.items():
        extensions.load_plugin(f"{name}.py")
        with pytest.raises(RegistryError, match=words):
            open_camera(f"{name}:").set("iso", "100")


def test_a_file_with_the_name_of_our_own_camera_is_refused(tmp_path, refused):
    (tmp_path / "sim.py").write_text(BOX)
    extensions.load_plugin("sim.py")
    with refused(RegistryError):
        open_camera("sim:")
