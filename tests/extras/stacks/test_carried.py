"""A fused picture has what its frames have besides the pixels."""

import json

import numpy as np
from PIL import Image as PillowImage

from defocus.pictures.profiles import profile_of
from tests.datasets.test_colour_profiles import WIDE
from tests.datasets.test_left_behind import (
    COLOUR_CODE,
    held,
    of_camera,
    pictures,
    require_carried,
)


def test_a_fused_picture_has_the_colours_of_its_frames(run, tmp_path):
    blurry, sharp = pictures()
    (tmp_path / "stack").mkdir()
    middle = sharp.shape[1] // 2
    for name, left, right in (("1", sharp, blurry), ("2", blurry, sharp)):
        frame = np.concatenate([left[:, :middle], right[:, middle:]], axis=1)
        path = tmp_path / "stack" / f"{name}.png"
        PillowImage.fromarray(frame).save(path, icc_profile=WIDE)
    result = run("defocus-data", "fuse", tmp_path / "stack", "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    (picture,) = (tmp_path / "out").rglob("all-in-focus.png")
    assert profile_of(picture) == WIDE


def test_a_fused_picture_has_those_of_its_reference(tmp_path, run):
    blurry, sharp = pictures()
    for name, left, right in (("1", sharp, blurry), ("2", blurry, sharp)):
        frame = np.concatenate([left[:, :80], right[:, 80:]], axis=1)
        of_camera(tmp_path / "stack" / f"{name}.png", frame)
    result = run(
        "defocus-data", "fuse", tmp_path / "stack", "--out", tmp_path / "out", "--json"
    )
    assert result.returncode == 0, result.stderr
    (picture,) = (tmp_path / "out").rglob("all-in-focus.png")
    require_carried(picture)
    assert held(picture)["colour chunks cICP"] == COLOUR_CODE
    assert [one["names"] for one in json.loads(result.stdout)["left_behind"]] == [
        ["Orientation"]
    ]
