"""Pictures made from others keep what their files hold, and say once what they leave out."""

import json
import struct

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL.TiffImagePlugin import IFDRational

from defocus.pictures.carried import left_behind
from defocus.pictures.metadata import inventory
from defocus.pictures.png import PNG_HEAD_BYTES, png_chunk

COLOUR_CODE = b"\x09\x10\x00\x01"
"""Of BT.2100 with the curve PQ."""
LENS, EXPOSURE, SERIAL, TURN = 42036, 33434, 42033, 274


def pictures():
    noise = np.random.default_rng(0).normal(0.5, 0.25, (128, 160, 3))
    sharp = cv2.GaussianBlur(noise, (0, 0), 1.0)
    sharp = (255 * (sharp - sharp.min()) / np.ptp(sharp)).astype(np.uint8)
    return cv2.GaussianBlur(sharp, (0, 0), 1.5), sharp


def of_camera(path, pixels, **settings: object):
    """A picture with exposure, lens, serial number, a turn and, of PNG, colours of HDR."""
    exif = Pillow.Exif()
    exif[TURN] = 6
    exif.get_ifd(34665).update(
        {EXPOSURE: IFDRational(1, 2), LENS: "Lens 50 mm", SERIAL: "4711"}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(pixels).save(path, exif=exif, **settings)
    if path.suffix == ".png":
        png = path.read_bytes()
        chunk = png_chunk(b"cICP", COLOUR_CODE)
        path.write_bytes(png[:PNG_HEAD_BYTES] + chunk + png[PNG_HEAD_BYTES:])
    return path


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("set")
    for role, pixels in zip(("blurry", "sharp"), pictures(), strict=True):
        of_camera(root / role / "a.png", pixels)
        of_camera(
            root / role / "b.jpg",
            pixels,
            quality=95,
            dpi=(300, 300),
            comment=role.encode(),
        )
    return root


def held(path):
    return {
        f"{one.kind} {one.name}": one.content for one in inventory(path.read_bytes())
    }


def require_carried(folder):
    facts = held(folder)
    assert facts["EXIF LensModel"].startswith(b"Lens 50 mm")
    assert struct.unpack("<II", facts["EXIF ExposureTime"]) == (1, 2)
    # masks and arrays lie on the stored pixels
    assert facts["EXIF Orientation"] == b"\1\0"


def test_what_pictures_lack_is_counted(tmp_path):
    pixels = np.zeros((8, 8, 3), np.uint8)
    files = [
        of_camera(tmp_path / f"{one}.jpg", pixels, comment=b"c" * one) for one in (0, 1)
    ]
    (tmp_path / "empty.jpg").touch()
    bare = cv2.imencode(".png", pixels)[1].tobytes()
    without = [
        (one, bare) for one in (*files, tmp_path / "empty.jpg", tmp_path / "a.nef")
    ]
    lines = [str(one) for one in left_behind(without)]
    names = (
        "EXIF (Orientation ExposureTime BodySerialNumber LensModel) of 2 of 4 pictures"
    )
    assert [one for one in lines if not one.startswith("resolution")] == [
        names, "comment of 1 of 4 pictures", "maker notes and XMP of RAW files of 1 of 4 pictures",
    ]  # fmt: skip
    assert left_behind([(tmp_path / "empty.jpg", bare)]) == ()


def test_a_compensated_dataset_has_what_its_files_hold(dataset, tmp_path, data):
    out = tmp_path / "out"
    result = data("compensate", f"pairs:{dataset}", "--out", out, "--json")
    words = "the new pictures are without EXIF (Orientation) of all 4 pictures"
    assert result.stderr.count(words) == 1
    facts = json.loads(result.stdout)["left_behind"]
    assert facts == [{"kind": "EXIF", "names": ["Orientation"], "pictures": 4}]
    pictures = sorted(out.glob("pairs/*/*.png"))
    for path in pictures:
        if path.stem in {"blurry", "sharp"}:
            require_carried(path)
    assert sum("comment " in held(path) for path in pictures) == 2
    assert sum("colour chunks cICP" in held(path) for path in pictures) == 2


def test_a_release_says_how_but_not_by_whom(dataset, tmp_path, data):
    out = tmp_path / "out"
    order = ("package", f"pairs:{dataset}", "--to", "folder", "--out", out, "--json")
    result = data(*order)
    facts = {one["kind"]: one for one in json.loads(result.stdout)["left_behind"]}
    assert set(facts["EXIF"]["names"]) == {"Orientation", "BodySerialNumber"}
    assert facts["comment"]["pictures"] == 2
    pictures = sorted(out.rglob("*.png"))
    for path in pictures:
        assert held(path)["EXIF LensModel"].startswith(b"Lens 50 mm")
        assert b"4711" not in path.read_bytes()
    assert sum("colour chunks cICP" in held(path) for path in pictures) == 2


def test_patches_have_their_colours_alone(dataset, tmp_path, data):
    for role in ("blurry", "sharp"):
        picture = dataset / role / "a.png"
        copy = tmp_path / "set" / "train" / role / "a.png"
        copy.parent.mkdir(parents=True)
        copy.write_bytes(picture.read_bytes())
    order = (
        "patches",
        f"pairs:{tmp_path / 'set'}",
        "--out",
        tmp_path / "out",
        "--side",
        "64",
    )
    data(*order)
    assert {frozenset(held(one)) for one in (tmp_path / "out").rglob("*.png")} == {
        frozenset({"colour chunks cICP"})
    }
