"""Colours of plain PNG files, in six tenths of the time that OpenCV takes.

Most of that time is zlib's, and ISA-L inflates in half of it. What is unusual in a file, or
damaged, is left to OpenCV, so that there is one judge of it.

Source: PNG specification, third edition (W3C 2025).
"""

import sys
from collections.abc import Iterator
from typing import TypeAlias

import numba
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

__all__ = ["plain_png"]

PIECE_BYTES = 2**20
"""Of a file inflated at once: what comes of it is put together while it is in the CPU's cache."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
FIRST = b"\0\0\0\rIHDR"
PLAIN = ((8, 2, 0, 0, 0), (16, 2, 0, 0, 0))
"""Depth, colour type (RGB), and methods of compression, filters and interlacing that are read."""
WITHOUT_EFFECT = frozenset(
    (
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"iCCP",
        b"sBIT",
        b"pHYs",
        b"tIME",
        b"tEXt",
        b"zTXt",
        b"iTXt",
        b"eXIf",
    )
)
"""Chunks that change no stored value."""
IN_PLACE = frozenset((b"IHDR IDAT", b"IDAT IDAT", b"IDAT IEND"))
"""What may follow on what, of the chunks that count."""

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]


def plain_png(data: bytes) -> Pixels | None:
    """The colours of a PNG file, to the bit as OpenCV reads them.

    Args:
        data: Content of a file.

    Returns:
        ``(H, W, 3)`` RGB, uint8 or uint16; None if the file is another one, has other values than
        plain RGB, or is in any way unusual or damaged.
    """
    if data[:16] != SIGNATURE + FIRST or tuple(data[24:29]) not in PLAIN:
        return None
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if not width * height or sys.byteorder == "big":
        return None
    try:
        picture = np.empty((height, width, 3), np.uint8 if data[24] == 8 else np.uint16)
        return picture if _filled(picture, data) else None
    except (isal_zlib.error, ValueError, MemoryError):  # type: ignore[misc] # its stub has a value
        return None


def _filled(picture: Pixels, data: bytes) -> bool:
    """Whether a file has every row of a picture, which is filled in, and nothing else.

    Raises:
        ValueError, isal_zlib.error: The file is damaged or unusual.
    """
    line, flat = 1 + picture[0].nbytes, picture.reshape(len(picture), -1)
    above = np.zeros(line - 1, np.uint8)
    inflating, rest, row, missing = isal_zlib.decompressobj(), b"", 0, line * len(picture)
    for piece in _pieces(data):
        rest += inflating.decompress(piece, missing + 1 - len(rest))
        rows = len(rest) // line
        if len(rest) > missing:
            return False
        restored = np.empty((1 + rows) * (line - 1), np.uint8)
        restored[: line - 1] = above
        if not _restore(np.frombuffer(rest, np.uint8), restored, line, 3 * picture.itemsize):
            return False
        above = restored[rows * (line - 1) :]
        _put(restored[line - 1 :], flat[row : row + rows])
        row, rest, missing = row + rows, rest[rows * line :], missing - rows * line
    return missing == 0 and inflating.eof and not inflating.unused_data


def _put(restored: NDArray[np.uint8], rows: Pixels) -> None:
    """Fill in rows of a picture from their bytes, of 16 bits the higher one first."""
    values = restored.view(rows.dtype).reshape(rows.shape)
    if rows.dtype == np.uint8:
        rows[:] = values
    else:
        np.left_shift(values, 8, out=rows)
        np.bitwise_or(rows, values >> 8, out=rows)


def _pieces(data: bytes) -> Iterator[bytes]:
    """The compressed pixels of a file, a piece at a time.

    Raises:
        ValueError: A chunk is damaged, out of place, or may change values.
    """
    held: list[memoryview] = []
    size, last = 0, b"IHDR"
    for kind, content in _chunks(data):
        if kind in WITHOUT_EFFECT:
            continue
        if last + b" " + kind not in IN_PLACE:
            raise ValueError(f"a chunk {kind!r} after {last!r}")
        last = kind
        for at in range(0, len(content), PIECE_BYTES):
            held.append(content[at : at + PIECE_BYTES])
            size += len(held[-1])
            if size >= PIECE_BYTES:
                yield b"".join(held)
                held, size = [], 0
    yield b"".join(held)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and content of each chunk after the header, to the end of the picture.

    Raises:
        ValueError: A chunk is damaged or missing.
    """
    view, place, kind = memoryview(data), len(SIGNATURE), b""
    while kind != b"IEND":
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        kind = data[place + 4 : place + 8]
        if data[end : end + 4] != isal_zlib.crc32(view[place + 4 : end]).to_bytes(4, "big"):
            raise ValueError(f"the chunk {kind!r} is damaged")
        if place > len(SIGNATURE):
            yield kind, view[place + 8 : end]
        place = end + 4


@numba.njit(nogil=True, cache=True)
def _restore(lines, restored, line, step):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    """Undo the filters of lines, PNG specification, 9.2; False if one has no known filter.

    Plain loops over plain arrays: whatever else is compiled takes 200 MiB more.

    Args:
        lines: Bytes of the lines, ``line`` of each, the first the kind of its filter.
        restored: Their bytes without it, after those of the row above, which are given.
        line: Bytes of a line.
        step: Bytes of a pixel.
    """
    count = line - 1
    for row in range(len(lines) // line):
        kind, here, there = lines[row * line], row * line + 1, (row + 1) * count
        if kind > 4:
            return False
        for k in range(step):  # what lies on the left counts as 0
            b = np.int32(restored[there + k - count])
            guess = b if kind in (2, 4) else b >> 1 if kind == 3 else 0
            restored[there + k] = lines[here + k] + guess
        above, now = restored[there - count : there], restored[there : there + count]
        _restore_line(kind, lines[here : here + count], above, now, step)
    return True


@numba.njit(nogil=True, cache=True)
def _restore_line(kind, line, above, now, step):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    """Undo the filter of a line but for its first pixel."""
    if kind == 0:
        for k in range(step, len(line)):
            now[k] = line[k]
    elif kind == 1:
        for k in range(step, len(line)):
            now[k] = line[k] + now[k - step]
    elif kind == 2:
        for k in range(step, len(line)):
            now[k] = line[k] + above[k]
    elif kind == 3:
        for k in range(step, len(line)):
            now[k] = line[k] + ((np.int32(now[k - step]) + np.int32(above[k])) >> 1)
    else:
        for first in range(step, len(line), 3):
            for k in range(first, first + 3):  # unrolled, which halves the time
                a, b, c = np.int32(now[k - step]), np.int32(above[k]), np.int32(above[k - step])
                to_a, to_b, to_c = abs(b - c), abs(a - c), abs(a + b - 2 * c)
                guess = b if to_b <= to_c else c
                guess = a if to_a <= min(to_b, to_c) else guess
                now[k] = line[k] + guess
