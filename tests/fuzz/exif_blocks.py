"""EXIF blocks as cameras, programs and damage make them: right structure, any types and values."""

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags

from tests.fuzz.campaign import damaged_once

Entry: TypeAlias = tuple[int, int, int, bytes]
"""Tag, type, number of values and their bytes."""

EXIF_POINTER, GPS_POINTER, STRIP = 34665, 34853, 273
UNIT_BYTES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
}
"""Bytes of a value by its type (TIFF 6.0, section 2)."""
IMAGE_TAGS = sorted(
    ({int(tag) for tag in ExifTags.Base} | {700, 33723, 34675, 37724})
    - {EXIF_POINTER, GPS_POINTER}
)
GPS_TAGS = sorted(int(tag) for tag in ExifTags.GPS)
TEXTS = (
    b"\0",
    b"Maker\0",
    b"M\xfcller\0",
    "Büro\0".encode(),
    b"2026:11:26 06:20:00\0",
    b"\xff\xfe\0",
)


def exif_block(draws: random.Random, pixels: NDArray[np.uint8] | None = None) -> bytes:
    """A block of up to three directories; every tenth has a damaged byte or two besides.

    ``pixels`` ``(H, W, 3)`` make it a TIFF file, whose first directory has the tags too."""
    order = draws.choice("<>")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    own = {} if pixels is None else _layout(pixels)
    behind = {
        tag: _Entries(order, _drawn(draws, tags))
        for tag, tags in ((EXIF_POINTER, IMAGE_TAGS), (GPS_POINTER, GPS_TAGS))
        if draws.random() < 0.8
    }
    entries = [
        one for one in _drawn(draws, IMAGE_TAGS) if one[0] not in {*own, *behind}
    ]
    first = _Entries(order, entries)
    pointers = {**own, **dict.fromkeys(behind, 0)}
    size = len(head) + len(first(len(head), pointers))
    for tag, directory in behind.items():
        pointers[tag] = size
        size += len(directory(size, {}))
    if pixels is not None:
        pointers[STRIP] = size
    block = head + first(len(head), pointers)
    block += b"".join(directory(pointers[tag], {}) for tag, directory in behind.items())
    block += b"" if pixels is None else pixels.tobytes()
    return damaged_once(block, draws) if draws.random() < 0.1 else block


def _layout(pixels: NDArray[np.uint8]) -> dict[int, int]:
    """How pixels lie in a TIFF file, by tag."""
    height, width, channels = pixels.shape
    sizes = {256: width, 257: height, 277: channels, 278: height, 279: pixels.size}
    return {**sizes, 258: 8, 259: 1, 262: 2, STRIP: 0}


def _drawn(draws: random.Random, tags: Sequence[int]) -> list[Entry]:
    return [_entry(draws, tag) for tag in draws.sample(tags, draws.randint(0, 8))]


@dataclass(frozen=True)
class _Entries:
    """A directory that can be written at any place, with further tags of one number each."""

    order: str
    entries: Sequence[Entry]

    def __call__(self, place: int, numbers: dict[int, int]) -> bytes:
        further = (
            (tag, 4, 1, struct.pack(f"{self.order}I", n)) for tag, n in numbers.items()
        )
        entries = [*self.entries, *further]
        listed, values = b"", b""
        behind = place + 2 + 12 * len(entries) + 4
        for tag, kind, count, value in sorted(entries):
            if len(value) <= 4:
                field = value.ljust(4, b"\0")
            else:
                field = struct.pack(f"{self.order}I", behind + len(values))
                values += value + b"\0" * (len(value) % 2)
            listed += struct.pack(f"{self.order}HHI", tag, kind, count) + field
        return (
            struct.pack(f"{self.order}H", len(entries)) + listed + b"\0\0\0\0" + values
        )


def _entry(draws: random.Random, tag: int) -> Entry:
    """A tag of any type; now and then it says another number of values than it has."""
    kind = draws.choice(sorted(UNIT_BYTES))
    if kind == 2:
        value = draws.choice(TEXTS) * draws.choice((0, 1, 1, 1, 9))
    else:
        value = draws.randbytes(
            UNIT_BYTES[kind] * draws.choice((0, 1, 1, 1, 2, 3, 4, 70))
        )
        if draws.random() < 0.5:
            # small numbers
            value = value.translate(bytes(min(byte, 3) for byte in range(256)))
    count = len(value) // UNIT_BYTES[kind]
    if draws.random() < 0.05:
        count = draws.choice((0, 1, count + 1, 2**31))
    return (
        tag,
        draws.choice((kind, kind, kind, 0, 99)) if draws.random() < 0.05 else kind,
        count,
        value,
    )
