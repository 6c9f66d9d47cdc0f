"""Ten and twelve bits in sixteen: one rule for files, pairs, datasets and arrays."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from defocus.align.flow.by_name import flow_estimator
from defocus.baselines.registry import baseline
from defocus.datasets.api import open_dataset
from defocus.datasets.manifest import (
    MANIFEST,
    make_manifest,
    read_manifest,
    write_manifest,
)
from defocus.datasets.measuring.kept import pair_key
from defocus.datasets.opening import reading_of_files
from defocus.datasets.release.pictures import released_members
from defocus.errors import ImageError
from defocus.front.pairs import measure_pair
from defocus.front.pictures import pictures, two_pictures
from defocus.front.scores import score
from defocus.pictures.heif import jpeg_xl_bits
from defocus.pictures.read import (
    read_blurry,
    read_image,
    read_own_picture,
    read_pair,
    read_stored,
    read_two_cameras,
)
from defocus.pictures.values import FULL, as_float, compressed, is_read_anew, stretched
from defocus.restoration.run import restore_pictures
from defocus.restoration.settings import RestoreSettings
from tests.pictures.corpus import deep, grey, linear_dng, packed, scene

DARK = (deep() // 40).astype(np.uint16)
"""Sixteen bits of a dark scene; no value is above 4095."""


def stored(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", picture[:, :, ::-1])[1].tobytes())
    return path


def pairs(root: Path, bits: int, count: int = 2) -> Path:
    """A folder of pairs with so many bits in use; 8 are stored in 8, others in 16."""
    for number in range(count):
        sharp = deep(scene(number))
        sharp[0, 0], sharp[0, 1] = 0, FULL
        blurry = cv2.GaussianBlur(sharp, (0, 0), 1.5)
        for role, picture in (("blurry", blurry), ("sharp", sharp)):
            reduced = picture >> (16 - bits)
            stored(
                root / role / f"p{number}.png",
                reduced.astype(np.uint8 if bits == 8 else "u2"),
            )
    return root


@pytest.mark.parametrize(
    ("bits", "white"), [(10, 1023), (12, 4095), (14, FULL), (16, FULL)]
)
def test_a_file_is_read_with_the_white_that_its_values_say(
    tmp_path, bits, white, capsys
):
    path = stored(tmp_path / "a.png", deep() >> (16 - bits))
    picture = read_image(path)
    expected = deep() / FULL if white < FULL else (deep() >> (16 - bits)) / FULL
    np.testing.assert_allclose(as_float(picture), expected, atol=2 / 1023)
    assert read_own_picture(path).white == white
    np.testing.assert_allclose(
        read_own_picture(path).colours(), as_float(picture), atol=1e-4
    )
    assert (f"so white is taken as {white}" in capsys.readouterr().err) == (
        white < FULL
    )


def test_a_given_white_counts_and_one_that_is_too_low_is_refused(tmp_path, refused):
    path = stored(tmp_path / "a.png", DARK)
    np.testing.assert_array_equal(read_image(path, FULL), DARK)
    with refused(ImageError):
        read_image(path, 1023)


def test_eight_bits_in_sixteen_are_asked_about_and_not_changed(tmp_path, capsys):
    path = stored(tmp_path / "a.png", scene().astype(np.uint16))
    np.testing.assert_array_equal(read_image(path), scene())
    assert (
        "values of 16 bits reach 250 alone; are they 8 bits in 16?"
        in capsys.readouterr().err
    )
    (remark,) = read_own_picture(path).metadata.remarks
    assert remark.text.endswith("are they 8 bits in 16? --white 255 if they are")


def test_a_pair_has_one_white(tmp_path):
    dark, bright = (
        stored(tmp_path / "a.png", DARK),
        stored(tmp_path / "b.png", DARK * 3),
    )
    for files in ((dark, bright), (bright, dark)):
        first, second = read_pair(*files)
        both = {dark: DARK, bright: DARK * 3}
        np.testing.assert_array_equal(first, both[files[0]])
        np.testing.assert_array_equal(second, both[files[1]])
    np.testing.assert_array_equal(read_blurry(dark, bright, FULL), DARK)


def test_stretched_values_come_back():
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    assert stretched(values, 4095).max() == FULL
    np.testing.assert_array_equal(compressed(stretched(values, 4095), 4095), values)


def test_a_dataset_of_twelve_bits_is_read_as_that_of_eight(tmp_path, capsys):
    twelve = open_dataset(f"pairs:{pairs(tmp_path / 'p12', 12)}")
    eight = open_dataset(f"pairs:{pairs(tmp_path / 'p8', 8)}")
    said = capsys.readouterr().err
    assert (
        "pairs:p12: 12 bits in 16: values reach 4095, so white is taken as 4095" in said
    )
    assert "p8" not in said
    for one, other in zip(twelve.pairs, eight.pairs, strict=True):
        first = as_float(read_blurry(one.blurry, one.sharp, one.white))
        second = as_float(read_blurry(other.blurry, other.sharp, other.white))
        np.testing.assert_allclose(first, second, atol=1 / 255)


MAPPING = """white = 16383
[[parts]]
split = "test"
blurry = "blurry/{name}.*"
sharp = "sharp/{name}.*"
"""


@pytest.mark.parametrize("content", ["white = 16383\n", MAPPING])
def test_the_white_that_is_asked_for_can_be_stated(tmp_path, capsys, content):
    root = pairs(tmp_path / f"p{len(content)}", 14)
    open_dataset(f"pairs:{root}")
    asked = capsys.readouterr().err
    assert "are they 14 bits in 16? If they are, state white = 16383 in a" in asked
    mapping = root / "white.toml"
    mapping.write_text(content)
    stated = open_dataset(f"pairs:{mapping}").pairs
    assert "bits" not in capsys.readouterr().err
    eight = open_dataset(f"pairs:{pairs(tmp_path / 'p8', 8)}").pairs
    for one, other in zip(stated, eight, strict=True):
        assert one.white == 16383
        first = as_float(read_blurry(one.blurry, one.sharp, one.white))
        second = as_float(read_blurry(other.blurry, other.sharp, other.white))
        np.testing.assert_allclose(first, second, atol=1 / 255)
    write_manifest(root, make_manifest(root, stated))
    assert {pair.white for pair in open_dataset(f"manifest:{root}").pairs} == {16383}


def test_a_dark_picture_of_a_dataset_of_sixteen_bits_stays_dark(tmp_path):
    root = pairs(tmp_path / "p16", 16)
    stored(root / "blurry" / "z.png", DARK)
    stored(root / "sharp" / "z.png", DARK)
    dataset = open_dataset(f"pairs:{root}")
    dark = next(one for one in dataset.pairs if one.id == "z")
    assert dark.white == FULL
    np.testing.assert_array_equal(
        read_blurry(dark.blurry, dark.sharp, dark.white), DARK
    )


def test_another_reading_is_another_dataset_and_another_measurement(tmp_path):
    dis = flow_estimator("dis")
    (pair,) = open_dataset(f"pairs:{pairs(tmp_path / 'p12', 12, 1)}").pairs
    assert pair_key(pair, dis) != pair_key(replace(pair, white=FULL), dis)
    root = tmp_path / "kept"
    whites = {}
    for white in (4095, FULL):
        folder = root / str(white)
        files = {}
        for role in ("blurry", "sharp"):
            files[role] = folder / f"{role}.png"
            files[role].parent.mkdir(parents=True, exist_ok=True)
            files[role].write_bytes(getattr(pair, role).read_bytes())
        kept = replace(pair, white=white, **files)
        write_manifest(folder, make_manifest(folder, (kept,)))
        assert read_manifest(folder).pairs[0].white == (4095 if white == 4095 else None)
        whites[white] = open_dataset(f"manifest:{folder}").content_hash
    assert '"white": 4095' in (root / "4095" / MANIFEST).read_text()
    document = (root / str(FULL) / MANIFEST).read_text()
    document = document.replace('"split":', f'"white": {FULL},\n   "split":')
    (root / str(FULL) / MANIFEST).write_text(document)
    assert open_dataset(f"manifest:{root / str(FULL)}").content_hash != whites[4095]


def test_a_release_has_all_bits(tmp_path):
    (pair,) = open_dataset(f"pairs:{pairs(tmp_path / 'p12', 12, 1)}").pairs
    content = released_members(pair)["sharp"]
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.max() == FULL


@pytest.fixture
def twelve():
    sharp = deep() >> 4
    sharp[0, 0] = 4095
    return cv2.GaussianBlur(sharp, (0, 0), 1.5), sharp


def test_arrays_are_asked_about_as_files_are(twelve, capsys):
    blurry, sharp = twelve
    guess = score(blurry, sharp, metrics=["psnr"])
    assert (
        "so white is taken as 4095; give white=65535 if it is that"
        in capsys.readouterr().err
    )
    assert guess == score(blurry, sharp, metrics=["psnr"], white=4095)
    floats = score(*(one / 4095 for one in twelve), metrics=["psnr"])
    assert guess["psnr"] == pytest.approx(floats["psnr"], abs=1e-3)
    assert (
        score(blurry, sharp, metrics=["psnr"], white=FULL)["psnr"] > guess["psnr"] + 20
    )


def test_an_array_comes_back_with_its_own_white(twelve):
    given = pictures(twelve[1], "picture")
    np.testing.assert_array_equal(given.alike(given.pixels), twelve[1])
    first, second = two_pictures(twelve[0] // 2, twelve[1])
    assert first.white == second.white == 4095


def test_an_array_above_its_white_is_refused(twelve):
    with pytest.raises(ImageError, match="values reach 4095, but white is 1000"):
        pictures(twelve[1], "picture", white=1000)


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_the_white_of_a_dataset_is_found_whatever_a_suffix_says(tmp_path, name):
    root = pairs(tmp_path / "p12", 12, 1)
    for role in ("blurry", "sharp"):
        (file,) = (root / role).iterdir()
        file.rename(file.with_name(name))
    (pair,) = open_dataset(f"pairs:{root}").pairs
    assert pair.white == 4095


def test_two_cameras_have_one_white(tmp_path):
    bright = deep() >> 4
    dark = stored(tmp_path / "dark.png", bright // 5)
    sharp = stored(tmp_path / "bright.png", bright)
    blurry, whole = read_two_cameras(dark, sharp)
    assert blurry.mean() == pytest.approx(whole.mean() / 5, rel=0.01)


@pytest.mark.parametrize("white", [0, -1, 70_000, "4095", True])
def test_a_white_that_is_none_is_refused(white, twelve, refused):
    with refused(ImageError):
        measure_pair(*twelve, white=white)


def test_a_dark_raw_file_is_not_stretched(tmp_path):
    path = tmp_path / "a.dng"
    path.write_bytes(linear_dng((deep() // 400).astype(np.uint16)))
    assert read_image(path).max() < 16_000
    assert read_own_picture(path).white == FULL


def test_a_dark_picture_of_a_dataset_is_restored_as_the_dataset_reads_it(tmp_path):
    root = pairs(tmp_path / "p16", 16)
    for role in ("blurry", "sharp"):
        stored(root / role / "z.png", DARK)
    settings = RestoreSettings(out=tmp_path / "out", tile=0, strength=0, no_guard=True)
    rows = restore_pictures(
        f"pairs:{root}", baseline("input"), None, torch.device("cpu"), settings
    )
    assert rows
    for row in rows:
        assert not any("white is taken as" in one for one in row.remarks), row.image
    assert read_own_picture(root / "blurry" / "z.png", deep_white=FULL).white == FULL
    assert read_own_picture(root / "blurry" / "z.png").white == 4095


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_a_dark_tiff_that_states_its_bits_is_not_stretched(tmp_path, capsys, bits):
    path = tmp_path / "a.tif"
    path.write_bytes(packed(deep(grey()) >> (20 - bits), bits))
    picture = read_stored(path)
    assert picture.max() <= 4095
    np.testing.assert_array_equal(read_image(path)[:, :, 0], picture)
    assert read_own_picture(path).white == FULL
    reading = reading_of_files([path])
    assert (reading.white, reading.remarks) == (FULL, ())
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_white_of_packed_bits_is_white(tmp_path, bits):
    path = tmp_path / "a.tif"
    values = deep(grey()) >> (16 - bits)
    values[0, 0] = 2**bits - 1
    path.write_bytes(packed(values, bits))
    exactly = np.rint(values * (FULL / (2**bits - 1)))
    np.testing.assert_array_equal(read_stored(path), exactly)
    assert is_read_anew(path)


@pytest.mark.parametrize("bits", range(9, 16))
@pytest.mark.parametrize("in_boxes", [False, True])
def test_the_bits_that_a_jpeg_xl_states_say_its_white(tmp_path, capsys, bits, in_boxes):
    codecs = pytest.importorskip("imagecodecs")
    dark = (deep() >> (16 - bits)) // 6
    settings = {"lossless": True, "bitspersample": bits, "usecontainer": in_boxes}
    path = tmp_path / "a.jxl"
    path.write_bytes(codecs.jpegxl_encode(dark, **settings))
    exactly = np.rint(dark * (FULL / (2**bits - 1)))
    np.testing.assert_array_equal(read_image(path), exactly)
    assert read_own_picture(path).white == FULL
    assert "white" not in capsys.readouterr().err
    assert is_read_anew(path)


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_the_bits_of_other_jpeg_xl(kind):
    codecs = pytest.importorskip("imagecodecs")
    values = {"u1": scene(), "u2": deep(), "f4": (scene() / 255).astype("f4")}
    content = codecs.jpegxl_encode(values[kind], lossless=True)
    assert jpeg_xl_bits(content) == {"u1": 8, "u2": 16, "f4": 0}[kind]
    assert jpeg_xl_bits(content[:3]) in range(33)
