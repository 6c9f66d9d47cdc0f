"""EXIF data of a shot."""

import contextlib
import math
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from defocus.errors import FileError
from defocus.pictures.headers import kind_of
from defocus.pictures.heif import HEIF_KINDS, contents_of_boxes, heif_contents
from defocus.pictures.jpeg import EXIF, jpeg_exif
from defocus.pictures.png import png_chunks
from defocus.pictures.tags import (
    EXIF_DIRECTORY,
    GPS_DIRECTORY,
    TEXT,
    UNDEFINED,
    DirectoryEntry,
    Structure,
    read_structure,
)
from defocus.pictures.webp import webp_chunk
from defocus.reading import FileBytes, require_file

TagValue = str | bytes | tuple[int | float | Fraction, ...]
"""Text, numbers, or bytes of no stated type."""

_HEAD_BYTES = 2**18
"""Bytes within which the EXIF of a JPEG, and of a CR3, begins."""
_RAF, _RAF_PLACES = b"FUJIFILMCCD-RAW", slice(84, 92)
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_CANON_BOXES = {b"CMT1": 0, b"CMT2": EXIF_DIRECTORY, b"CMT4": GPS_DIRECTORY}
_FURTHER = (EXIF_DIRECTORY, GPS_DIRECTORY)
_MAKE, _MODEL, _SECONDS, _F_NUMBER, _ISO, _TAKEN = 271, 272, 33434, 33437, 34855, 36867
_OFFSET_CHANGED, _OFFSET_TAKEN = 36880, 36881
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_FOCAL_LENGTH, _BODY_SERIAL, _LENS, _SERIAL = 37386, 42033, 42036, 65001
_FOCUS_DISTANCE = 37382


@dataclass(frozen=True)
class Exif:
    """EXIF values of a picture, f-number and seconds as engraved; unknown values are None."""

    f_number: float | None = None
    seconds: float | None = None
    iso: float | None = None
    focal_length_mm: float | None = None
    model: str | None = None
    taken: str | None = None
    lens: str | None = None
    serial: str | None = None
    offset: str | None = None  # of the camera's clock from UTC, such as ``+02:00``
    focus_distance_m: float | None = None  # None also for infinity

    @property
    def moment(self) -> datetime | None:
        """When it was taken by the camera's clock, without time zone; None if it is not a time."""
        try:
            return datetime.strptime(self.taken or "", "%Y:%m:%d %H:%M:%S")
        except ValueError:  # cameras write what they like
            return None

    @property
    def instant(self) -> datetime | None:
        """When it was taken, in UTC; None if its time or its clock's offset is not known."""
        offset = _OFFSET.fullmatch(self.offset or "")
        if self.moment is None or offset is None:
            return None
        ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return self.moment + ahead if offset[1] == "-" else self.moment - ahead

    @property
    def body(self) -> tuple[str | None, str | None]:
        """What distinguishes two cameras."""
        return self.model, self.serial

    @property
    def empty(self) -> bool:
        """Whether the file has no exposure data."""
        return self.f_number is None and self.seconds is None and self.iso is None


def comparable_moments(shots: Sequence[Exif]) -> list[datetime | None]:
    """When shots were taken: in UTC if all that say a time say its offset, else by their clocks."""
    # A clock that is set to summer time, or to another zone, between two shots jumps by hours.
    moments = [exif.moment for exif in shots]
    instants = [exif.instant for exif in shots]
    has_offsets = all(
        moment is None or instant is not None
        for moment, instant in zip(moments, instants, strict=True)
    )
    return instants if has_offsets else moments


_Tags = dict[tuple[int, int], TagValue]


def read_exif(path: Path) -> Exif:
    """Read the EXIF of a picture or RAW file; all values are None if it is missing or damaged."""
    tags = read_tags(path)
    make, model = _text(tags, _MAKE), _text(tags, _MODEL)
    # many models begin with the make, as "Canon EOS 5D" does
    model = (
        model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    )
    return Exif(
        f_number=_number(tags, _F_NUMBER),
        seconds=_number(tags, _SECONDS),
        iso=_number(tags, _ISO),
        focal_length_mm=_number(tags, _FOCAL_LENGTH),
        model=model[:100] or None,
        taken=_text(tags, _TAKEN)[:32] or None,
        lens=_text(tags, _LENS) or None,
        serial=_text(tags, _BODY_SERIAL) or _text(tags, _SERIAL) or None,
        offset=(_text(tags, _OFFSET_TAKEN) or _text(tags, _OFFSET_CHANGED))[:6] or None,
        focus_distance_m=_number(tags, _FOCUS_DISTANCE),
    )


def read_tags(path: Path) -> _Tags:
    """The EXIF tags by directory (0 is the first) and number; those that are sound."""
    require_file(path)
    tags: _Tags = {}
    # what was read until a file turns out to be damaged is sound
    with path.open("rb") as file, contextlib.suppress(FileError):
        for group, block in _blocks(file):
            _add_tags(tags, group, block)
    return tags


def _blocks(file: BinaryIO) -> Iterator[tuple[int, bytes | FileBytes]]:
    """The TIFF structures of a file's EXIF, and what directory each begins with."""
    head, data = file.read(_HEAD_BYTES), FileBytes(file)
    kind = kind_of(head[:512])
    if head[:2] in {b"II", b"MM"}:
        yield 0, data
    elif head.startswith(_RAF):
        place, size = struct.unpack(">II", head[_RAF_PLACES].ljust(8, b"\0"))
        yield 0, jpeg_exif(data[place : place + min(size, _HEAD_BYTES)])
    elif head[4:12] == b"ftypcrx ":
        yield from _of_cr3(head)
    elif kind in HEIF_KINDS:
        file.seek(0)
        yield 0, heif_contents(file.read(), kind).exif
    else:
        yield 0, _exif_of(kind, head, data).removeprefix(EXIF)


def _exif_of(kind: str, head: bytes, data: FileBytes) -> bytes:
    """The EXIF block of a kind of picture that has it in one part of its own."""
    if kind == "JPEG":
        return jpeg_exif(head)
    if kind == "WebP":
        return webp_chunk(data, b"EXIF")
    places = png_chunks(data) if kind == "PNG" else ()
    return next(
        (data[begin : end - 4] for name, begin, end in places if name == b"eXIf"), b""
    )


def _of_cr3(head: bytes) -> Iterator[tuple[int, bytes]]:
    """The directories in Canon's boxes, one in each."""
    movie = dict(contents_of_boxes(head)).get(b"moov", b"")
    canon = dict(contents_of_boxes(movie)).get(b"uuid", b"")
    if canon.startswith(_CANON):
        for name, content in contents_of_boxes(canon[len(_CANON) :]):
            if name in _CANON_BOXES:
                yield _CANON_BOXES[name], content


def _add_tags(tags: _Tags, group: int, data: bytes | FileBytes) -> None:
    """Add the tags of a structure: of its first directory, and of the two that this points to."""
    structure = read_structure(data)
    waiting = {group: structure.first} if structure is not None else {}
    while structure is not None and waiting:
        group, place = waiting.popitem()
        directory = structure.directory(place)
        for entry in directory.entries if directory is not None else ():
            match _value(entry, structure):
                case (int(further), *_) if group == 0 and entry.tag in _FURTHER:
                    waiting[entry.tag] = further
                case value if value:
                    tags.setdefault((group, entry.tag), value)


def _value(entry: DirectoryEntry, structure: Structure) -> TagValue:
    """The values of a tag: numbers, or text; bytes where it says no type."""
    if entry.kind == UNDEFINED:
        return entry.content
    if entry.kind not in TEXT:
        return structure.numbers(entry)
    text = entry.content.split(b"\0")[0].strip(b" ")
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _tag(tags: _Tags, tag: int) -> TagValue:
    """A tag of the EXIF directory, or of the first one as in some DNG files; empty if absent."""
    return tags.get((EXIF_DIRECTORY, tag)) or tags.get((0, tag), "")


def _text(tags: _Tags, tag: int) -> str:
    value = _tag(tags, tag)
    if isinstance(value, bytes):
        value = value.decode("latin-1").strip("\0 ")
    elif not isinstance(value, str):
        value = " ".join(map(str, value))
    return value[:100]


def _number(tags: _Tags, tag: int) -> float | None:
    value = _tag(tags, tag)
    if isinstance(value, str | bytes):
        return None
    number = float(value[0])
    return number if 0 < number < math.inf else None
