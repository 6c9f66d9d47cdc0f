"""Odd pictures as others read them: what Pillow and tifffile say of the pixels of a file."""

import io
import warnings
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow

from defocus.pictures.values import as_stored

Pixels = NDArray[Any]
LOSSY = 4
"""Of 255, by which two decoders of one JPEG may differ."""
CUT = 1
"""More of it where one of both cut 12 bits of brightness and colours to 8 before it computed RGB:
up to 1.2 of brightness, 2 of blue and 1 of rounding, instead of rounding alone."""
STRAIGHT = {
    "RGBa": "RGBA",
    "La": "LA",
    "PA": "RGBA",
    "RGBX": "RGB",
    "YCbCr": "RGB",
    "CMYK": "RGB",
}


def told_by_others(data: bytes) -> list[Pixels]:
    """The pixels of a file's first picture, by each library that reads it."""
    differences = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for read in (_by_pillow, _by_pillow_turned, _by_tifffile):
            try:
                differences.append(read(data))
            except Exception:  # noqa: BLE001, S112 - they have many ways of their own
                continue
    return differences


def _by_pillow(data: bytes) -> Pixels:
    with Pillow.open(io.BytesIO(data)) as opened:
        opened.load()
        tags = getattr(opened, "tag_v2", {})
        if opened.mode == "YCbCr" and 529 in tags:
            raise ValueError("coefficients that Pillow does not apply")
        if 1 in tags.get(338, ()) and tags.get(258, (8,))[0] == 16:
            raise ValueError(
                "Pillow divides by the transparency after it dropped 8 bits"
            )
        clear = opened.info.get("transparency")
        if opened.mode == "P":
            opened = opened.convert("RGBA" if clear is not None else "RGB")
        elif opened.mode == "1":
            opened = opened.convert("L")
        elif opened.mode in STRAIGHT:
            opened = opened.convert(STRAIGHT[opened.mode])
        elif clear is not None and opened.mode == "RGB":
            opened = opened.convert("RGBA")
        pixels = np.asarray(opened)
        bits = tags.get(258, (16,))[0]
        if pixels.dtype == np.uint16 and bits in {10, 12, 14}:
            pixels = np.asarray(np.rint(pixels * (65535 / (2**bits - 1))), np.uint16)
        if (
            pixels.dtype == np.int32
            and pixels.size
            and 0 <= pixels.min() <= pixels.max() < 65536
        ):
            pixels = pixels.astype(np.uint16)
        return pixels


def _by_pillow_turned(data: bytes) -> Pixels:
    """Of a TIFF file: Pillow turns it as it is shown."""
    with Pillow.open(io.BytesIO(data)) as opened:
        orientation = opened.tag_v2.get(274, 1)
    return as_stored(_by_pillow(data), orientation)


def _by_tifffile(data: bytes) -> Pixels:
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        pixels, bits = np.asarray(page.asarray()), page.bitspersample
        if page.photometric not in {0, 1, 2}:
            raise ValueError("values that are not those of the colours")
        if page.samplesperpixel > 1 and page.planarconfig == 2:
            pixels = np.moveaxis(pixels, 0, 2)
        if pixels.dtype == np.bool_:
            pixels, bits = pixels * np.uint8(255), 8
        if pixels.dtype.kind == "u":
            most = np.iinfo(pixels.dtype).max
            pixels = np.asarray(np.rint(pixels * (most / (2**bits - 1))), pixels.dtype)
            pixels = most - pixels if page.photometric == 0 else pixels
            return _straight(pixels) if 1 in page.extrasamples else pixels
        return pixels


def _straight(pixels: Pixels) -> Pixels:
    """Colours that were multiplied with their transparency without it."""
    share = pixels[:, :, -1:] / np.iinfo(pixels.dtype).max
    colours = np.where(
        share > 0, pixels[:, :, :-1] / np.where(share > 0, share, 1), pixels[:, :, :-1]
    )
    colours = np.rint(np.minimum(colours, np.iinfo(pixels.dtype).max)).astype(
        pixels.dtype
    )
    return np.concatenate([colours, pixels[:, :, -1:]], axis=2)


def agrees(pixels: Pixels, theirs: Pixels, *, lossy: bool) -> bool:
    """Whether two readings of a picture mean the same; ours may know a transparency beside it."""
    if pixels.shape[:2] != theirs.shape[:2]:
        return False
    number = 4 if theirs.shape[2:] in {(2,), (4,)} else 3
    apart = np.abs(_four(pixels)[:, :, :number] - _four(theirs)[:, :, :number])
    limit = 1.01  # Pillow keeps the upper 8 bits of 16
    if lossy:
        limit = LOSSY + (CUT if pixels.dtype != theirs.dtype else 0)
    return bool(np.nanmax(apart, initial=0) <= limit)


def _four(pixels: Pixels) -> NDArray[np.float64]:
    """Red, green, blue and alpha; of integers from 0 to 255."""
    scale = 255 / np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    values = np.atleast_3d(pixels).astype(np.float64) * scale
    opaque = np.full(values.shape[:2], 255.0)
    number = values.shape[2]
    colours = [values[:, :, one if number > 2 else 0] for one in range(3)]
    return np.dstack([*colours, values[:, :, -1] if number in {2, 4} else opaque])
