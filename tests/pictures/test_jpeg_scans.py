"""JPEG files of several scans that lack a part."""

import io
import re

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from defocus.errors import ImageError
from defocus.pictures.read import read_image


def progressive(side: int = 200, **settings: object) -> bytes:
    drawn = np.random.default_rng(side).integers(0, 256, (side, side + 40, 3), np.uint8)
    stream = io.BytesIO()
    soft = cv2.GaussianBlur(drawn, (0, 0), 1.5)
    Pillow.fromarray(soft).save(stream, "JPEG", progressive=True, **settings)
    return stream.getvalue()


def scans(data: bytes) -> list[int]:
    return [match.start() for match in re.finditer(rb"\xff\xda\0[\x06-\x0c]", data)]


@pytest.mark.parametrize("share", [0.2, 0.3, 0.5, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("settings", [{}, {"quality": 30}, {"restart_marker_rows": 2}])
def test_cut_and_closed_is_refused(tmp_path, share, settings):
    whole = progressive(**settings)
    (tmp_path / "a.jpg").write_bytes(whole[: int(share * len(whole))] + b"\xff\xd9")
    with pytest.raises(
        ImageError, match=r"a\.jpg: (a part of the JPEG is missing|not a pic)"
    ):
        read_image(tmp_path / "a.jpg")


def test_one_that_ends_between_two_scans_is_refused(tmp_path, placeless, snapshot):
    whole, said = progressive(), set()
    assert len(scans(whole)) == 10
    for place in scans(whole)[1:]:
        (tmp_path / "a.jpg").write_bytes(whole[:place] + b"\xff\xd9")
        with pytest.raises(ImageError) as caught:
            read_image(tmp_path / "a.jpg")
        said.add(placeless(str(caught.value)))
    assert said == snapshot


@pytest.mark.parametrize("count", [b"\x01", b"\xba"])
def test_a_damaged_scan_behind_the_picture_is_refused(tmp_path, count, refused):
    """It names colours that are not there, or more than there is room for."""
    stream = io.BytesIO()
    Pillow.effect_noise((24, 24), 60).convert("RGB").save(stream, "JPEG")
    further = b"\xff\xda\0\x08" + count + b"\xbd" * 60
    (tmp_path / "a.jpg").write_bytes(stream.getvalue()[:-2] + further + b"\xff\xd9")
    with refused(ImageError):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("trailer", [b"", b"\0" * 200_000, b"\xff\xd8\xff\xd9"])
@pytest.mark.parametrize("kind", ["progressive", "baseline"])
def test_a_whole_one_is_read(tmp_path, mode, kind, trailer):
    drawn = np.random.default_rng(1).integers(0, 256, (97, 131, 3), np.uint8)
    stream = io.BytesIO()
    Pillow.fromarray(drawn).convert(mode).save(
        stream, "JPEG", progressive=kind == "progressive"
    )
    (tmp_path / "a.jpg").write_bytes(stream.getvalue() + trailer)
    assert read_image(tmp_path / "a.jpg").shape == (97, 131, 3)


def test_bytes_may_fill_the_gap_in_front_of_a_marker_and_none_begins_twice(
    tmp_path, refused
):
    stream = io.BytesIO()
    Pillow.new("RGB", (20, 10), (9, 90, 200)).save(stream, "JPEG")
    path, content = tmp_path / "a.jpg", stream.getvalue()
    path.write_bytes(content[:2] + b"\xff\xff" + content[2:])
    assert read_image(path).shape == (10, 20, 3)
    path.write_bytes(b"\xff\xd8" + content)
    with refused(ImageError):
        read_image(path)
