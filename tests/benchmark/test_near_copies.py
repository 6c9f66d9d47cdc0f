"""A study names test pictures that resemble pictures of training, as the audit finds them."""

import json

import cv2
import numpy as np
import pytest
import skimage.data

from defocus.benchmark.study.changed_sources import write_study
from defocus.benchmark.study.near_copies import NearCopy, near_copies
from defocus.benchmark.study.plan import Study
from defocus.datasets.api import open_dataset
from tests.datasets.conftest import put


@pytest.fixture
def dataset(tmp_path):
    """One training pair is cut out of the test picture and mirrored, one is of another scene."""
    shown = skimage.data.astronaut()
    pictures = {
        "test/{}/whole": shown,
        "train/{}/patch": np.ascontiguousarray(shown[60:260, 350:150:-1]),
        "train/{}/other": skimage.data.coffee(),
        "validation/{}/more": skimage.data.chelsea(),
    }
    for name, picture in pictures.items():
        put(tmp_path / "set" / f"{name.format('sharp')}.png", picture)
        put(
            tmp_path / "set" / f"{name.format('blurry')}.png", cv2.blur(picture, (5, 5))
        )
    return open_dataset(f"pairs:{tmp_path / 'set'}")


def test_the_file_of_a_study_and_a_line_name_both_pictures(
    dataset, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("defocus.progress.said_once", set())
    assert near_copies(dataset) == (
        NearCopy("test-whole", "train-patch", "train", "part, mirrored"),
    )
    (tmp_path / "out").mkdir()
    write_study([Study(tmp_path / "out", dataset, ())])
    (facts,) = json.loads((tmp_path / "out" / "study.json").read_text())["datasets"]
    assert facts["near_copies"] == [
        {
            "test": "test-whole",
            "other": "train-patch",
            "split": "train",
            "what": "part, mirrored",
        }
    ]
    assert capsys.readouterr().err == (
        "warning: 1 test picture of pairs:set resembles a picture of training: test-whole and "
        "train-patch (part, mirrored)\n"
    )
