"""Pixels of files that a decoder mixes up."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from defocus.errors import ImageError
from defocus.pictures.headers import kind_of
from defocus.pictures.heif import read_heif
from defocus.pictures.png import png_chunk
from defocus.pictures.read import read_image, read_stored

PIXELS = np.random.default_rng(1).integers(0, 256, (12, 16, 4), np.uint8)


def bmp(bits: int, masks: tuple[int, ...], rows: bytes, *, header: int = 56) -> bytes:
    head = struct.pack("<IiiHHIIiiII", header, 3, -1, 1, bits, 3, 0, 0, 0, 0, 0)
    head += struct.pack("<4I", *(*masks, 0)[:4])
    return struct.pack("<2sIHHI", b"BM", 0, 0, 0, 14 + len(head)) + head + rows


FIELDS = {
    16: (
        *((0xF800, 0x07E0, 0x1F), (0xF800, 0x07E0, 0x0010)),
        ((255, 0, 0), (0, 255, 0), (0, 0, 132)),
    ),
    32: (
        *((0xFF, 0xFF00, 0xFF0000, 0xFF000000), (0x80030201, 0, 0xFF0000FF)),
        ((1, 2, 3, 128), (0, 0, 0, 0), (255, 0, 0, 255)),
    ),
}
"""Masks, stored values, and the colours that they mean."""


@pytest.mark.parametrize("bits", FIELDS)
def test_bit_fields_of_a_bmp(tmp_path, bits, refused):
    masks, values, colours = FIELDS[bits]
    rows = struct.pack("<3H2x" if bits == 16 else "<3I", *values)
    path = tmp_path / "a.bmp"
    path.write_bytes(bmp(bits, masks, rows))
    assert read_stored(path)[0].tolist() == [list(one) for one in colours]
    path.write_bytes(bmp(bits, masks, rows[:-4]))
    with refused(ImageError):
        read_stored(path)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
def test_inks_and_colours_that_lie_apart(tmp_path, mode):
    values = np.asarray(Pillow.fromarray(PIXELS[:, :, :3]).convert(mode))
    kind = {"CMYK": "separated", "YCbCr": "ycbcr"}[mode]
    more = {"extratags": [(530, "H", 2, (1, 1), True)]} if mode == "YCbCr" else {}
    apart, together = tmp_path / "a.tif", tmp_path / "b.tif"
    planes = values.transpose(2, 0, 1)
    tifffile.imwrite(apart, planes, photometric=kind, planarconfig="separate", **more)
    expected = PIXELS[:, :, :3]
    if mode == "CMYK":
        tifffile.imwrite(together, values, photometric=kind, planarconfig="contig")
        expected = read_stored(together)
        assert expected.shape[2] == 3, "inks get no transparency"
    most = 1 if mode == "CMYK" else 3
    assert np.abs(read_stored(apart).astype(int) - expected).max() <= most


def test_a_palette_of_one_bit_has_colours(tmp_path):
    colours = Pillow.fromarray(PIXELS[:, :, 0] >> 7)
    colours = colours.convert("1").convert("P")
    colours.putpalette([200, 30, 10, 20, 90, 250])
    path = tmp_path / "a.tif"
    colours.save(path, bits=1)
    with Pillow.open(path) as opened:
        rgb = np.asarray(opened.convert("RGB"))
    np.testing.assert_array_equal(read_image(path), rgb)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [2, 4])
def test_an_unspecified_value_is_no_transparency(tmp_path, dtype, channels):
    pixels = PIXELS[:, :, :channels].astype(dtype)
    path = tmp_path / "a.tif"
    grey = "minisblack" if channels == 2 else "rgb"
    tifffile.imwrite(
        path,
        pixels,
        photometric=grey,
        planarconfig="contig",
        extrasamples=["unspecified"],
    )
    stored = read_stored(path)
    np.testing.assert_array_equal(np.atleast_3d(stored), pixels[:, :, :-1])


def test_an_animation_gives_its_still_picture(tmp_path):
    frames = [Pillow.fromarray(PIXELS[:, :, :3][::step]) for step in (1, -1)]
    frames[0].save(
        tmp_path / "a.png",
        save_all=True,
        append_images=frames[1:],
        default_image=True,
        blend=1,
    )
    np.testing.assert_array_equal(
        read_stored(tmp_path / "a.png")[:, :, :3], PIXELS[:, :, :3]
    )


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_avif_is_read(tmp_path, mode):
    Pillow.fromarray(PIXELS[:, :, : len(mode)]).save(tmp_path / "a.avif", quality=100)
    with Pillow.open(tmp_path / "a.avif") as opened:
        np.testing.assert_array_equal(
            read_stored(tmp_path / "a.avif"), np.asarray(opened)
        )


def test_heic_is_read_whatever_its_name(tmp_path):
    library = pytest.importorskip("pillow_heif", reason="needs the extra heif")
    stream = io.BytesIO()
    smooth = (
        np.zeros((64, 64, 3), np.uint8) + np.arange(64, dtype=np.uint8)[:, None, None]
    )
    library.from_pillow(Pillow.fromarray(smooth)).save(stream, quality=-1)
    path = tmp_path / "a.jpg"
    path.write_bytes(stream.getvalue())
    assert kind_of(stream.getvalue()) == "HEIC"
    assert np.abs(read_stored(path).astype(int) - smooth).max() <= 3


def test_a_missing_library_is_named(tmp_path, monkeypatch, refused):
    import sys

    for name in ("pillow_heif", "imagecodecs"):
        monkeypatch.setitem(sys.modules, name, None)
    for kind in ("HEIC", "JPEG XL"):
        with refused(ImageError):
            read_heif(tmp_path / "a.jpg", b"", kind)


@pytest.mark.parametrize("further", [0, 3, 300])
def test_transparencies_beyond_the_palette_cost_no_others(further, tmp_path):
    picture = Pillow.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) % 4, "P")
    picture.putpalette([200, 30, 10, 20, 90, 250, 1, 2, 3, 4, 5, 6])
    path = tmp_path / "p.png"
    picture.save(path, transparency=bytes([0, 128, 255, 7]))
    expected = read_stored(path)
    data = path.read_bytes()
    start = data.index(b"tRNS") - 4
    chunk = png_chunk(b"tRNS", bytes([0, 128, 255, 7]) + bytes(further))
    path.write_bytes(data[:start] + chunk + data[start + 16 :])
    assert expected.shape == (8, 8, 4)
    assert np.array_equal(read_stored(path), expected)
