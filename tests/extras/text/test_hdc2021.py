"""The Helsinki Deblur Challenge as it lies on its server."""

import itertools
from pathlib import Path

import numpy as np

from defocus.datasets.api import check_dataset, open_dataset, reader_card
from defocus.pictures.read import read_image
from tests.datasets.conftest import tree
from tests.datasets.test_newer_sets import STRAY, by_id


def hdc2021(root: Path) -> Path:
    for step in (0, 13):
        for font, word in (("Times", "timesR"), ("Verdana", "verdanaRef")):
            for camera in ("CAM01", "CAM02"):
                stem = f"step{step}/{font}/{camera}/focusStep_{step}_{word}_size_30_sample_"
                tree(root, [f"{stem}{number}.tif" for number in ("0001", "0100")])
                if camera == "CAM01":
                    for number in ("0001", "0100"):
                        (root / f"{stem}{number}.txt").write_text(
                            f"a{step}\nb{number}\nc{font}\n"
                        )
        for camera, target in itertools.product(
            ("CAM01", "CAM02"), ("LSF_X", "LSF_Y", "PSF")
        ):
            tree(root, [f"step{step}/Times/{camera}/focusStep_{step}_{target}.tif"])
    return tree(root, STRAY)


def test_hdc2021_has_the_true_text_and_keeps_a_text_in_one_split(tmp_path):
    dataset = open_dataset(f"hdc2021:{hdc2021(tmp_path)}")
    pairs = by_id(dataset)
    assert len(pairs) == 2 * 2 * 2
    pair = pairs["step13-Verdana-0100"]
    assert pair.scene == "Verdana-0100"
    assert pair.split == pairs["step00-Verdana-0100"].split
    assert pair.blurry.parent.name == "CAM02"
    assert pair.sharp is not None
    assert pair.sharp.parent.name == "CAM01"
    assert pair.sharp.name == pair.blurry.name
    assert pair.metadata["text"] == "a13\nb0100\ncVerdana\n"
    assert read_image(pair.blurry).dtype == np.uint16
    checked = check_dataset(f"hdc2021:{tmp_path}")
    assert checked is not None
    assert (
        "step13/Times/CAM02/focusStep_13_timesR_size_30_sample_0002.*"
        in checked.missing
    )
    assert "step7/Verdana: nothing there" in checked.missing
    assert checked.extra == ()
    moved = pair.sharp.with_suffix(".txt").rename(pair.blurry.with_suffix(".txt"))
    again = by_id(open_dataset(f"hdc2021:{tmp_path}"))
    assert again[pair.id].metadata["text"] == moved.read_text()


def test_its_terms_are_not_known_to_permit_copies():
    assert not reader_card("hdc2021").redistributable
