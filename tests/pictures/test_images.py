import gc
import io
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from defocus.errors import DefocusError, ImageError
from defocus.pictures.read import read_image, read_pair
from defocus.pictures.values import (
    as_float,
    as_linear,
    bit_depth,
    linear_to_srgb,
    srgb_to_linear,
)
from defocus.pictures.write import encoded_jpeg, write_image
from tests.capture.raw_sessions import bayer_dng
from tests.command_process import run_python


def picture(seed: int, dtype: type, height: int = 20, width: int = 30) -> np.ndarray:
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(
        0, top, (height, width, 3), dtype, endpoint=True
    )


def test_a_picture_that_memory_does_not_hold_is_not_called_damaged(
    tmp_path, monkeypatch
):
    write_image(tmp_path / "a.png", np.zeros((3, 4, 3), np.uint8))

    def without_memory(*_: object) -> None:
        os.write(2, b"libpng error: IDAT: insufficient memory\n")

    monkeypatch.setattr(cv2, "imdecode", without_memory)
    with pytest.raises(DefocusError, match=r"a\.png: there is too little memory"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_an_encoder_without_memory_is_told_as_such(tmp_path, monkeypatch, suffix):
    """OpenCV's encoders say that they failed, not why."""
    monkeypatch.setattr(cv2, "imencode", lambda *_: (False, None))
    monkeypatch.setattr(cv2, "imwrite", lambda *_: False)
    with pytest.raises(MemoryError):
        write_image(tmp_path / f"a{suffix}", picture(3, np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_its_format_cannot_hold_is_no_lack_of_memory(tmp_path):
    wide = np.zeros((2, 70_000, 3), np.uint8)
    with pytest.raises(
        ImageError, match=r"a\.jpg: \.jpg holds no side of 70000 px, but 65500"
    ):
        write_image(tmp_path / "a.jpg", wide)
    with pytest.raises(
        ImageError, match=r"^a picture: \.jpg holds no side of 70000 px"
    ):
        encoded_jpeg(wide)
    with pytest.raises(ImageError, match=r"no encoder for \.xyz; use \.png"):
        write_image(tmp_path / "a.xyz", wide)


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(".png", np.uint8), (".tif", np.uint8), (".bmp", np.uint8), (".png", np.uint16),
     (".tif", np.uint16)],
)  # fmt: skip
def test_pictures_come_back_exactly(tmp_path, suffix, dtype):
    image = picture(1, dtype)
    write_image(tmp_path / f"a{suffix}", image)
    back = read_image(tmp_path / f"a{suffix}")
    assert bit_depth(back) == 8 * np.dtype(dtype).itemsize
    np.testing.assert_array_equal(back, image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("works", [True, False], ids=["streamed", "refused by OpenCV"])
def test_a_png_has_the_same_bytes_however_it_gets_onto_the_disk(
    tmp_path, monkeypatch, dtype, *, works
):
    image = picture(5, dtype)
    if not works:  # as on a full disk: a part is written
        monkeypatch.setattr(
            cv2, "imwrite", lambda path, _: bool(Path(path).write_bytes(b"\x89P"))
        )
    for pixels, name in ((image, "colour.png"), (image[:, :, 1], "grey.png")):
        write_image(tmp_path / name, pixels)
        expected = cv2.imencode(
            ".png", pixels if pixels.ndim == 2 else pixels[:, :, ::-1]
        )[1]
        assert (tmp_path / name).read_bytes() == expected.tobytes()


WRITE_LARGE = """
import sys
from pathlib import Path
import numpy as np
from defocus.pictures.write import write_image
grey = np.random.default_rng(0).integers(0, 2**16, (3000, 3000), np.uint16)
write_image(Path(sys.argv[1], "small.png"), grey[:8, :8])
Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
most = lambda: int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
before = most()
write_image(Path(sys.argv[1], "large.png"), grey)
print((most() - before) / 1024)
"""


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")
def test_writing_a_png_takes_no_memory_for_its_bytes(tmp_path):
    said = run_python(WRITE_LARGE, tmp_path).stdout
    assert (tmp_path / "large.png").stat().st_size > 17_000_000
    assert float(said) < 8


@pytest.mark.parametrize("planes", [False, True], ids=["by OpenCV", "by tifffile"])
def test_a_tiff_that_was_read_leaves_no_content_behind(tmp_path, planes):
    """Its objects refer to each other: without collecting them a file stayed in memory."""
    pixels = np.zeros((3, 500, 600) if planes else (500, 600, 3), np.uint16)
    layout = "separate" if planes else "contig"
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", planarconfig=layout)
    read_image(tmp_path / "a.tif")  # imports
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(3):
            assert read_image(tmp_path / "a.tif").shape == (500, 600, 3)
        assert tracemalloc.get_traced_memory()[0] < pixels.nbytes / 2
    finally:
        tracemalloc.stop()
        gc.enable()


def test_sixteen_bits_into_jpeg_are_refused(tmp_path, refused):
    with refused(ImageError):
        write_image(tmp_path / "a.jpg", picture(3, np.uint16))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", " with a thumbnail.jpg"])
def test_a_truncated_picture_is_refused(tmp_path, suffix, capfd):
    path, exif = tmp_path / f"a{suffix}", Pillow.Exif()
    exif[0x010E] = "thumbnail ends here: \u00ff"
    more = {"exif": exif.tobytes() + b"\xff\xd9"} if "thumbnail" in suffix else {}
    Pillow.fromarray(picture(4, np.uint8, 200, 200)).save(path, **more)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ImageError, match=r"cut short|copy it again") as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert capfd.readouterr() == ("", "")  # OpenCV's own lines are left out


def test_a_pair_of_two_sizes_names_both(tmp_path, refused):
    write_image(tmp_path / "blurry.png", picture(5, np.uint8, 20, 30))
    write_image(tmp_path / "sharp.png", picture(5, np.uint8, 20, 31))
    with refused(ImageError):
        read_pair(tmp_path / "blurry.png", tmp_path / "sharp.png")


def test_srgb_is_inverted_and_has_its_known_values():
    values = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(
        linear_to_srgb(srgb_to_linear(values)), values, atol=1e-12
    )
    # IEC 61966-2-1: mid grey 0.5 is 0.21404 in linear light
    assert srgb_to_linear(np.array(0.5)) == pytest.approx(0.2140411, abs=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("dimensions", [1, 3, 4])
def test_the_table_of_linear_light_is_equal_to_the_bit(dtype, dimensions):
    every = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    image = every.reshape((1,) * (dimensions - 1) + (-1,))
    np.testing.assert_array_equal(as_linear(image), srgb_to_linear(as_float(image)))


def test_raw_pairs_are_developed_with_one_white_balance(tmp_path):
    light = np.linspace(0.1, 0.9, 64 * 64).reshape(64, 64)
    for name, neutral in (("blurry", (0.50, 1.0, 0.60)), ("sharp", (0.47, 1.0, 0.64))):
        bayer_dng(tmp_path / f"{name}.dng", light, neutral=neutral)
    blurry, sharp = read_pair(tmp_path / "blurry.dng", tmp_path / "sharp.dng")
    assert blurry.dtype == np.uint16
    np.testing.assert_array_equal(blurry, sharp)
    alone = read_image(tmp_path / "blurry.dng")
    assert np.any(alone != sharp), (
        "the files' own white balances differ, so this must too"
    )


def jpeg(seed: int, **settings: int) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(picture(seed, np.uint8, 200, 300)).save(stream, "JPEG", **settings)
    return stream.getvalue()


def test_a_jpeg_without_its_middle_is_refused(tmp_path, placeless, snapshot):
    said = set()
    for settings in ({}, {"restart_marker_rows": 1}, {"restart_marker_blocks": 7}):
        whole = jpeg(4, **settings)
        for start in range(2000, len(whole) - 12_000, 7000):
            (tmp_path / "a.jpg").write_bytes(whole[:start] + whole[start + 10_000 :])
            with pytest.raises(ImageError) as caught:
                read_image(tmp_path / "a.jpg")
            said.add(placeless(str(caught.value)))
    assert said == snapshot


@pytest.mark.parametrize(
    "settings", [{}, {"restart_marker_rows": 1}, {"progressive": True}]
)
def test_a_whole_jpeg_that_ends_mid_grey_is_read(tmp_path, settings, capfd):
    Pillow.new("RGB", (203, 107), (128, 128, 128)).save(
        tmp_path / "grey.jpg", **settings
    )
    assert np.all(read_image(tmp_path / "grey.jpg") == 128)


HEADERS: dict[str, Callable[[int, int], bytes]] = {
    ".png": lambda width, height: struct.pack(">II", width, height),
    ".jpg": lambda width, height: struct.pack(">HH", height, width),
    ".bmp": lambda width, height: struct.pack("<II", width, height),
}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_an_oversize_picture_is_refused_before_it_is_decoded(
    tmp_path, suffix, monkeypatch, refused
):
    """A small one whose header says that it has 30000 x 20000 pixels."""
    file = tmp_path / f"bomb{suffix}"
    write_image(file, np.zeros((7, 5, 3), np.uint8))
    if suffix == ".tif":
        with tifffile.TiffFile(file, mode="r+b") as opened:
            for tag, side in ((256, 30000), (257, 20000)):
                opened.pages.first.tags[tag].overwrite(side)
    else:
        data, sides = file.read_bytes(), HEADERS[suffix]
        assert data.count(sides(5, 7)) == 1
        file.write_bytes(data.replace(sides(5, 7), sides(30000, 20000)))
    monkeypatch.setattr("defocus.pictures.read._decode", None)
    with refused(ImageError):
        read_image(file)


def test_a_large_picture_is_not_there_twice(tmp_path):
    """Beside its file's bytes: neither while it is read, nor if nobody else has what is written."""
    drawn = np.random.default_rng(0)
    size = 6 * 900 * 1200
    path = tmp_path / "a.png"
    tracemalloc.start()
    try:
        write_image(path, drawn.integers(0, 65536, (900, 1200, 3), np.uint16))
        assert tracemalloc.get_traced_memory()[1] < 2.5 * size
        tracemalloc.reset_peak()
        read_image(path)
        assert tracemalloc.get_traced_memory()[1] < 2.5 * size
    finally:
        tracemalloc.stop()


@pytest.mark.realdata
def test_damaged_raw_files_are_named(real_data):
    for path in sorted((real_data / "damaged-raw").glob("*.nef")):
        with pytest.raises(ImageError, match=path.name):
            read_image(path)
