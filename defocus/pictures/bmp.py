"""BMP files: values that OpenCV mixes up (bit fields, transparency, runs, OS/2), and the rest.

Source: Windows GDI, BITMAPINFOHEADER to BITMAPV5HEADER."""

import functools
import io
import operator
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.pictures.blocks import Block, resolution_block
from defocus.quiet_decoders import QUIET

_PLAIN = 0
_RUNS = (1, 2)
_FIELDS = 3
_ALPHA_FIELDS = 6
_USUAL = {16: (0x7C00, 0x03E0, 0x001F, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}
"""Masks of red, green, blue and alpha by bits of a pixel, for files without masks."""


def bmp_pixels(path: Path, data: bytes) -> NDArray[np.uint8] | None:
    """The pixels of a BMP of 16 or 32 bits or with runs; None for others, which OpenCV reads."""
    if data[14:18] == b"\x0c\0\0\0":  # OS/2, whose palettes OpenCV takes for others
        return of_pillow(path, data, "BMP", "DIB")
    head = _head_of(data)
    if head is None:
        return None
    colours = struct.unpack_from("<I", data, 46)[0]
    palette_end = 14 + head.size + 4 * colours
    overlap = head.bits <= 8 and head.start < palette_end
    if head.compression in _RUNS or overlap:
        return of_pillow(path, data, "BMP", "DIB")
    fields = _fields(path, data)
    if fields is None:
        return None
    values, masks = fields
    if not all(masks[:3]):
        raise ImageError(f"{path}: its bit fields lack a colour; save it again")
    return np.dstack([_field(values, mask) for mask in masks if mask])


class _Head(NamedTuple):
    """The header of a BMP, beginning at the field that says where the pixels begin."""

    start: int
    size: int
    width: int
    height: int
    planes: int
    bits: int
    compression: int


def _head_of(data: bytes) -> _Head | None:
    """The header; None where it is shorter, as OS/2 has it."""
    if len(data) < 54:
        return None
    head = _Head(*struct.unpack_from("<IIiiHHI", data, 10))
    return head if head.size >= 40 else None


def bmp_losses(data: bytes) -> list[str]:
    """Values of a file that :func:`bmp_pixels` does not give, in words."""
    try:
        fields = _fields(Path(), data)
    except ImageError:  # said where its pixels are read
        return []
    if fields is None:
        return []
    values, masks = fields
    stated = functools.reduce(operator.or_, masks)
    unstated = values & np.uint32(0xFFFFFFFF ^ stated)
    most = max(mask.bit_count() for mask in masks)
    losses = [f"its {most} bits of a colour become 8"] if most > 8 else []
    if values.size and unstated.min() != unstated.max():
        losses.append("left out: bits of each pixel that have no stated meaning")
    return losses


def _fields(
    path: Path, data: bytes
) -> tuple[NDArray[np.uint32], tuple[int, ...]] | None:
    """The pixels of 16 or 32 bits from top to bottom, and their masks; None for other files."""
    head = _head_of(data)
    if head is None or head.bits not in _USUAL:
        return None
    masks: tuple[int, ...]
    if head.compression == _PLAIN:
        masks = _USUAL[head.bits]
    elif head.compression in {_FIELDS, _ALPHA_FIELDS}:
        masks = _masks(data, head.size, head.compression)
    else:
        return None
    values = _rows(path, data, head)
    upwards = head.height > 0
    return values[::-1] if upwards else values, masks


def _rows(path: Path, data: bytes, head: _Head) -> NDArray[np.uint32]:
    """The pixels of 16 or 32 bits as numbers, in the order of the file."""
    line_bits = head.width * head.bits
    line_bytes = (line_bits + 31) // 32 * 4
    lines = abs(head.height)
    size = line_bytes * lines
    empty = head.width <= 0 or not lines
    if empty or head.start + size > len(data):
        raise ImageError(
            f"{path}: the file is cut short ({len(data)} bytes); copy it again"
        )
    pixels = np.frombuffer(data, np.uint8, size, head.start)
    rows = pixels.reshape(lines, line_bytes)
    numbers = rows.view("<u2" if head.bits == 16 else "<u4")
    return numbers[:, : head.width].astype(np.uint32)


def _masks(data: bytes, header: int, compression: int) -> tuple[int, ...]:
    """Masks of red, green and blue, and of alpha where the header has one."""
    number = 4 if header >= 56 or compression == _ALPHA_FIELDS else 3
    masks: tuple[int, ...] = struct.unpack_from(
        f"<{number}I", data[54:70].ljust(16, b"\0")
    )
    return (*masks, 0)[:4]


def _field(values: NDArray[np.uint32], mask: int) -> NDArray[np.uint8]:
    """The part of the values that a mask selects, from 0 to 255."""
    lowest_bit = mask & -mask
    shift = lowest_bit.bit_length() - 1
    most = mask >> shift
    selected = values & np.uint32(mask)
    selected = selected >> np.uint32(shift)
    if most == 255:
        return np.asarray(selected, np.uint8)
    scaled = selected * (255 / most)
    return np.asarray(np.floor(scaled + 0.5), np.uint8)


def of_pillow(path: Path, data: bytes, *formats: str) -> NDArray[np.uint8]:
    """A picture of 8 bits as Pillow decodes it: grey, or RGB."""
    from PIL import Image

    try:
        with (
            io.BytesIO(data) as stream,
            QUIET,
            Image.open(stream, formats=formats) as opened,
        ):
            grey = opened.mode in {"1", "L"}
            return np.asarray(opened.convert("L" if grey else "RGB"))
    except (OSError, ValueError, SyntaxError, IndexError, struct.error) as error:
        raise ImageError(
            f"{path}: cannot be decoded ({error}); replace the file"
        ) from error


def bmp_profile(data: bytes) -> bytes:
    """The colour profile of a BMP, or the name of the file that has it; empty without."""
    size = int.from_bytes(data[14:18], "little")
    has_profile = size >= 124 and data[70:74] in {b"DEBM", b"KNIL"}
    if not has_profile or len(data) < 14 + size:
        return b""
    offset, length = struct.unpack_from("<II", data, 126)
    start = 14 + offset
    return data[start : start + length]


def bmp_blocks(data: bytes) -> list[Block]:
    """Resolution and colour profile of a BMP. Source: Windows GDI, BITMAPV5HEADER."""
    size = int.from_bytes(data[14:18], "little")
    blocks = []
    if size >= 40 and len(data) >= 54:
        across, down = struct.unpack_from("<ii", data, 38)
        if across > 0 and down > 0:
            blocks.append(resolution_block(across, down))
    profiled = any(data[70:74])
    if size >= 108 and not profiled and any(data[74:122]):
        blocks.append(Block("calibrated colours", "", data[74:122]))
    if profile := bmp_profile(data):
        blocks.append(Block("colour profile", "", profile))
    return blocks


def encoded_bmp(picture: NDArray[np.uint8], head: bytes) -> bytes:
    """The BMP file of a picture, with the resolution that another file's head states."""
    from PIL import Image

    header_size = int.from_bytes(head[14:18], "little")
    has_resolution = len(head) >= 54 and header_size >= 40
    per_metre = head[38:46] if has_resolution else bytes(8)
    if picture.shape[2:] == (2,):
        picture = picture[:, :, [0, 0, 0, 1]]
    if picture.shape[2:] == (4,):
        written = bytearray(_with_alpha(picture))
    else:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "BMP")
        written = bytearray(stream.getvalue())
    written[38:46] = per_metre
    return bytes(written)


def _with_alpha(picture: NDArray[np.uint8]) -> bytes:
    """A BMP of colours and alpha, ``(H, W, 4)``, which no library here writes."""
    height, width = picture.shape[:2]
    size_and_form = (108, width, height, 1, 32, _FIELDS)
    head = struct.pack("<IiiHHIIiiII", *size_and_form, 0, 0, 0, 0, 0)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = head + masks + b"BGRs" + bytes(48)
    upside_down = picture[::-1, :, [2, 1, 0, 3]]
    rows = np.ascontiguousarray(upside_down).tobytes()
    start = 14 + len(header)
    file_header = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    return file_header + header + rows
