"""JPEG files: their segments, what follows the picture, and whether all of their parts are there.

Source: ITU-T T.81, annexes B and G; CIPA DC-007 (several pictures in one file); JFIF 1.02."""

import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.pictures.blocks import (
    Block,
    big_number,
    printable_name,
    resolution_block,
    resource_blocks,
    xmp_block,
)
from defocus.pictures.headers import (
    JPEG_FRAMES,
    jpeg_components,
    jpeg_scan_start,
    jpeg_segments,
)
from defocus.pictures.tags import LONG, DirectoryEntry, exif_blocks, first_directory

EXIF = b"Exif\0\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
LONG_XMP = b"http://ns.adobe.com/xmp/extension/\0"
ICC = b"ICC_PROFILE\0"
MPF = b"MPF\0"
PHOTOSHOP = b"Photoshop 3.0\0"
JFIF = b"JFIF\0"
JFXX = b"JFXX\0"
ADOBE = b"Adobe"
MOST_BYTES = 65533
COMMENT = 0xFE
JUMBF = 0xEB
_APP = range(0xE0, 0xF0)
_SCAN = 0xDA
_END = 0xD9
_MP_ENTRIES = 0xB002
_MP_NUMBER = 0xB001
_MP_ROW_BYTES = 16
PREVIEW = "preview of the picture"
_PREVIEWS = {0x010001, 0x010002}
_GAIN_MAP = (b"urn:iso:std:iso:ts:21496:-1", b"hdrgm:", b"HDRGainMap")
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_COEFFICIENTS = 64
_MISSING = 128
"""Value of pixels whose data are missing: half of white."""
_MISSING_INKS = 64
"""Value of CMYK pixels whose data are missing: half of white under half of black."""
_MORE = bytes(range(255)) * 8

Decode = Callable[[bytes], NDArray[Any]]


@dataclass(frozen=True)
class Segment:
    """A segment of metadata: marker (0xE0 to 0xEF, or 0xFE), content without length, its place."""

    marker: int
    content: bytes
    place: int = 0

    @property
    def packed(self) -> bytes:
        """The segment as bytes of a file."""
        return (
            struct.pack(">BBH", 0xFF, self.marker, len(self.content) + 2) + self.content
        )


@dataclass(frozen=True)
class JpegParts:
    """A JPEG without its pixels; ``trailer`` is all that follows: further pictures, a film."""

    segments: tuple[Segment, ...]
    end: int
    trailer: bytes
    colours: int = 0


def jpeg_parts(data: bytes) -> JpegParts:
    """The parts of a file that begins as a JPEG."""
    segments = []
    colours = 0
    end = len(data)
    for kind, place in jpeg_segments(data):
        if kind in _APP or kind == COMMENT:
            size = big_number(data, place + 2, 2)
            begin = place + 4
            content = data[begin : place + 2 + size]
            segments.append(Segment(kind, content, begin))
        elif kind in JPEG_FRAMES and place + 9 < len(data):
            colours = data[place + 9]
        elif kind == _END:
            end = place + 2
    return JpegParts(tuple(segments), end, data[end:], colours)


def joined(segments: tuple[Segment, ...], marker: int, begin: bytes) -> bytes:
    """The content of all segments of a kind behind the words that they begin with."""
    parts = (
        segment.content.removeprefix(begin)
        for segment in segments
        if segment.marker == marker and segment.content.startswith(begin)
    )
    return b"".join(parts)  # in one go: a file can have thousands of segments


def jpeg_exif(data: bytes) -> bytes:
    """The EXIF block of a JPEG, or of its beginning; a long one is in several segments."""
    return joined(jpeg_parts(data).segments, 0xE1, EXIF)


def parted(marker: int, begin: bytes, content: bytes) -> list[Segment]:
    """Segments of a kind; what is too long for one goes on in the next, as exiftool writes it."""
    step = MOST_BYTES - len(begin)
    segments = []
    for place in range(0, len(content), step):
        part = content[place : place + step]
        segments.append(Segment(marker, begin + part))
    return segments


def profile_of(segments: tuple[Segment, ...]) -> bytes:
    """The colour profile; its parts are in the order of their numbers."""
    contents = [one.content for one in segments if one.content.startswith(ICC)]
    different = dict.fromkeys(contents)
    in_order = sorted(different, key=lambda content: content[12:13])
    return b"".join(content[len(ICC) + 2 :] for content in in_order)


def behind(parts: JpegParts) -> list[Block]:
    """The bytes behind the first picture: further pictures, a film, or anything."""
    trailer = parts.trailer
    blocks = []
    rest = b""
    taken = 0
    in_order = sorted(_frames(parts), key=lambda one: one[1])
    for kind, place, size in in_order:
        frame = trailer[place : place + size]
        blocks.append(Block(_picture_name(kind, frame), "", frame))
        rest += trailer[taken:place]
        taken = max(taken, place + size)
    rest += trailer[taken:]
    xmp = joined(parts.segments, 0xE1, XMP)
    name = _trailer_name(rest, xmp)
    if name:
        blocks.append(Block(name, "", rest))
    return blocks


def still_true(segments: tuple[Segment, ...], *, profile: bool) -> list[Segment]:
    """The segments that still hold when the pixels have changed."""
    # Left out are small pictures of JFIF, what is about the encoding, and signed claims.
    kept: list[Segment] = []
    for one in segments:
        content = one.content
        if content.startswith((ADOBE, JFXX)) or one.marker == JUMBF:
            continue
        again = any(content == other.content for other in kept)
        if content.startswith(ICC) and (again or not profile):
            continue
        if content.startswith(JFIF) and len(content) >= 12:
            without_thumbnail = content[:12] + bytes(2)
            kept.append(Segment(one.marker, without_thumbnail))
        else:
            kept.append(one)
    return kept


def with_changed(
    given: tuple[Segment, ...], blocks: dict[tuple[int, bytes], bytes], *, profile: bool
) -> list[Segment]:
    """The segments that still hold; ``blocks`` has other content by marker and first words."""
    segments: list[Segment] = []
    written = set()
    for segment in still_true(given, profile=profile):
        key = _key_of(segment, blocks)
        if key is None:
            segments.append(segment)
        elif key not in written:
            segments += parted(*key, blocks[key])
            written.add(key)
    return segments


def _key_of(
    segment: Segment, keys: Iterable[tuple[int, bytes]]
) -> tuple[int, bytes] | None:
    """The marker and first words, among some, that a segment has; None if it has none of them."""
    for marker, begin in keys:
        if segment.marker == marker and segment.content.startswith(begin):
            return marker, begin
    return None


def jpeg_blocks(data: bytes) -> list[Block]:
    """Everything that a JPEG holds besides the pixels of its first picture."""
    parts = jpeg_parts(data)
    blocks = exif_blocks(joined(parts.segments, 0xE1, EXIF))
    blocks += resource_blocks(joined(parts.segments, 0xED, PHOTOSHOP))
    if profile := profile_of(parts.segments):
        blocks.append(Block("colour profile", "", profile))
    for segment in parts.segments:
        block = _block(segment)
        blocks += [block] if block is not None else []
    return blocks + behind(parts)


def _block(segment: Segment) -> Block | None:
    """The block in a segment; None for segments that are joined, or that describe the encoding."""
    content = segment.content
    if segment.marker == COMMENT:
        return Block("comment", "", content)
    if content.startswith((EXIF, ICC, MPF, PHOTOSHOP, ADOBE)):
        return None
    if content.startswith(XMP):
        return xmp_block(content[len(XMP) :])
    if content.startswith(LONG_XMP):
        return Block("extended XMP", "", content)
    if content.startswith(JFIF):
        return _jfif_resolution(content)
    if content.startswith(JFXX):
        return Block("JFIF thumbnail")
    if segment.marker == JUMBF:
        c2pa = b"c2pa" in content[:4000] or b"jumb" in content[:40]
        return Block(
            "content credentials (C2PA)" if c2pa else "APP11 data", "", content
        )
    if content.startswith(_GAIN_MAP[0]):
        return Block("HDR gain map", "its version", content)
    name = content[:16].split(b"\0")[0]
    word = printable_name(name).split(":")[0]
    return Block("other segments", f"APP{segment.marker - 0xE0}:{word}", content)


def _jfif_resolution(header: bytes) -> Block | None:
    resolution = jfif_per_metre(header)
    return None if resolution is None else resolution_block(*resolution)


def jfif_per_metre(header: bytes) -> tuple[float, float] | None:
    """Pixels per metre by a JFIF header; None where it has no unit."""
    packed = header.ljust(12, b"\0")
    unit, across, down = struct.unpack_from(">BHH", packed, 7)
    per_metre = {1: 1 / 0.0254, 2: 100.0}.get(unit)
    if per_metre is None:
        return None
    return across * per_metre, down * per_metre


def _picture_name(kind: int, content: bytes) -> str:
    if kind in _PREVIEWS:
        return PREVIEW
    if any(one in content[:70000] for one in _GAIN_MAP):
        return "HDR gain map"
    return "further picture"


def _trailer_name(trailer: bytes, xmp: bytes) -> str:
    """What follows all pictures of a file, in words; XMP may say it where no index does."""
    if not trailer.strip(b"\0\r\n \xff"):
        return ""
    if trailer[:3] == b"\xff\xd8\xff":
        listed = b"GainMap" in xmp
        return "HDR gain map" if listed else _picture_name(0, trailer)
    named_film = b"ftypmp4" in trailer or b"MotionPhoto_Data" in trailer
    if named_film or trailer[4:8] == b"ftyp":
        return "film of the motion photo"
    return "data behind the picture"


def _frames(parts: JpegParts) -> list[tuple[int, int, int]]:
    """Kind, place in the trailer, and size of each further picture of an index."""
    frames = []
    for segment in parts.segments:
        if segment.marker != 0xE2 or not segment.content.startswith(MPF):
            continue
        index_place = segment.place + len(MPF)
        index = segment.content[len(MPF) :]
        for kind, size, offset in _index(index):
            place = index_place + offset - parts.end
            inside = place >= 0 and place + size <= len(parts.trailer)
            if offset and inside:
                frames.append((kind, place, size))
    return frames


def _index(content: bytes) -> list[tuple[int, int, int]]:
    """Kind, size and offset of each picture of an index (MPF)."""
    first = first_directory(content)
    entry = None if first is None else first[1].entry(_MP_ENTRIES)
    if first is None or entry is None:
        return []
    form = first[0].order + "III"
    pictures = []
    for place in _row_places(entry):
        attributes, size, offset = struct.unpack_from(form, entry.content, place)
        pictures.append((attributes & 0xFFFFFF, size, offset))
    return pictures


def _row_places(entry: DirectoryEntry) -> range:
    """Where the rows of an index begin, each of which has 16 bytes."""
    return range(0, len(entry.content) - 15, _MP_ROW_BYTES)


def with_segments(
    encoded: bytes, given: JpegParts, segments: tuple[Segment, ...]
) -> bytes:
    """A picture with the segments and the trailer of another file."""
    # Previews, which show the picture as it was, are taken out; an index of further pictures is
    # written again.
    bare = _without_jfif(encoded)
    frames = _frames(given)
    trailer, places = _without_previews(given, frames)
    if frames and not places:
        segments = tuple(one for one in segments if not one.content.startswith(MPF))
    size = len(bare)
    for segment in segments:
        size += len(segment.packed)
    written = bare[:2]
    for segment in segments:
        if frames and segment.content.startswith(MPF):  # it keeps its length
            from_end = segment.place - given.end
            move = _Move(from_end, len(written) + 4, size, places)
            index = _moved(segment.content[len(MPF) :], move)
            segment = Segment(segment.marker, MPF + index)
        written += segment.packed
    return written + bare[2:] + trailer


def _without_jfif(encoded: bytes) -> bytes:
    while encoded[2:4] == b"\xff\xe0":
        size = int.from_bytes(encoded[4:6], "big")
        encoded = encoded[:2] + encoded[4 + size :]
    return encoded


def _without_previews(
    given: JpegParts, frames: list[tuple[int, int, int]]
) -> tuple[bytes, dict[int, int]]:
    """The trailer without previews, and the new place of each further picture by its old one."""
    trailer = b""
    places: dict[int, int] = {}
    taken = 0
    in_order = sorted(frames, key=lambda one: one[1])
    for kind, place, size in in_order:
        if place < taken:
            continue
        if kind in _PREVIEWS:
            trailer += given.trailer[taken:place]
            taken = place + size
        else:
            places[place] = len(trailer) + place - taken
    return trailer + given.trailer[taken:], places


@dataclass(frozen=True)
class _Move:
    """How an index of further pictures is written again."""

    from_end: (
        int  # place of its old segment, counted from the end of the old first picture
    )
    place: int  # of its new segment
    size: int  # of the new first picture
    places: dict[int, int]  # in the new trailer, by those in the old one

    def row(self, row: bytes, order: str) -> bytes:
        """One picture's entry for the new file; empty for one that is gone."""
        kind, _, offset, depends = struct.unpack(order + "4I", row)
        if not offset:
            return struct.pack(order + "4I", kind, self.size, 0, depends)
        old_place = self.from_end + len(MPF) + offset
        if old_place not in self.places:
            return b""
        index_place = self.place + len(MPF)
        moved = self.size + self.places[old_place] - index_place
        offset_bytes = struct.pack(order + "I", moved)
        return row[:8] + offset_bytes + row[12:]


def _moved(index: bytes, move: _Move) -> bytes:
    """The index of further pictures (MPF), adapted to a first picture of another size."""
    first = first_directory(index)
    entry = None if first is None else first[1].entry(_MP_ENTRIES)
    if first is None or entry is None:
        return index
    structure, directory = first
    rows = _moved_rows(entry, move, structure.order)
    table = b"".join(rows).ljust(len(entry.content), b"\0")
    content = bytearray(index)
    table_end = entry.value_place + len(table)
    content[entry.value_place : table_end] = table
    long = structure.order + "I"
    size = _MP_ROW_BYTES * len(rows)
    struct.pack_into(long, content, entry.place + 4, size)
    number = directory.entry(_MP_NUMBER)
    if number is not None and number.kind == LONG:
        struct.pack_into(long, content, number.value_place, len(rows))
    return bytes(content)


def _moved_rows(entry: DirectoryEntry, move: _Move, order: str) -> list[bytes]:
    """The rows of an index for the pictures that stay."""
    rows = []
    for place in _row_places(entry):
        given = entry.content[place : place + _MP_ROW_BYTES]
        row = move.row(given, order)
        if row:
            rows.append(row)
    if len(rows) < len(entry.content) // _MP_ROW_BYTES:
        # a picture that others depend on may be gone
        return [row[:12] + bytes(4) for row in rows]
    return rows


def lacks_a_part(data: bytes, picture: NDArray[Any], decode: Decode) -> bool:
    """Whether part of a JPEG is missing; a gap of less than a row or so may pass."""
    # Restart markers count from 0 to 7 over and over. Without them, data that end early leave the
    # last corner grey, and bytes before the end marker change it. All scans must be there, the last
    # complete.
    segments = jpeg_segments(data)
    if not _every_detail(data, segments):
        return True
    scans = _places(segments, _SCAN)
    end = next(iter(_places(segments, _END)), len(data))
    if len(scans) > 1:
        return _wants_more(data, end, b"", picture, decode)
    start = jpeg_scan_start(data)
    restarts = b"".join(re.findall(rb"\xff([\xd0-\xd7])", data[start:end]))
    for index, number in enumerate(restarts):
        if number != 0xD0 + index % 8:
            return True
    if not _may_lack_corner(data, picture):
        return False
    following = b""
    if restarts:
        following = bytes([0xFF, 0xD0 + len(restarts) % 8])
    return _wants_more(data, end, following, picture, decode)


def _may_lack_corner(data: bytes, picture: NDArray[Any]) -> bool:
    """Whether the last corner looks as if its data were missing."""
    missing = _MISSING_INKS if jpeg_components(data) == 4 else _MISSING
    corner = picture[-8:, -8:]
    return bool(np.all(corner == missing))


def _wants_more(
    data: bytes,
    end: int,
    following: bytes,
    picture: NDArray[Any],
    decode: Decode,
) -> bool:
    """Whether bytes in front of the end marker change the picture."""
    longer = data[:end] + following + _MORE + data[end:]
    return not np.array_equal(decode(longer), picture)


def _places(segments: list[tuple[int, int]], wanted: int) -> list[int]:
    """Where the segments of a kind are."""
    return [place for kind, place in segments if kind == wanted]


def _every_detail(data: bytes, segments: list[tuple[int, int]]) -> bool:
    """Whether the scans give each coefficient of each colour to its last bit."""
    frames = [place for kind, place in segments if kind in _FRAMES]
    if not frames:
        return True  # of a rare kind, without scans that add to each other
    start = frames[0] + 10
    number = data[frames[0] + 9]
    colours = data[start : start + 3 * number : 3]
    missing = {colour: np.full(_COEFFICIENTS, True) for colour in colours}
    for place in _places(segments, _SCAN):
        if not _takes_details(data, place, missing):
            return False  # damaged
    return not np.any([*missing.values()])


def _takes_details(
    data: bytes, place: int, missing: dict[int, NDArray[np.bool_]]
) -> bool:
    """Take what a scan gives from the missing coefficients by colour; False if it is damaged."""
    end = place + 5 + 2 * data[place + 4]
    named = data[place + 5 : end : 2]
    spectrum = data[end : end + 3]
    if len(spectrum) < 3:
        return False
    if not missing.keys() >= {*named}:
        return False
    first, last, bits = spectrum
    for colour in named:
        details = slice(first, last + 1)
        missing[colour][details] = (bits & 15) != 0
    return True
