"""Which photographs a stream uses, and for what."""

import numpy as np
import pytest

from defocus.datasets.stream.photographs import (
    find_photographs,
    is_held_out,
    pixel_hash,
    read_photographs,
    refused_hashes,
)
from defocus.errors import DatasetError
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image


def test_one_photograph_in_six_is_held_out_by_its_hash_alone(photographs):
    random = np.random.default_rng(0)
    hashes = [random.bytes(32).hex() for _ in range(6000)]
    assert sum(map(is_held_out, hashes)) == pytest.approx(1000, abs=100)
    assert is_held_out("0" * 64)
    assert not is_held_out("0" * 11 + "1" + "f" * 52)
    held_out, training = photographs.of("held-out"), photographs.of("train")
    assert held_out
    assert training
    assert not set(held_out) & set(training)
    assert len(held_out) + len(training) == len(photographs.files)


def test_names_places_and_copies_change_nothing(photographs, tmp_path):
    for number, (path, _) in enumerate(reversed(photographs.files)):
        folder = tmp_path / f"part-{number % 2}"
        folder.mkdir(exist_ok=True)
        for name in (f"{number}.png", f"copy of {number}.png"):
            (folder / name).write_bytes(path.read_bytes())
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "thumbnail.png").write_bytes(b"not looked at")
    (tmp_path / "notes.txt").write_text("no picture")
    pictures = find_photographs(tmp_path)
    assert [sha256 for _, sha256 in pictures.files] == [
        sha256 for _, sha256 in photographs.files
    ]


def test_pictures_of_the_sample_dataset_never_get_in(
    photographs, tmp_path, capsys, refused
):
    from skimage import data

    left, right, _ = data.stereo_motorcycle()
    used = [data.astronaut(), data.coffee(), data.retina(), left, right, data.camera()]
    for number, picture in enumerate(used):
        pixels = (
            picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
        )
        assert pixel_hash(pixels) in refused_hashes()
        write_image(tmp_path / f"{number}.png", pixels)
    theirs = sorted(tmp_path.iterdir())
    read = read_photographs([*photographs.of("train"), *theirs])
    assert len(read) == len(photographs.of("train"))
    assert "0.png (and 5 more) belongs to the sample dataset" in capsys.readouterr().err
    with refused(DatasetError):
        read_photographs(theirs)


def test_every_picture_of_the_sample_is_on_the_list():
    from skimage import data

    from defocus.datasets.sample import SCENES

    names = {name for scene in SCENES for name in scene.pictures} - {
        "stereo_motorcycle"
    }
    assert len(names) >= 10
    for name in names:
        picture = getattr(data, name)()
        pixels = (
            picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
        )
        assert pixel_hash(np.ascontiguousarray(pixels[:, :, :3])) in refused_hashes(), (
            name
        )


def test_photographs_that_cannot_be_read_are_left_out_by_name(
    photographs, tmp_path, capsys, refused
):
    whole = photographs.files[0][0].read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "nowhere.png").symlink_to("there.png")
    (tmp_path / "whole.png").write_bytes(whole)
    pictures = find_photographs(tmp_path)
    assert (
        f"photograph {tmp_path}/nowhere.png is left out: a link to"
        in capsys.readouterr().err
    )
    assert len(read_photographs([path for path, _ in pictures.files])) == 1
    message = f"photograph {tmp_path}/cut.png is left out: the file is cut short"
    assert message in capsys.readouterr().err
    with refused(DatasetError):
        read_photographs([tmp_path / "cut.png"])


def test_crops_have_the_size_asked_for_and_the_light_of_the_photograph(photographs):
    random = np.random.default_rng(3)
    (photograph,) = read_photographs(photographs.files[0][:1])
    stored = read_image(photographs.files[0][0]).astype(float) / 255
    for size in ((16, 90), (128, 128), (199, 240), (260, 250), (500, 30)):
        crop = photograph.crop(random, *size)
        assert crop.shape == (*size, 3)
        assert crop.dtype == np.float32
        assert crop.flags.c_contiguous
        assert crop.min() >= 0
        assert crop.max() <= 1
    light = np.where(
        stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4
    )
    means = [photograph.crop(random, 128, 128).mean() for _ in range(40)]
    assert np.mean(means) == pytest.approx(light.mean(), rel=0.2)
