"""Chunks of WebP files, by the WebP container specification (RFC 9649)."""

import struct
from collections.abc import Iterator

from defocus.pictures.blocks import Block, printable_name, xmp_block
from defocus.pictures.tags import exif_blocks
from defocus.reading import FileBytes

_PIXELS = frozenset(
    {
        b"VP8X",
        b"VP8 ",
        b"VP8L",
        b"ALPH",
        b"ANIM",
        b"ANMF",
    }
)
_ALPHA = 0x10
"""Bit that says that a picture has transparency, in the flags of an extended file and at the end of
a lossless header."""
_PLACED = frozenset({b"ICCP", b"EXIF", b"XMP "})


def chunks_of(
    data: bytes | FileBytes, place: int = 12
) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk of a file, or of a part of it."""
    stated = int.from_bytes(data[4:8], "little")
    end = min(len(data), 8 + stated)
    while place + 8 <= end:
        name = data[place : place + 4]
        packed_size = data[place + 4 : place + 8]
        size = int.from_bytes(packed_size, "little")
        start = place + 8
        yield name, data[start : start + size]
        place = start + size + size % 2


def webp_chunk(data: bytes | FileBytes, name: bytes) -> bytes:
    """The content of the first chunk with a name; empty if there is none."""
    for kind, content in chunks_of(data):
        if kind == name:
            return content
    return b""


def is_lossless(data: bytes) -> bool:
    """Whether the first picture of a file is stored without loss."""
    for name, content in chunks_of(data):
        if name == b"ANMF":
            names = [inner for inner, _ in chunks_of(content, 16)]
            return b"VP8L" in names
        if name in {b"VP8 ", b"VP8L"}:
            return name == b"VP8L"
    return False


def may_be_transparent(head: bytes) -> bool:
    """Whether the header of a file says that its pictures may have a transparency."""
    place = {b"VP8X": 20, b"VP8L": 24}.get(head[12:16])
    return place is not None and bool(head[place] & _ALPHA)


def webp_frames(data: bytes) -> int:
    """How many pictures a file has."""
    names = [name for name, _ in chunks_of(data)]
    return max(1, names.count(b"ANMF"))


def webp_blocks(data: bytes) -> list[Block]:
    """Everything that a WebP holds besides the pixels of its first picture."""
    blocks = []
    for name, content in chunks_of(data):
        if name == b"EXIF":
            blocks += exif_blocks(content.removeprefix(b"Exif\0\0"))
        elif name == b"XMP ":
            blocks.append(xmp_block(content))
        elif name == b"ICCP":
            blocks.append(Block("colour profile", "", content))
        elif name == b"C2PA":
            blocks.append(Block("content credentials (C2PA)", "", content))
        elif name not in _PIXELS:
            blocks.append(Block("WebP chunks", printable_name(name), content))
    return blocks


def with_further_chunks(encoded: bytes, given: bytes) -> bytes:
    """A WebP with those chunks of another file that no library writes."""
    if encoded[12:16] != b"VP8X":
        return encoded  # the short form has no room for them
    further = b""
    for name, content in chunks_of(given):
        if name not in _PIXELS | _PLACED | {b"C2PA"}:
            size = struct.pack("<I", len(content))
            filling = b"\0" * (len(content) % 2)
            further += name + size + content + filling
    if not further:
        return encoded
    whole = encoded[12:] + further
    return b"RIFF" + struct.pack("<I", 4 + len(whole)) + b"WEBP" + whole
