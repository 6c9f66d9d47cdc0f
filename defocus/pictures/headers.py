"""Headers of picture files, read first because a decoder believes what a header claims."""

import contextlib
import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias, cast

from defocus.errors import FileError, ImageError
from defocus.pictures.blocks import big_number
from defocus.pictures.heif import HEIF_HEAD_BYTES, jpeg_xl_bits, may_have_alpha
from defocus.pictures.png import (
    BITS,
    COLOUR_TYPE,
    PNG_BEGINS,
    early_chunks,
    has_all_pixels,
)
from defocus.pictures.raw import is_raw
from defocus.pictures.tags import first_directory
from defocus.pictures.webp import may_be_transparent
from defocus.reading import FileBytes, require_file

_BEGIN = 0xD8
_SCAN = 0xDA
_END = 0xD9
_NO_MARKERS = {0, 0xFF}
_ALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers of a JPEG without a length."""
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG that begin the header of a picture."""
_HEADERS = JPEG_FRAMES | {0xF7}
_USUAL_HEADERS = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_JPEG_LS = 0xF7
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""The next marker in a scan's data. A stuffed zero, a restart and a filling byte do not count as
one."""


TIFF_BEGINS = (
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
)
_BEGINS = (
    ("PNG", (PNG_BEGINS + b"\0\0\0\rIHDR",)),
    ("JPEG", (b"\xff\xd8",)),
    ("BMP", (b"BM",)),
    ("TIFF", TIFF_BEGINS),
    ("JPEG XL", (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")),
)
"""First bytes of the formats that are read. OpenCV would open twenty more, which nobody has
tested."""
_OTHERS: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    ("a GIF", (b"GIF8",)),
    ("a PNG for apps of iPhones (CgBI)", (PNG_BEGINS + b"\0\0\0\4CgBI",)),
    ("JPEG 2000", (b"\0\0\0\x0cjP  \r\n", b"\xff\x4f\xff\x51")),
    ("JPEG XR", (b"II\xbc",)),
    ("a Photoshop document", (b"8BPS",)),
    ("OpenEXR", (b"\x76\x2f\x31\x01",)),
    ("a Radiance HDR", (b"#?RADIANCE", b"#?RGBE")),
    ("a PFM", (b"PF\n", b"Pf\n")),
    (
        "a PNM",
        tuple(b"P%d%c" % (kind, blank) for kind in range(1, 8) for blank in b"\n\r\t "),
    ),
    ("a QOI", (b"qoif",)),
    ("an SVG", (b"<svg",)),
    ("a PDF", (b"%PDF",)),
)
"""First bytes of formats that are not read, by the format's name in messages."""
_NO_PICTURES: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    (
        "a pointer of Git LFS instead of the picture; run 'git lfs pull'",
        (b"version https://git-lfs",),
    ),
    (
        "a web page instead of the picture; download it again",
        (b"<!doctype html", b"<html"),
    ),
)
_AVIF = {b"avif", b"avis"}
_HEIC = {
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"hevc",
    b"hevx",
    b"mif1",
}

SUFFIXES = MappingProxyType(
    {
        "PNG": (".png",),
        "JPEG": (".jpg", ".jpeg", ".jpe", ".jif", ".jfif"),
        "TIFF": (".tif", ".tiff"),
        "BMP": (".bmp",),
        "WebP": (".webp",),
        "HEIC": (".heic", ".heif", ".hif"),
        "AVIF": (".avif",),
        "JPEG XL": (".jxl",),
    }
)
"""Suffixes (lower case) of each kind of picture that is read, but RAW files."""

Size: TypeAlias = tuple[int, int]
"""Width and height of a picture, px."""
Content: TypeAlias = bytes | mmap.mmap
"""The bytes of a file, in memory or mapped."""
MAX_PIXELS = 400_000_000
"""A picture with more pixels is refused: no camera makes one, a decompression bomb does."""

MOST_BYTES = 12 * MAX_PIXELS
"""Size of the largest file that is read, in bytes: three channels of float32 at MAX_PIXELS."""

FREE_PIXELS = 32_000_000
MOST_RATIO = 2000
"""Largest number of pixel values per byte of the file. A flat PNG has 1,032; a higher ratio is a
decompression bomb."""


def kind_of(data: bytes) -> str:
    """The kind of picture by the first 64 bytes, as :data:`SUFFIXES` names it; empty if none."""
    if data[:4] == b"RIFF":
        return "WebP" if data[8:12] == b"WEBP" else ""
    if data[4:8] == b"ftyp":
        return _kind_by_brands(data)
    for kind, begins in _BEGINS:
        if data.startswith(begins):
            return kind
    return ""


def _kind_by_brands(data: bytes) -> str:
    """The kind of a file that says in its first box which brands it has."""
    stated = int.from_bytes(data[:4], "big")
    size = min(max(stated, 16), 256)
    places = (8, *range(16, size, 4))
    brands = {data[at : at + 4] for at in places}
    if brands & _AVIF:
        return "AVIF"
    return "HEIC" if brands & _HEIC else ""


def other_kind(data: bytes) -> str:
    """The format by its first bytes, if it is a known one that is not read; else empty."""
    for name, begins in _OTHERS:
        if data.startswith(begins):
            return name
    return ""


def why_no_picture(data: bytes) -> str:
    """What a file of an unreadable kind is by its first bytes, and what to do."""
    start = data[:64].lstrip().lower()
    for reason, begins in _NO_PICTURES:
        if start.startswith(begins):
            return reason
    if name := other_kind(data):
        return f"is {name}, which is not read; save it as PNG or TIFF"
    return "not a picture that can be read; replace the file"


def refuse_truncated(path: Path, data: bytes) -> None:
    """Refuse a truncated JPEG or PNG, whose missing part OpenCV would fill with grey."""
    if not data:
        raise ImageError(f"{path}: the file is empty; copy it again")
    if _is_cut_short(data):
        raise ImageError(
            f"{path}: the file is cut short ({len(data)} bytes); copy it again"
        )


def _is_cut_short(data: bytes) -> bool:
    """Whether a JPEG or a PNG lacks its end; other kinds are not looked through."""
    if data[:2] == b"\xff\xd8":
        return b"\xff\xd9" not in data[jpeg_scan_start(data) :]
    return data[:8] == PNG_BEGINS and not has_all_pixels(data)


def refuse_cut_short(path: Path) -> None:
    """Like :func:`refuse_truncated`, but reads only the end of a file that is whole."""
    suffixes = {*SUFFIXES["JPEG"], *SUFFIXES["PNG"]}
    if path.suffix.lower() not in suffixes:
        return
    size = path.stat().st_size
    with path.open("rb") as file:
        png = file.read(len(PNG_BEGINS)) == PNG_BEGINS
        file.seek(max(0, size - _END_BYTES))
        end = file.read()
    jpeg_ends = b"\xff\xd9" in end and size > _THUMBNAIL_BYTES
    ends = b"IEND" in end if png else jpeg_ends
    if not ends:
        refuse_truncated(path, path.read_bytes())


_END_BYTES = 4096
_THUMBNAIL_BYTES = 2**17
"""A JPEG's thumbnail ends within this many bytes, as its segment has at most half of them. An end
marker behind them is the picture's."""


def refuse_oversized(path: Path, data: bytes) -> None:
    """Check the size in the header, so that a decompression bomb is refused before decoding."""
    # OpenCV itself refuses a billion pixels or more in any format; WebP cannot hold that many.
    width, height = _header_size(data)
    pixels = width * height
    if pixels > MAX_PIXELS:
        raise ImageError(f"{path}: {width}x{height} pixels are refused as a bomb")
    tight = 3 * pixels > MOST_RATIO * len(data)
    if pixels > FREE_PIXELS and tight:
        raise ImageError(
            f"{path}: {width}x{height} pixels in {len(data)} bytes are refused as a bomb"
        )


def header_size(path: Path) -> Size:
    """Width and height from the header of a file, px; 0 where it does not state them."""
    require_file(path)
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        return _header_size(data)


def _header_size(data: Content) -> Size:
    """Width and height from a header; 0 if there is none, or the decoder checks it (JPEG XL)."""
    if data[:8] == PNG_BEGINS:
        sides = data[16:24].ljust(8, b"\0")
        width, height = struct.unpack(">II", sides)
        return width, height
    if data[:2] == b"BM":
        return _bmp_header_size(data)
    if data[:4] in TIFF_BEGINS:
        return _tiff_header_size(data)
    if data[:4] == b"RIFF":
        return _webp_header_size(data)
    if data[4:8] == b"ftyp":
        return _heif_header_size(data)
    return _jpeg_header_size(data) if data[:2] == b"\xff\xd8" else (0, 0)


def _bmp_header_size(data: Content) -> Size:
    """Width and height; a height below 0 says that the first row comes first."""
    if data[14:18] == b"\x0c\0\0\0":  # OS/2
        sides = data[18:22].ljust(4, b"\0")
        width, height = struct.unpack("<HH", sides)
    else:
        sides = data[18:26].ljust(8, b"\0")
        width, height = struct.unpack("<ii", sides)
    return abs(width), abs(height)


def _jpeg_header_size(data: Content) -> Size:
    for marker, place in jpeg_markers(data):
        if marker in JPEG_FRAMES:
            height = big_number(data, place + 5, 2)
            width = big_number(data, place + 7, 2)
            return width, height
    return 0, 0


def jpeg_components(data: bytes) -> int:
    """Number of values of a pixel, by the header of a JPEG's picture; 0 if it has none."""
    if data[:2] != b"\xff\xd8":
        return 0
    for marker, place in jpeg_markers(data):
        if marker in JPEG_FRAMES and place + 9 < len(data):
            return data[place + 9]
    return 0


def _heif_header_size(data: Content) -> Size:
    """The largest of the sizes that the items of a HEIC or AVIF have."""
    head = data[:200_000]
    largest = 0, 0
    place = head.find(b"ispe")
    while place >= 0:
        width = big_number(head, place + 8, 4)
        height = big_number(head, place + 12, 4)
        if width * height > largest[0] * largest[1]:
            largest = width, height
        place = head.find(b"ispe", place + 4)
    return largest


def _webp_header_size(data: Content) -> Size:
    """Width and height by the first chunk, which is lossy, lossless or extended."""
    kind = data[12:16]
    start = data[20:30]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(start[4:7], "little")
        height = 1 + int.from_bytes(start[7:10], "little")
    elif kind == b"VP8L":
        bits = int.from_bytes(start[1:5], "little")
        width = 1 + (bits & 0x3FFF)
        height = 1 + (bits >> 14 & 0x3FFF)
    else:
        width = int.from_bytes(start[6:8], "little") & 0x3FFF
        height = int.from_bytes(start[8:10], "little") & 0x3FFF
    return width, height


def _tiff_header_size(data: Content) -> Size:
    """Width and height by the first directory."""
    # mapped: no more than its directory is read
    mapped = cast(bytes, data)
    return _tiff_number(mapped, 256), _tiff_number(mapped, 257)


def jpeg_scan_start(data: bytes) -> int:
    """Start of the first scan; an end marker before it may belong to a thumbnail."""
    for marker, place in jpeg_markers(data):
        if marker in {_SCAN, _END}:
            return place
    return len(data)


def jpeg_oddity(data: bytes) -> str:
    """The variant of JPEG that decoders of photographs lack; empty for usual and other files."""
    if data[:2] != b"\xff\xd8":
        return ""
    for kind, place in jpeg_segments(data):
        if kind == _BEGIN:
            return "is a JPEG that begins twice"
        if kind in _HEADERS:
            frame = data[place + 4 : place + 7]
            return _odd_frame(kind, frame.ljust(3, b"\0"))
    return ""


def _odd_frame(kind: int, content: bytes) -> str:
    """Oddity in the header of a picture, by its marker, bits and height; empty if none."""
    if kind == _JPEG_LS:
        return "is JPEG-LS"
    if kind not in _USUAL_HEADERS:
        return "is a lossless or hierarchical JPEG"
    bits = content[0]
    if bits != 8:
        return f"is a JPEG of {bits} bits"
    if not any(content[1:]):
        return "is a JPEG that says its height behind the picture"
    return ""


def jpeg_segments(data: bytes) -> list[tuple[int, int]]:
    """Kind and place of each marker, up to the end of the first picture."""
    markers = list(jpeg_markers(data))
    while markers and markers[-1][0] == _SCAN:
        place = markers[-1][1]
        size = big_number(data, place + 2, 2)
        following = _NEXT_MARKER.search(data, place + 2 + size)
        if following is None:
            break
        markers += jpeg_markers(data, following.start())
    return markers


def jpeg_markers(data: Content, position: int = 2) -> Iterator[tuple[int, int]]:
    """Kind and place of each marker from a position on, up to a scan or the end of the picture."""
    # In front of a marker there may be bytes 0xFF (ITU-T T.81, B.1.1.2); libjpeg passes any others.
    while position >= 0:
        position = data.find(b"\xff", position)
        if position < 0 or position + 1 >= len(data):
            return
        marker = data[position + 1]
        if marker in _NO_MARKERS:
            position += 1
            continue
        yield marker, position
        if marker in {_SCAN, _END}:
            return
        size = big_number(data, position + 2, 2)
        position += 2 if marker in _ALONE else 2 + max(size, 2)


HEAD_BYTES = 512
"""Bytes at the beginning of a file that say which kind of picture it is."""


def kind_in(path: Path) -> str:
    """The kind of a picture by a file's content, whatever its suffix says; empty if none."""
    with path.open("rb") as file:
        return kind_of(file.read(HEAD_BYTES))


def picture_size(path: Path) -> Size | None:
    """Width and height as stored; None where only decoding shows them: RAW, HEIC, JPEG XL."""
    # But for RAW files the content counts, whatever the suffix says.
    if is_raw(path):
        return None
    try:
        require_file(path)
        kind = kind_in(path)
        if kind in {"HEIC", "JPEG XL"}:
            return None
        size = header_size(path) if kind else (0, 0)
    except (OSError, ValueError, FileError) as error:
        raise ImageError(
            f"{path}: not a picture that can be read; replace the file"
        ) from error
    if not 0 < size[0] * size[1] <= MAX_PIXELS:
        raise ImageError(f"{path}: not a picture that can be read; replace the file")
    return size


def readable_size(path: Path) -> Size | None:
    """Like :func:`picture_size`, but None for a damaged picture, which is named when it is read."""
    with contextlib.suppress(ImageError):
        return picture_size(path)
    return None


def stated_bits(path: Path) -> int:
    """Bits of a value by the header of a file; 0 where it does not say them, as a RAW file."""
    if is_raw(path):
        return 0
    with contextlib.suppress(OSError, FileError, IndexError), path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        kind = kind_of(head)
        if kind == "PNG":
            return head[BITS]
        if kind in {"WebP", "BMP"}:
            return 8
        if kind == "JPEG XL":
            file.seek(0)
            return jpeg_xl_bits(file.read())
        if kind == "TIFF":
            return _tiff_number(FileBytes(file), _BITS_TAG)
    return 0


_BITS_TAG = 258
"""TIFF tag with the bits of a value."""
_COLOURS_TAG = 262
"""TIFF tag with the meaning of the values."""
_VALUES_TAG = 277
"""TIFF tag with the number of values of a pixel."""
_BMP_BITS = 28
"""Place of the bits of a pixel in the header of a BMP. With 32 there may be a transparency."""
_RGB = 2
"""Colours without transparency in the header of a PNG, and colours in a TIFF."""


def is_plain(path: Path) -> bool:
    """Whether a file holds colours alone, as far as its header says."""
    with contextlib.suppress(OSError, FileError, IndexError), path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        kind = kind_of(head)
        if kind == "PNG":
            named = b"tRNS" in early_chunks(FileBytes(file))
            return head[COLOUR_TYPE] == _RGB and not named
        if kind in {"HEIC", "AVIF"}:
            file.seek(0)
            return not may_have_alpha(file.read(HEIF_HEAD_BYTES))
        if kind == "WebP":
            return not may_be_transparent(head)
        if kind == "BMP":
            return head[_BMP_BITS] < 32
        if kind == "TIFF":
            data = FileBytes(file)
            values = _tiff_number(data, _VALUES_TAG)
            return (_tiff_number(data, _COLOURS_TAG), values) == (_RGB, 3)
        return kind != "JPEG XL"
    return True


def _tiff_number(data: bytes | FileBytes, tag: int) -> int:
    """A number of the first directory; 0 if it has none."""
    first = first_directory(data)
    if first is None:
        return 0
    structure, directory = first
    return structure.number(directory.entry(tag)) or 0
