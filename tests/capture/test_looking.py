"""``live --frames``: a look through the camera, on the terminal."""

import json
from pathlib import Path

import pytest
from PIL import Image as PillowImage

from tests.conftest import Run

TINY = "sim:?width=96&height=64&seed=1"


def test_a_look_through_the_camera(run: Run, tmp_path: Path) -> None:
    done = run("defocus-capture", "live", "--camera", TINY, "--frames", "2", "--picture", "x.jpg")
    assert done.returncode == 0, done.stderr
    first, _ = done.stdout.splitlines()
    assert first.startswith("sharpness ")
    assert "; edges in focus " in first
    with PillowImage.open(tmp_path / "x.jpg") as picture:
        assert picture.size == (96, 64)
    done = run("defocus-capture", "live", "--camera", TINY, "--frames", "1", "--json-lines")
    view = json.loads(done.stdout)
    assert [sum(channel) for channel in view["histogram"]] == pytest.approx([1.0] * 3, abs=1e-3)
    assert len(view["clipped_share"]) == 3


def test_a_camera_without_a_live_picture(run: Run, tmp_path: Path, virtual_folder: Path) -> None:
    (tmp_path / "hot").mkdir()
    for camera, code in ((f"gphoto2:virtual={virtual_folder}", 4), (f"folder:{tmp_path}/hot", 2)):
        done = run("defocus-capture", "live", "--frames", "1", "--camera", camera)
        assert done.returncode == code
    assert "has no live view" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--blurry", "f/2"), "--blurry is for shooting; name a SESSION"),
        (("s", "--frames", "1"), "--frames is for looking only; leave SESSION out"),
        (("--json-lines",), "--picture and --json-lines go with --frames N"),
    ],
)
def test_looking_and_shooting_have_options_of_their_own(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    done = run("defocus-capture", "live", "--camera", TINY, *words)
    assert done.returncode == 2
    assert said in done.stderr
