"""Headers of picture files: the kind, the size, and whether the end is there.

They are read before a file is decoded, because a decoder believes what a header claims.
"""

import struct
import zlib
from pathlib import Path
from typing import Literal

from defocus.errors import ImageError

__all__ = [
    "MAX_PIXELS",
    "PNG_HEAD_BYTES",
    "TIFF_BEGINS",
    "embed_profile",
    "is_known_kind",
    "jpeg_scan_start",
    "png_chunk",
    "refuse_oversized",
    "refuse_truncated",
]

PNG_HEAD_BYTES = 8 + 25
"""Signature and IHDR of a PNG; what tells of colours comes behind them."""

TIFF_BEGINS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BEGINS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"BM", *TIFF_BEGINS)
"""The first bytes of every kind that is read, but WebP: OpenCV would open twenty more."""

MAX_PIXELS = 400_000_000
"""A picture with more pixels is refused: no camera makes one, a decompression bomb does."""

FREE_PIXELS = 32_000_000
MOST_RATIO = 2000
"""Of a larger picture a file has a byte for so many of its values: a flat PNG has one for 1,032."""


def png_chunk(name: bytes, content: bytes) -> bytes:
    """One chunk of a PNG file. Source: PNG specification, third edition: 5.3."""
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def embed_profile(path: Path, profile: bytes) -> None:
    """Give a PNG file an ICC profile, which may be empty, before the file's folder is finished.

    Source: PNG specification, third edition: 11.3.2.3.
    """
    if not profile:
        return
    png = path.read_bytes()
    chunk = png_chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile))
    path.write_bytes(png[:PNG_HEAD_BYTES] + chunk + png[PNG_HEAD_BYTES:])


def is_known_kind(data: bytes) -> bool:
    """Whether the first bytes are those of a PNG, JPEG, BMP, TIFF or WebP file."""
    return data.startswith(_BEGINS) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def refuse_truncated(path: Path, data: bytes) -> None:
    """Refuse a truncated JPEG or PNG, whose missing part OpenCV would fill with grey."""
    cut_jpeg = data[:2] == b"\xff\xd8" and b"\xff\xd9" not in data[jpeg_scan_start(data) :]
    cut_png = data[:8] == b"\x89PNG\r\n\x1a\n" and b"IEND" not in data[-64:]
    if not data or cut_jpeg or cut_png:
        raise ImageError(f"{path}: the file is cut short ({len(data)} bytes); copy it again")


def refuse_oversized(path: Path, data: bytes) -> None:
    """Check the size in the header, so that a decompression bomb is refused before decoding.

    OpenCV itself refuses a billion pixels or more in any format; WebP cannot hold that many.
    """
    width, height = _header_size(data)
    pixels = width * height
    if pixels > MAX_PIXELS:
        raise ImageError(f"{path}: {width}x{height} pixels are refused as a bomb")
    if pixels > FREE_PIXELS and 3 * pixels > MOST_RATIO * len(data):
        raise ImageError(
            f"{path}: {width}x{height} pixels in {len(data)} bytes are refused as a bomb"
        )


def _header_size(data: bytes) -> tuple[int, int]:
    """Width and height from the header of a PNG, JPEG, BMP, WebP or TIFF; 0 if there is none."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:2] == b"BM":
        sides = (int.from_bytes(data[at : at + 4], "little", signed=True) for at in (18, 22))
        width, height = map(abs, sides)
        return width, height
    if data[:4] in TIFF_BEGINS:
        return _tiff_header_size(data)
    if data[:4] == b"RIFF":
        return _webp_header_size(data)
    return _jpeg_header_size(data) if data[:2] == b"\xff\xd8" else (0, 0)


def _jpeg_header_size(data: bytes) -> tuple[int, int]:
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height = int.from_bytes(data[position + 5 : position + 7], "big")
            return int.from_bytes(data[position + 7 : position + 9], "big"), height
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return 0, 0


def _webp_header_size(data: bytes) -> tuple[int, int]:
    """Of the first chunk: lossy, lossless or extended."""
    kind, start = data[12:16], data[20:30]
    if kind == b"VP8X":
        return 1 + int.from_bytes(start[4:7], "little"), 1 + int.from_bytes(start[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(start[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = (int.from_bytes(start[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return width, height


def _tiff_header_size(data: bytes) -> tuple[int, int]:
    """Of the first directory; BigTIFF has longer numbers."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    big = 43 in data[2:4]

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)

    directory = number(8, 8) if big else number(4, 4)
    count, first, step, value = (8, 8, 20, 12) if big else (2, 2, 12, 8)
    sizes = {256: 0, 257: 0}
    entries = min(number(directory, count), len(data) // step)
    for entry in range(directory + first, directory + first + step * entries, step):
        if number(entry, 2) in sizes:
            sizes[number(entry, 2)] = number(entry + value, 2 if number(entry + 2, 2) == 3 else 4)
    return sizes[256], sizes[257]


def jpeg_scan_start(data: bytes) -> int:
    """Start of the first scan; an end marker before it may belong to a thumbnail."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] != 0xDA:
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return position
