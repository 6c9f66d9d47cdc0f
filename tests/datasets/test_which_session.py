"""Which pairs are of one session: by the journal of a capture session, or by EXIF."""

import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from defocus.datasets.measuring import session as which_session
from defocus.datasets.measuring.session import sessions_of
from defocus.datasets.pair import Pair


def described(camera, **facts: object):
    metadata = {"camera": camera, "mode": "focus", **facts}
    return Pair("p0", "s0", "train", Path("b.png"), metadata=metadata)


BODY = {
    "model": "One", "lens": "L50", "focal_length_mm": 50.0, "serial": "0123456", "battery": "80%",
    "port": "usb:001,004", "uri": "gphoto2:serial=0123456", "shot_bytes": [1, 2],
}  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        {"battery": "75%"},
        {"port": "usb:001,007"},
        {"serial": "9876543"},
        {"shot_bytes": [3, 4]},
    ],
)
def test_what_changes_within_a_session_does_not_split_it(other):
    both = [sessions_of([described({**BODY, **one})])["p0"] for one in ({}, other)]
    assert both[0] == both[1]
    assert both[0].camera == "One, L50, 50 mm"
    for text in (both[0].optics, both[0].camera):
        assert "0123456" not in text


@pytest.mark.parametrize(
    "other",
    [
        {"model": "Two"},
        {"lens": "L85"},
        {"focal_length_mm": 85.0},
        {"focus_distance_mm": 9},
    ],
)
def test_what_decides_the_zoom_splits_a_session(other):
    first, second = (
        sessions_of([described({**BODY, **one})])["p0"] for one in ({}, other)
    )
    assert first != second
    roles = {"blurry": {"true": {"f_number": 2.0}, "exif": {"focal_length_mm": 50.0}}}
    assert sessions_of([described(BODY, roles=roles)])["p0"] != first


def test_where_only_the_aperture_changed_the_distance_may_differ_between_pairs():
    pairs = (
        described({**BODY, "focus_distance_mm": mm}, mode="aperture")
        for mm in (900, 2000)
    )
    first, second = (sessions_of([pair])["p0"] for pair in pairs)
    assert first == second


@pytest.mark.parametrize(
    ("make", "model", "shown"),
    [
        ("Canon", "Canon EOS 5D", "Canon EOS 5D, 50 mm"),
        ("NIKON CORPORATION", "NIKON Z 6", "NIKON CORPORATION NIKON Z 6, 50 mm"),
        ("SONY", "ILCE-7M3", "SONY ILCE-7M3, 50 mm"),
    ],
)
def test_no_make_is_said_twice(make, model, shown, tmp_path):
    files = [tmp_path / f"{role}.jpg" for role in ("blurry", "sharp")]
    for file in files:
        exif = Image.Exif()
        exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = make, model
        exif.get_ifd(ExifTags.IFD.Exif).update(
            {0x920A: IFDRational(50), 0x829D: IFDRational(2)}
        )
        Image.new("RGB", (8, 8)).save(file, exif=exif)
    assert sessions_of([Pair("p", "s", "train", *files)])["p"].camera == shown


TOLD = {"model": "One", "focal_length": 50.0, "f_number": 2.0}


def photograph(path, **fields: float | str):
    """A picture with EXIF."""
    exif = Image.Exif()
    below = exif.get_ifd(ExifTags.IFD.Exif)
    tags = {"focal_length": 0x920A, "f_number": 0x829D, "distance": 0x9206}
    below.update(
        {
            tags[name]: IFDRational(float(fields[name]))
            for name in tags
            if name in fields
        }
    )
    if "model" in fields:
        exif[0x0110] = fields["model"]
    Image.new("RGB", (32, 32)).save(path, exif=exif)
    return path


def pairs_of(folder, **sharp: float | str):
    """Four pairs of one camera; what is given tells of the sharp member."""
    focused = {"distance": 2.5} if "distance" in sharp else {}
    return [
        Pair(
            f"p{number}", f"s{number}", "train",
            photograph(folder / f"b{number}.jpg", **{**TOLD, **focused}),
            photograph(folder / f"s{number}.jpg", **{**TOLD, "f_number": 16.0, **sharp}),
        )
        for number in range(4)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(2**32 - 1, 1, None), (2**32 - 1, 10, None), (2**32 - 1, 2**32 - 1, None), (5, 0, None),
     (0, 0, None), (0, 1, None), (25, 10, 2.5)],
)  # fmt: skip
def test_a_distance_that_is_infinite_or_unknown_is_no_number_of_metres(
    tmp_path, numerator, denominator, expected
):
    (pair, *_) = pairs_of(tmp_path, distance=2.5)
    for member in (pair.blurry, pair.sharp or pair.blurry):
        content = member.read_bytes()
        order = {b"II": "<", b"MM": ">"}[content[content.index(b"Exif\0\0") + 6 :][:2]]
        was = struct.pack(f"{order}II", 5, 2)
        assert content.count(was) == 1
        member.write_bytes(
            content.replace(was, struct.pack(f"{order}II", numerator, denominator))
        )
    session = sessions_of([pair])["p0"]
    assert session.one_change == (expected is not None)
    distances = [distance for _, distance in json.loads(session.optics)[1]]
    assert distances == [expected, expected]


def test_exif_of_a_file_is_read_once(tmp_path, monkeypatch):
    """Also that of a sharp member which several blurry ones share."""
    read = []
    real = which_session.read_exif

    def noted(file):
        read.append(file)
        return real(file)

    monkeypatch.setattr(which_session, "read_exif", noted)
    pairs = [replace(one, sharp=tmp_path / "s0.jpg") for one in pairs_of(tmp_path)]
    assert len(set(sessions_of(pairs).values())) == 1
    assert sorted(read) == sorted([*(one.blurry for one in pairs), tmp_path / "s0.jpg"])


@pytest.mark.parametrize("kept", [0, 20, 60])
def test_damaged_exif_tells_no_session(tmp_path, kept):
    (pair, *_) = pairs_of(tmp_path)
    pair.blurry.write_bytes(pair.blurry.read_bytes()[:kept])
    assert sessions_of([pair]) == {}


def test_serial_numbers_of_exif_tell_no_session(tmp_path):
    (pair, *_) = pairs_of(tmp_path)
    alone = sessions_of([pair])["p0"]
    for number, member in enumerate((pair.blurry, pair.sharp or pair.blurry)):
        with Image.open(member) as picture:
            exif = picture.getexif()
            exif.get_ifd(ExifTags.IFD.Exif)[0xA431] = f"body {number}"
            picture.save(member, exif=exif)
    assert sessions_of([pair])["p0"] == alone


@pytest.mark.parametrize(
    "sharp", [{"focal_length": 35.0}, {"model": "Two"}, {"f_number": 0.0}]
)
def test_exif_of_two_lenses_or_without_an_aperture_is_no_session(tmp_path, sharp):
    assert sessions_of(pairs_of(tmp_path, **sharp)) == {}
