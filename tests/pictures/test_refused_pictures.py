"""Files that are not read as pictures: each is one line that names the file, and says why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from defocus.errors import ImageError
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image

Make = Callable[[Path], object]


def jpeg(place: int, value: int) -> Make:
    """With another byte at a place of its frame's header."""

    def make(path: Path) -> None:
        write_image(path, np.full((16, 16, 3), 90, np.uint8))
        content = bytearray(path.read_bytes())
        content[content.find(b"\xff\xc0") + place] = value
        path.write_bytes(content)

    return make


def tiff(
    shape: tuple[int, ...],
    dtype: type,
    tags: dict[int, int] | None = None,
    **facts: Any,
) -> Make:
    """With other values of some tags than the pixels have."""

    def make(path: Path) -> None:
        tifffile.imwrite(path, np.ones(shape, dtype), **facts)
        with tifffile.TiffFile(path, mode="r+b") as file:
            for tag, value in (tags or {}).items():
                file.pages.first.tags[tag].overwrite(value)

    return make


def grey(dtype: type, photometric: str = "minisblack", **facts: Any) -> Make:
    return tiff((9, 12), dtype, photometric=photometric, **facts)


def with_a_thumbnail_in_front(path: Path) -> None:
    with tifffile.TiffWriter(path) as file:
        for size, kind in ((4, 1), (16, 0)):
            pixels = np.ones((size, size, 3), np.uint8)
            file.write(pixels, photometric="rgb", subfiletype=kind)


def inks(*tags: tuple[Any, ...]) -> Make:
    return tiff((9, 12, 4), np.uint8, photometric="separated", extratags=tags)


def palette_of_16_bits(path: Path) -> None:
    colours = np.ones((3, 2**16), np.uint16)
    pixels = np.ones((9, 12), np.uint16)
    tifffile.imwrite(path, pixels, photometric="palette", colormap=colours)


COLOURS_OF_FOUR = [(33421, "H", 2, (4, 4), True), (33422, "B", 16, bytes(16), True)]
"""Tags of a sensor whose colours repeat after four pixels."""

FILES: dict[str, bytes | Make] = {
    "empty.png": b"",
    "text.png": b"not a picture at all",
    "cut.jpg": b"\xff\xd8\xff\xe0" + bytes(100),
    "gif.png": b"GIF89a" + bytes(20),
    "pnm.png": b"P6\n2 2\n255\n" + bytes(12),
    "jpeg-2000.jpg": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20),
    "lfs.png": b"version https://git-lfs.github.com/spec/v1\n",
    "page.jpg": b"\n<!DOCTYPE html><html></html>",
    "absent.png": lambda path: None,
    "link.png": lambda path: path.symlink_to("away.png"),
    "circle.png": lambda path: path.symlink_to(path.name),
    "lossless.jpg": jpeg(1, 0xC3),
    "12-bits.jpg": jpeg(4, 12),
    "no-height.jpg": jpeg(6, 0),
    "no-pixels.tif": tiff(  # and 0 is white
        (2, 40, 50),
        np.uint8,
        {257: 0, 262: 0},
        photometric="minisblack",
        planarconfig="separate",
    ),
    "floats.tif": tiff((8, 8, 3), np.float32, photometric="rgb"),
    "five-values.tif": tiff((9, 12, 5), np.uint8, photometric="rgb"),
    "five-deep-values.tif": tiff((9, 12, 5), np.uint16, photometric="rgb"),
    "one-value.tif": tiff((9, 12), np.uint16, {262: 2}),
    "deep-inks.tif": tiff((9, 12, 4), np.uint16, photometric="separated"),
    "signed-inks.tif": tiff((9, 12, 4), np.int8, photometric="separated"),
    "lab.tif": tiff((9, 12, 3), np.uint8, photometric="cielab"),
    "raw.tif": grey(np.uint16, "cfa"),
    "negative-floats.tif": grey(np.float32, "miniswhite"),
    "complex.tif": grey(np.complex64),
    "32-bits.tif": grey(np.uint32),
    "palette-of-16-bits.tif": palette_of_16_bits,
    "palette-without-colours.tif": tiff((9, 12), np.uint8, {262: 3}),
    "colours-without-a-range.tif": tiff(
        (3, 9, 12),
        np.uint8,
        photometric="ycbcr",
        planarconfig="separate",
        extratags=[(530, "H", 2, (1, 1), True), (532, "2I", 6, [5, 1] * 6, True)],
    ),
    "grey-of-3-values.tif": tiff((9, 12, 3), np.uint8, {262: 1}, photometric="rgb"),
    "other-inks.tif": inks((332, "H", 1, 2, True)),
    "reversed-inks.tif": inks((336, "B", 2, (255, 0), True)),
    "thumbnail-first.tif": with_a_thumbnail_in_front,
    "iphone.png": b"\x89PNG\r\n\x1a\n\0\0\0\4CgBI" + bytes(40),
    "jpeg-xl.dng": tiff((9, 12), np.uint16, {259: 52546}, photometric="minisblack"),
    "colours-of-four.dng": grey(np.uint16, "cfa", extratags=COLOURS_OF_FOUR),
    "volume.tif": tiff(
        (3, 32, 32),
        np.uint16,
        photometric="minisblack",
        volumetric=True,
        tile=(1, 16, 16),
    ),
}


def test_what_is_not_read_is_one_line(tmp_path, snapshot):
    lines = []
    for name, content in FILES.items():
        path = tmp_path / name
        path.write_bytes(content) if isinstance(content, bytes) else content(path)
        with pytest.raises(ImageError) as caught:
            read_image(path)
        lines.append(str(caught.value).replace(str(tmp_path), "HERE"))
    assert [line for line in lines if "\n" in line] == []
    assert lines == snapshot
