"""TIFF files whose layouts OpenCV reads wrongly or not at all."""

import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow

from defocus.errors import ImageError
from defocus.pictures.read import read_image, read_stored
from defocus.pictures.tiff_pixels import read_misread, tiff_layout
from defocus.pictures.values import as_shown


def values(channels: int, dtype: Any) -> NDArray[Any]:
    drawn = np.random.default_rng(channels).random((9, 12, channels))
    picture = drawn if np.dtype(dtype).kind == "f" else drawn * np.iinfo(dtype).max
    numbers: NDArray[Any] = picture.astype(dtype)
    return numbers[:, :, 0] if channels == 1 else numbers


@pytest.mark.parametrize("photometric", ["miniswhite", "minisblack"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2])
def test_grey_keeps_its_transparency_and_is_no_negative(
    tmp_path, dtype, channels, photometric
):
    path, stored = tmp_path / "a.tif", values(channels, dtype)
    more = {"extrasamples": ["unassalpha"]} if channels == 2 else {}
    tifffile.imwrite(path, stored, photometric=photometric, **more)
    shown = stored.copy()
    grey = shown if channels == 1 else shown[:, :, 0]
    if photometric == "miniswhite":
        grey[...] = np.iinfo(dtype).max - grey
    picture_pixels = read_stored(path)
    assert picture_pixels.dtype == dtype
    np.testing.assert_array_equal(picture_pixels, shown)
    np.testing.assert_array_equal(read_image(path), np.dstack([grey] * 3))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [2, 4])
def test_colours_that_were_multiplied_with_transparency_are_divided(
    tmp_path, dtype, channels
):
    path, straight = tmp_path / "a.tif", values(channels, dtype)
    straight[0, 0, -1] = 0
    full = 1.0 if straight.dtype.kind == "f" else np.iinfo(dtype).max
    multiplied = straight.astype(float)
    multiplied[:, :, :-1] *= multiplied[:, :, -1:] / full
    kind = "minisblack" if channels == 2 else "rgb"
    stored = (multiplied if straight.dtype.kind == "f" else np.rint(multiplied)).astype(
        dtype
    )
    tifffile.imwrite(path, stored, photometric=kind, extrasamples=["assocalpha"])
    picture_pixels = read_stored(path)
    assert (picture_pixels.dtype, picture_pixels.shape) == (
        straight.dtype,
        straight.shape,
    )
    seen = straight[:, :, -1] > 0.2 * full
    error = np.abs(picture_pixels.astype(float) - straight)[seen].max() / full
    assert error < (0.015 if dtype is np.uint8 else 1e-4)
    np.testing.assert_array_equal(picture_pixels[0, 0], stored[0, 0])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_behind_lzw_is_as_stored(tmp_path, mode, orientation):
    path, stored = tmp_path / "a.tif", values(len(mode), np.uint8)
    tags = {274: orientation}
    Pillow.fromarray(stored).save(path, compression="tiff_lzw", tiffinfo=tags)
    np.testing.assert_array_equal(read_stored(path), stored)
    content = path.read_bytes()
    assert tiff_layout(path, content).orientation == orientation
    np.testing.assert_array_equal(read_misread(path, content), stored)
    with Pillow.open(path) as opened:
        np.testing.assert_array_equal(np.asarray(opened), as_shown(stored, orientation))


@pytest.mark.parametrize("bits", [2, 4])
def test_colours_of_few_bits_that_lie_apart_reach_white(tmp_path, bits):
    path = tmp_path / "a.tif"
    levels = np.arange(3 * 4 * 8, dtype=np.uint8).reshape(3, 4, 8) % (1 << bits)
    per_byte = 8 // bits
    shifts = bits * np.arange(per_byte - 1, -1, -1, dtype=np.uint8)
    packed = (
        (levels.reshape(3, 4, -1, per_byte) << shifts).sum(axis=-1).astype(np.uint8)
    )
    tifffile.imwrite(
        path, packed, photometric="rgb", planarconfig="separate", metadata=None
    )
    with tifffile.TiffFile(path, mode="r+b") as file:
        page = file.pages.first
        page.tags[256].overwrite(8)
        page.tags[258].overwrite((bits, bits, bits))
    expected = np.moveaxis(levels, 0, 2) * (255 // ((1 << bits) - 1))
    np.testing.assert_array_equal(read_stored(path), expected)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("compression", [34925, 50002, 34933])
def test_a_compression_that_opencv_lacks_is_read_or_refused_and_never_black(
    tmp_path, bits, compression
):
    path, stored = tmp_path / "a.tif", values(3, np.dtype(f"uint{bits}"))
    content = lzma.compress(stored.tobytes()) if compression == 34925 else b"?" * 40
    tifffile.imwrite(
        path, iter([content]), shape=stored.shape, dtype=stored.dtype, photometric="rgb",
        compression=compression, rowsperstrip=len(stored),
    )  # fmt: skip
    if compression == 34925:
        np.testing.assert_array_equal(read_stored(path), stored)
    else:
        with pytest.raises(ImageError, match="cannot be decoded"):
            read_stored(path)


@pytest.mark.parametrize("number", [0, 10])
def test_a_strip_that_is_too_short_is_refused(tmp_path, number):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values(3, np.uint8), photometric="rgb", rowsperstrip=4)
    with tifffile.TiffFile(path, mode="r+b") as file:
        tag = file.pages.first.tags[279]
        tag.overwrite([*tag.value[:-1], number])
    with pytest.raises(ImageError, match="copy it again"):
        read_stored(path)


@pytest.mark.parametrize("compression", ["deflate", None])
def test_damage_in_the_pixels_is_refused(tmp_path, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, values(3, np.uint8), photometric="rgb", compression=compression
    )
    with tifffile.TiffFile(path) as file:
        at, size = file.pages.first.dataoffsets[0], file.pages.first.databytecounts[0]
    content = path.read_bytes()
    cut = at + size // 2
    path.write_bytes(
        content[:cut] + b"\xff" * (size - size // 2) if compression else content[:cut]
    )
    with pytest.raises(ImageError):
        read_stored(path)


def without_codecs(patch: pytest.MonkeyPatch) -> None:
    """As where the package imagecodecs is missing."""

    def asarray(_: object) -> None:
        raise ValueError("requires the 'imagecodecs' package")

    patch.setattr(tifffile.TiffPage, "asarray", asarray)


def saved(path: Path, mode: str, compression: str, tags: dict[int, Any]) -> None:
    """A picture of Pillow's, with these tags."""
    picture = Pillow.fromarray(values(3, np.uint8).repeat(4, 0).repeat(4, 1)).convert(
        mode
    )
    picture.save(path, compression=compression, tiffinfo=tags)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "packbits"])
@pytest.mark.parametrize("mode", ["1", "P", "CMYK"])
def test_damage_behind_few_colours_is_refused(tmp_path, mode, compression):
    path = tmp_path / "a.tif"
    saved(path, mode, compression, {278: 12})
    read_stored(path)
    with tifffile.TiffFile(path, mode="r+b") as file:
        page = file.pages.first
        if compression != "raw":
            page.parent.filehandle.seek(page.dataoffsets[0])
            page.parent.filehandle.write(b"\x80" * page.databytecounts[0])
        else:
            page.tags[279].overwrite(
                [page.databytecounts[0] - 5, *page.databytecounts[1:]]
            )
    with pytest.raises(ImageError, match=r"cannot be decoded .*copy it again"):
        read_stored(path)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "jpeg"])
def test_damage_that_decoders_only_speak_of_is_refused(tmp_path, compression):
    path = tmp_path / "a.tif"
    saved(path, "RGB" if compression == "jpeg" else "1", compression, {})
    whole = read_stored(path)
    with tifffile.TiffFile(path, mode="r+b") as file:
        page = file.pages.first
        at, size = page.dataoffsets[0], page.databytecounts[0]
        page.parent.filehandle.seek(at + size // 2)
        page.parent.filehandle.write(bytes(size - size // 2 - 2))
    with pytest.raises(ImageError, match=r"damaged \((Fax|JPEGLib).*copy it again"):
        read_stored(path)
    saved(path, "RGB" if compression == "jpeg" else "1", compression, {})
    np.testing.assert_array_equal(read_stored(path), whole)


def test_an_order_of_bits_that_none_knows_is_damage(tmp_path, refused):
    saved(tmp_path / "a.tif", "1", "group4", {266: 1})
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        file.pages.first.tags[266].overwrite(45057)
    with refused(ImageError):
        read_stored(tmp_path / "a.tif")


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBX", "CMYK"])
def test_what_tifffile_lacks_is_read_by_pillow(
    tmp_path, mode, photometric, monkeypatch
):
    path = tmp_path / "a.tif"
    saved(path, mode, "tiff_lzw", {262: photometric} if mode in {"1", "L"} else {})
    whole = read_stored(path)
    without_codecs(monkeypatch)
    np.testing.assert_array_equal(read_stored(path), whole)
    with Pillow.open(path) as opened:
        shown = opened.convert("RGB" if mode in {"P", "CMYK", "RGBX"} else opened.mode)
    apart = whole.astype(int) - np.asarray(shown) * (255 if mode == "1" else 1)
    assert np.abs(apart).max() <= (mode == "CMYK")


def test_grey_of_few_bits_reaches_white(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    saved(path, "L", "raw", {})
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages.first.tags[256].overwrite(96)
        file.pages.first.tags[258].overwrite(4)
    whole = read_stored(path)
    assert (whole.shape, set(whole.ravel() % 17), whole.max()) == ((36, 96), {0}, 255)
    without_codecs(monkeypatch)
    np.testing.assert_array_equal(read_stored(path), whole)


@pytest.mark.parametrize("most", [255, 65535])
def test_a_palette_of_8_bits_is_no_black(tmp_path, most):
    numbers = values(1, np.uint8)
    levels = np.linspace(0, 255, 256).astype(np.uint16)
    palette = np.stack([levels, levels[::-1], levels]) * np.uint16(most // 255)
    tifffile.imwrite(
        tmp_path / "a.tif", numbers, photometric="palette", colormap=palette
    )
    expected = np.dstack([numbers, 255 - numbers, numbers])
    np.testing.assert_array_equal(read_stored(tmp_path / "a.tif"), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_stored_pixel_grid_is_given(tmp_path, orientation, dtype):
    path, tag = tmp_path / "a.tif", (274, 3, 1, orientation, True)
    tifffile.imwrite(
        path, values(3, dtype), photometric="rgb", metadata=None, extratags=[tag]
    )
    assert np.array_equal(read_image(path), values(3, dtype))
