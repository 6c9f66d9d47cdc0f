"""Shots of a lab: their files, their truth, and the chain from the first shot to a release."""

import json
import sys

import numpy as np
import pytest

from defocus.pictures.read import read_image
from defocus.pictures.values import as_linear
from defocus.pictures.write import write_image
from research.chain import main as measure_chain
from research.lab_shots import main as make_shots

pytestmark = pytest.mark.full
SIZE = ("840", "560")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Two scenes of one pair each, of photographs of coloured squares."""
    folder = tmp_path_factory.mktemp("lab")
    draw = np.random.default_rng(3)
    (folder / "photographs").mkdir()
    for number in range(4):
        squares = draw.integers(40, 216, (50, 65, 3), np.uint8)
        photograph = squares.repeat(9, axis=0).repeat(9, axis=1)
        write_image(folder / "photographs" / f"{number}.png", photograph)
    words = [str(folder / "shots"), str(folder / "photographs"), "--size", *SIZE]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            sys, "argv", ["lab_shots", *words, "--scenes", "2", "--takes", "1"]
        )
        make_shots()
    return folder


def test_raw_and_jpeg_of_a_shot_are_one_picture(lab):
    for pair in sorted((lab / "shots" / "shots").iterdir()):
        for role in ("sharp", "blurry", "anchor"):
            developed = as_linear(read_image(pair / f"{role}.dng"))
            jpeg = as_linear(read_image(pair / f"{role}.jpg"))
            assert developed.shape == (560, 840, 3)
            assert abs(developed.mean() / jpeg.mean() - 1) < 0.05
            assert (
                np.corrcoef(developed[..., 1].ravel(), jpeg[..., 1].ravel())[0, 1]
                > 0.97
            )


def test_the_chain_goes_from_the_first_shot_to_a_verified_release(lab, monkeypatch):
    camera = f"command:{lab / 'shots' / 'rig.toml'}"
    out = lab / "chain"
    words = ["chain", camera, str(out), "--scenes", "2", "--takes", "1", "--on", "1"]
    monkeypatch.setattr(sys, "argv", words)
    measure_chain()
    measured = json.loads((out / "chain.json").read_text())
    codes = {one["command"].split()[1]: one["code"] for one in measured}
    said = (out / "said.txt").read_text()
    assert codes.pop("shoot") in (0, 1), said
    assert set(codes.values()) == {0}, said
