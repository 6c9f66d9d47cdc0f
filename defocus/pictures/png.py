"""Chunks of PNG files.

Source: PNG specification, third edition (W3C 2025), sections 5, 11 and 14."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.pictures.blocks import (
    Block,
    printable_name,
    resolution_block,
    resource_blocks,
    xmp_block,
)
from defocus.pictures.tags import exif_blocks
from defocus.reading import FileBytes

PNG_BEGINS = b"\x89PNG\r\n\x1a\n"
_PIECE_BYTES = 2**20
_LATE = {b"IDAT", b"IEND"}
BITS = 24
"""Place of the bits of a value in a PNG."""
COLOUR_TYPE = 25
"""Place of the colour type in a PNG."""
_RGB = 2
_PALETTE = 3
GREY_TYPES = (0, 4)
"""Colour types of grey without and with transparency."""
PNG_HEAD_BYTES = 8 + 25
"""Bytes of a PNG's signature and IHDR. The chunks that say its colours come behind them."""
XMP_WORDS = b"XML:com.adobe.xmp\0"
COMMENT_WORDS = b"Comment\0\0\0\0\0"
COLOUR = frozenset(
    {
        b"cICP",
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"mDCV",
        b"cLLI",
        b"mDCv",
        b"cLLi",
    }
)
_RESOURCES = b"Raw profile type iptc\0"
_EXIF_TEXTS = (b"Raw profile type exif\0", b"Raw profile type APP1\0")
_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_PIXELS = frozenset(
    {
        b"IHDR",
        b"PLTE",
        b"tRNS",
        b"IDAT",
        b"IEND",
    }
)
_PIXELS_ALONE = frozenset({b"IHDR", b"IDAT", b"IEND"})
_FRAMES = frozenset({b"acTL", b"fcTL", b"fdAT"})
_NAMES = {
    b"caBX": "content credentials (C2PA)",
    b"bKGD": "background colour",
    b"tIME": "time",
}
_KEPT = COLOUR | {b"iCCP", b"sBIT", b"sPLT", b"tIME"}
_MOST_BYTES = 100_000_000
_SAMPLES = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}
"""Number of values in sBIT, by colour type."""


@dataclass(frozen=True)
class Chunk:
    """A chunk besides the pixels; ``sound`` is whether its checksum is right."""

    name: bytes
    content: bytes
    early: bool = True
    sound: bool = True


@dataclass(frozen=True)
class PngParts:
    """A PNG without its pixels; ``head`` is depth and colour type, ``frames`` an animation's."""

    head: tuple[int, int]
    chunks: tuple[Chunk, ...]
    trailer: bytes
    frames: int
    ended: bool = True

    @property
    def exif(self) -> bytes:
        """The EXIF block; one in a text, as ImageMagick wrote it, where there is no other."""
        block = self._content(b"eXIf")
        if block:
            return block.removeprefix(b"Exif\0\0")
        for chunk in self.chunks:
            is_text = chunk.sound and chunk.name in {b"tEXt", b"zTXt"}
            if is_text and chunk.content.startswith(_EXIF_TEXTS):
                return raw_profile(chunk).removeprefix(b"Exif\0\0")
        return b""

    @property
    def profile(self) -> bytes:
        """The colour profile."""
        return inflated(self._content(b"iCCP"))

    def _content(self, name: bytes) -> bytes:
        for chunk in self.chunks:
            if chunk.sound and chunk.name == name:
                return chunk.content
        return b""

    def blocks_of(self, chunk: Chunk) -> list[Block]:
        """Blocks in a chunk of this file."""
        return _blocks_of(chunk, self.head)


def png_parts(data: bytes) -> PngParts:
    """The parts of a file that begins as a PNG."""
    chunks = []
    early = True
    ended = False
    shown = 0
    trailer = b""
    for name, start, end in png_chunks(data):
        content = data[start : end - 4]
        check = data[end - 4 : end]
        if name == b"IDAT":
            early = False
        elif name == b"fcTL":  # the still picture may be none of them
            shown += 1
        elif name == b"IEND":
            trailer = data[end:]
            ended = True
            break
        is_whole = len(content) == end - 4 - start
        if is_whole and name not in _PIXELS | _FRAMES:
            computed = zlib.crc32(name + content)
            sound = computed.to_bytes(4, "big") == check
            chunks.append(Chunk(name, content, early, sound))
    head = (0, 0)
    if len(data) > COLOUR_TYPE:
        head = (data[BITS], data[COLOUR_TYPE])
    return PngParts(
        head,
        tuple(chunks),
        trailer,
        max(shown, 1),
        ended,
    )


def png_blocks(data: bytes) -> list[Block]:
    """Everything that a PNG holds besides the pixels of its picture."""
    parts = png_parts(data)
    blocks = []
    for chunk in parts.chunks:
        blocks += parts.blocks_of(chunk)
    if parts.trailer.strip(b"\0\r\n "):
        blocks.append(Block("data behind the picture", "", parts.trailer))
    return blocks


def _blocks_of(chunk: Chunk, head: tuple[int, int]) -> list[Block]:
    name = chunk.name
    content = chunk.content
    if name == b"eXIf":
        return exif_blocks(content.removeprefix(b"Exif\0\0"))
    if name in _TEXT:
        return _text_blocks(chunk)
    if name == b"iCCP":
        return [Block("colour profile", "", inflated(content))]
    if name == b"pHYs":
        if len(content) == 9 and content[8] == 1:
            return [resolution_block(*struct.unpack_from(">II", content))]
        return [Block("resolution", "", content)]
    if name in COLOUR:
        return [Block("colour chunks", name.decode(), content)]
    if name == b"sBIT":
        samples = _SAMPLES.get(head[1], 1)
        return [Block("significant bits", "", content[:samples])]
    if name in _NAMES:
        return [Block(_NAMES[name], "", content)]
    return [Block("PNG chunks", name.decode("latin-1"), content)]


def _text_blocks(chunk: Chunk) -> list[Block]:
    """The block in a chunk of text, which may be metadata of another kind."""
    name = chunk.name
    content = chunk.content
    if name == b"iTXt" and content.startswith(XMP_WORDS):
        packet = content[len(XMP_WORDS) :].lstrip(b"\0")
        return [xmp_block(packet)]
    if name == b"iTXt" and content.startswith(COMMENT_WORDS):
        comment = content[len(COMMENT_WORDS) :]
        return [Block("comment", "", comment)]
    if name == b"zTXt" and content.startswith(_RESOURCES):
        return resource_blocks(raw_profile(chunk))
    keyword = content.split(b"\0")[0]
    return [Block("texts", printable_name(keyword), content)]


def inflated(content: bytes) -> bytes:
    """The colour profile in a chunk; the chunk itself if it is damaged."""
    if not content:
        return b""
    packed = content[content.find(b"\0") + 2 :]
    try:
        inflating = zlib.decompressobj()
        return inflating.decompress(packed, _MOST_BYTES)
    except zlib.error:
        return content


def kept_chunks(parts: PngParts, head: tuple[int, int]) -> list[Chunk]:
    """The chunks that still hold when the pixels have changed, for a new depth and colour type."""
    bits, colour_type = head
    kept = []
    for chunk in parts.chunks:
        name = chunk.name
        safe = name[3:].islower() or name in _KEPT
        same = name == b"bKGD" and head == parts.head
        if not chunk.sound or not (safe or same):
            continue
        if name != b"sBIT":
            kept.append(chunk)
            continue
        samples = _SAMPLES.get(parts.head[1], 1)
        significant = chunk.content[:samples]
        if len(significant) == _SAMPLES.get(colour_type):
            has_alpha = colour_type in {4, 6}
            content = significant + bytes([bits] * has_alpha)
            kept.append(Chunk(name, content))
    return kept


def with_chunks(encoded: bytes, chunks: Iterable[Chunk]) -> bytes:
    """A PNG with further chunks."""
    early = b""
    late = b""
    for chunk in chunks:
        packed = png_chunk(chunk.name, chunk.content)
        if chunk.early:
            early += packed
        else:
            late += packed
    head = encoded[:PNG_HEAD_BYTES]
    end = png_chunk(b"IEND", b"")
    body = encoded[PNG_HEAD_BYTES:].removesuffix(end)
    return head + early + body + late + end


def colour_chunk(primaries: int, curve: int) -> Chunk:
    """Codes of colours (ITU-T H.273) of RGB at full range as a chunk."""
    return Chunk(b"cICP", bytes([primaries, curve, 0, 1]))


def comment_chunk(text: bytes) -> Chunk:
    """The comment of a JPEG as a text: its bytes are mostly UTF-8, and no encoding is stated."""
    printable = text.rstrip(b"\0").replace(b"\0", b" ")
    shown = printable.decode("utf-8", "replace").encode()
    return Chunk(b"iTXt", COMMENT_WORDS + shown)


def resource_chunk(resources: bytes) -> Chunk:
    """Photoshop resources, IPTC among them, in the form that ImageMagick and exiftool read."""
    digits = resources.hex()
    begins = range(0, len(digits), 72)
    lines = [digits[begin : begin + 72] for begin in begins]
    size = f"{len(resources):8d}"
    text = "\n".join(["", "iptc", size, *lines, ""])
    packed = zlib.compress(text.encode())
    return Chunk(b"zTXt", _RESOURCES + b"\0" + packed)


def raw_profile(chunk: Chunk) -> bytes:
    """Content of a profile that is stored as text; the chunk's content if it is damaged."""
    try:
        text = chunk.content.partition(b"\0")[2]
        if chunk.name == b"zTXt":
            text = zlib.decompressobj().decompress(text[1:], _MOST_BYTES)
        lines = text.decode("ascii").split("\n")
        return bytes.fromhex("".join(lines[3:]))
    except (zlib.error, ValueError):
        return chunk.content


def png_chunk(name: bytes, content: bytes) -> bytes:
    """One chunk of a PNG file. Source: PNG specification, third edition: 5.3."""
    size = struct.pack(">I", len(content))
    check = struct.pack(">I", zlib.crc32(name + content))
    return size + name + content + check


def transparent_grey(png: bytes) -> int | None:
    """The grey that a PNG names as transparent, in the values that a decoder gives."""
    # Source: PNG specification, third edition: 11.3.1.1; 13.12 for the scale of few bits.
    named = early_chunks(png).get(b"tRNS")
    if png[COLOUR_TYPE] or named is None:
        return None
    most = (1 << png[BITS]) - 1
    level = int.from_bytes(named[:2], "big") & most
    return level * (255 // most) if most < 255 else level


def lacks_end(png: bytes) -> bool:
    """Whether a PNG has no end, or one behind a chunk that is cut short."""
    return all(name != b"IEND" for name, _, _ in png_chunks(png))


def is_animated(png: bytes) -> bool:
    """Whether a PNG is an animation."""
    return b"acTL" in early_chunks(png)


def has_long_transparency(png: bytes) -> bool:
    """Whether a PNG gives more transparencies than its palette has colours, which OpenCV drops."""
    chunks = early_chunks(png)
    if not chunks.keys() >= {b"PLTE", b"tRNS"}:
        return False
    if png[COLOUR_TYPE] != _PALETTE:
        return False
    return 3 * len(chunks[b"tRNS"]) > len(chunks[b"PLTE"])


def still_png(png: bytes) -> bytes:
    """A PNG as the still picture that a reader without animation shows."""
    # Transparencies beyond the colours of its palette are left out; a missing end is added.
    has_palette = png[COLOUR_TYPE] == _PALETTE
    kept = [png[:8]]
    colours = 256
    for name, start, end in png_chunks(png):
        content = png[start : end - 4]
        if name == b"PLTE":
            colours = len(content) // 3
        if name == b"tRNS" and has_palette and colours < len(content):
            kept.append(png_chunk(name, content[:colours]))
        elif name not in _FRAMES and end <= len(png):
            kept.append(png[start - 8 : end])
        if name == b"IEND":
            return b"".join(kept)
    kept.append(png_chunk(b"IEND", b""))
    return b"".join(kept)


def png_chunks(png: bytes | FileBytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start of content and end after the checksum of each chunk; the last may be cut."""
    place = 8
    while place + 12 <= len(png):
        size = int.from_bytes(png[place : place + 4], "big")
        name = png[place + 4 : place + 8]
        end = place + 12 + size
        yield name, place + 8, end
        place = end


def early_chunks(png: Any) -> dict[bytes, bytes]:  # noqa: ANN401 - bytes, or such a map
    """The content of the first chunk of each name before the pixels."""
    chunks: dict[bytes, bytes] = {}
    for name, start, end in png_chunks(png):
        if name in _LATE:
            break
        chunks.setdefault(name, png[start : end - 4])
    return chunks


def has_pixels_alone(png: bytes) -> bool:
    """Whether a PNG is in colour without alpha and holds nothing but its pixels."""
    for name, start, end in png_chunks(png):
        if name not in _PIXELS_ALONE:
            return False
        if name == b"IEND":
            colour_type = png[COLOUR_TYPE : COLOUR_TYPE + 1]
            in_colour = colour_type == bytes([_RGB])
            return in_colour and start + 4 == end == len(png)
    return False


def has_all_pixels(png: bytes) -> bool:
    """Whether a PNG ends, or lacks only its end while its compressed pixels are whole."""
    for name, _, end in png_chunks(png):
        if name == b"IEND":
            return end <= len(png)
    return _is_whole(_compressed_pixels(png))


def _compressed_pixels(png: bytes) -> Iterator[bytes]:
    """The parts of the compressed pixels, one after the other."""
    for name, start, end in png_chunks(png):
        if name == b"IDAT":
            yield png[start : end - 4]


def _is_whole(compressed: Iterable[bytes]) -> bool:
    """Whether compressed bytes are complete; they are inflated part by part in bounded memory."""
    inflating = zlib.decompressobj()
    try:
        for part in compressed:
            rest = part
            while rest and not inflating.eof:
                inflating.decompress(rest, _PIECE_BYTES)
                rest = inflating.unconsumed_tail
    except zlib.error:
        return False
    return inflating.eof


def png_of_grey_and_alpha(picture: NDArray[Any]) -> bytes:
    """PNG of grey and alpha: OpenCV writes none, Pillow none of 16 bits (PNG 9.2, filter 2, Up)."""
    height = len(picture)
    up = 2
    big_endian = picture.astype(picture.dtype.newbyteorder(">"))
    rows = big_endian.reshape(height, -1).view(np.uint8)
    lines = np.full((height, 1 + rows.shape[1]), up, np.uint8)
    above_first = np.zeros_like(rows[:1])
    lines[:, 1:] = np.diff(rows, axis=0, prepend=above_first)
    return png_of_lines(picture, zlib.compress(lines.tobytes()))


def png_of_lines(picture: NDArray[Any], compressed: bytes) -> bytes:
    """A PNG of filtered lines that are compressed already."""
    height, width = picture.shape[:2]
    channels = picture.shape[2] if picture.ndim == 3 else 1
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    depth = 8 * picture.itemsize
    head = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = [
        PNG_BEGINS,
        png_chunk(b"IHDR", head),
        png_chunk(b"IDAT", compressed),
        png_chunk(b"IEND", b""),
    ]
    return b"".join(chunks)
