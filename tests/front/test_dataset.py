"""Datasets whose pictures are arrays."""

import numpy as np

import defocus
from defocus.errors import DatasetError, ImageError
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image


def test_the_sample_has_arrays_of_all_that_is_known():
    dataset = defocus.open_dataset("sample")
    pair = dataset[1]
    assert (len(dataset), pair.id, pair.scene, pair.split) == (
        24,
        "cafe",
        "cafe",
        "test",
    )
    assert pair.blurry.shape == (160, 240, 3)
    assert pair.blurry.dtype == np.uint16
    np.testing.assert_array_equal(pair.blurry, read_image(pair.files.blurry))
    for picture in (pair.sharp, pair.truth):
        assert picture.shape == pair.blurry.shape
    assert pair.flow.shape == (2, 160, 240)
    assert pair.defocus_map.shape == (160, 240)
    assert pair.flow.dtype == pair.defocus_map.dtype == np.float32
    assert pair.blurry is pair.blurry  # read once
    assert "lens" in pair.metadata


def test_splits_slices_and_iteration(refused):
    dataset = defocus.open_dataset("sample")
    test = dataset.split("test")
    names = [pair.id for pair in test]
    assert names == sorted(names)
    assert names[:3] == ["cafe", "cat", "engine"]
    assert [pair.id for pair in test[1:3]] == ["cat", "engine"]
    assert test[-1].id == names[-1] == "yard"
    assert len(test[:2].split("train")) == 0
    assert repr(test) == "Dataset('sample', 16 pairs)"
    with refused(IndexError):
        test[16]


def test_pictures_of_ones_own_are_read_when_they_are_asked_for(tmp_path, refused):
    for role in ("blurry", "sharp"):
        (tmp_path / role).mkdir()
        write_image(tmp_path / role / "a.png", np.full((16, 20, 3), 7, np.uint8))
    pair = defocus.open_dataset(f"pairs:{tmp_path}")[0]
    assert pair.truth is None
    assert pair.flow is None
    assert pair.defocus_map is None
    pair.files.blurry.write_bytes(b"no picture")
    assert pair.sharp.dtype == np.uint8
    with refused(ImageError):
        assert pair.blurry is None
    with refused(DatasetError):
        defocus.open_dataset(f"pairs:{tmp_path / 'gone'}")
