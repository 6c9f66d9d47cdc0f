"""EXIF of a shot, and what else a picture's file holds besides its pixels."""

import contextlib
import math
import re
import struct
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from defocus.errors import FileError
from defocus.pictures.blocks import Block, Remark, iptc_resource
from defocus.pictures.bmp import bmp_blocks, bmp_losses
from defocus.pictures.headers import MOST_BYTES, jpeg_components, kind_of
from defocus.pictures.heif import (
    HEIF_KINDS,
    contents_as_decoded,
    contents_of_boxes,
    heif_blocks,
    heif_contents,
)
from defocus.pictures.jpeg import (
    COMMENT,
    EXIF,
    JFIF,
    PHOTOSHOP,
    XMP,
    JpegParts,
    jfif_per_metre,
    joined,
    jpeg_blocks,
    jpeg_exif,
    jpeg_parts,
    profile_of,
)
from defocus.pictures.png import Chunk, PngParts, png_blocks, png_chunks, png_parts
from defocus.pictures.raw import dng_demands, is_raw, said_of_demands
from defocus.pictures.tags import (
    EXIF_DIRECTORY,
    GPS_DIRECTORY,
    ORIENTATION,
    TEXT,
    UNDEFINED,
    DirectoryEntry,
    Structure,
    mended_exif,
    number_of_tag,
    read_structure,
)
from defocus.pictures.tiff import ICC as TIFF_ICC
from defocus.pictures.tiff import PHOTOSHOP as TIFF_PHOTOSHOP
from defocus.pictures.tiff import XMP as TIFF_XMP
from defocus.pictures.tiff import (
    TiffTags,
    as_exif,
    tiff_blocks,
    tiff_pictures,
    tiff_tags,
)
from defocus.pictures.webp import is_lossless, webp_blocks, webp_chunk, webp_frames
from defocus.reading import FileBytes, read_bytes, require_file

TagValue = str | bytes | tuple[int | float | Fraction, ...]
"""Text, numbers, or bytes of no stated type."""

_HEAD_BYTES = 2**18
"""Bytes within which the EXIF of a JPEG, and of a CR3, begins."""
_RAF = b"FUJIFILMCCD-RAW"
_RAF_PLACES = slice(84, 92)
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_CANON_BOXES = {b"CMT1": 0, b"CMT2": EXIF_DIRECTORY, b"CMT4": GPS_DIRECTORY}
_FURTHER = (EXIF_DIRECTORY, GPS_DIRECTORY)
_MAKE = 271
_MODEL = 272
_SECONDS = 33434
_F_NUMBER = 33437
_ISO = 34855
_TAKEN = 36867
_OFFSET_CHANGED = 36880
_OFFSET_TAKEN = 36881
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_FARTHEST_AHEAD = timedelta(hours=14)
"""Largest offset from UTC that any place has, Kiribati's; a larger one is a mistake."""
_FOCAL_LENGTH = 37386
_BODY_SERIAL = 42033
_LENS = 42036
_SERIAL = 65001
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
        if ahead > _FARTHEST_AHEAD:
            return None
        if offset[1] == "-":
            return self.moment + ahead
        return self.moment - ahead

    @property
    def body(self) -> tuple[str | None, str | None]:
        """Facts that distinguish two cameras."""
        return self.model, self.serial

    @property
    def empty(self) -> bool:
        """Whether the file has no exposure data."""
        values = (self.f_number, self.seconds, self.iso)
        return values == (None, None, None)


_Tags = dict[tuple[int, int], TagValue]


def read_exif(path: Path) -> Exif:
    """Read the EXIF of a picture or RAW file; all values are None if it is missing or damaged."""
    tags = read_tags(path)
    make = _text(tags, _MAKE)
    model = _text(tags, _MODEL)
    # many models begin with the make, as "Canon EOS 5D" does
    if not model.lower().startswith(make.lower()):
        model = f"{make} {model}".strip()
    offset = _text(tags, _OFFSET_TAKEN) or _text(tags, _OFFSET_CHANGED)
    return Exif(
        f_number=_number(tags, _F_NUMBER),
        seconds=_number(tags, _SECONDS),
        iso=_number(tags, _ISO),
        focal_length_mm=_number(tags, _FOCAL_LENGTH),
        model=model[:100] or None,
        taken=_text(tags, _TAKEN)[:32] or None,
        lens=_text(tags, _LENS) or None,
        serial=_text(tags, _BODY_SERIAL) or _text(tags, _SERIAL) or None,
        offset=offset[:6] or None,
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
    head = file.read(_HEAD_BYTES)
    data = FileBytes(file)
    kind = kind_of(head[:512])
    if head[:2] in {b"II", b"MM"}:
        yield 0, data
    elif head.startswith(_RAF):
        places = head[_RAF_PLACES].ljust(8, b"\0")
        place, size = struct.unpack(">II", places)
        end = place + min(size, _HEAD_BYTES)
        yield 0, jpeg_exif(data[place:end])
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
    if kind != "PNG":
        return b""
    for name, begin, end in png_chunks(data):
        if name == b"eXIf":
            return data[begin : end - 4]
    return b""


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
    value = tags.get((EXIF_DIRECTORY, tag))
    return value or tags.get((0, tag), "")


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


IMAGE_TAGS = frozenset({271, 272, 306, 315, 33432})
"""Tags of the first directory that are kept: make, model, date, artist, copyright."""

EXIF_TAGS = frozenset(
    {
        33434,
        33437,
        34850,
        34855,
        36867,
        36868,
        36880,
        36881,
        36882,
        37380,
        37383,
        37385,
        37386,
    }
    | {37521, 37522, 41986, 41987, 41989, 42033, 42034, 42035, 42036, 42037}
)
"""Tags of the EXIF directory that are kept: exposure, focal length, dates with their offsets,
modes, body and lens with serial numbers."""


def kept_exif(path: Path) -> bytes:
    """EXIF for a developed picture, as a TIFF structure for PNG's ``eXIf``; empty without."""
    # Maker notes, thumbnail and orientation are left out: developed pictures keep the sensor's
    # pixel grid, as members of a pair must never be rotated differently.
    from PIL import Image

    outer: dict[int, Any] = {}
    inner: dict[int, Any] = {}
    for (_, tag), value in read_tags(path).items():
        if tag in IMAGE_TAGS:
            outer[tag] = exif_value(value)
        elif tag in EXIF_TAGS:  # DNG files may have these in the first directory
            inner[tag] = exif_value(value)
    kept = Image.Exif()
    kept.update(writable(outer))
    if inner := writable(inner, EXIF_DIRECTORY):
        kept[EXIF_DIRECTORY] = inner
    return kept.tobytes().removeprefix(b"Exif\0\0") if len(kept) else b""


def writable(values: Mapping[int, Any], directory: int | None = None) -> dict[int, Any]:
    """The values that Pillow can write: in a damaged file, types may not match their tags."""
    from PIL import Image

    sound = {}
    for tag, value in values.items():
        alone = Image.Exif()
        entries = alone if directory is None else alone.get_ifd(directory)
        entries[tag] = value
        try:
            with warnings.catch_warnings(action="error"):
                alone.tobytes()
        except (AttributeError, TypeError, ValueError, struct.error, UserWarning):
            continue
        sound[tag] = value
    return sound


def exif_value(value: TagValue) -> Any:  # noqa: ANN401 - text, bytes, numbers or Pillow's rationals
    """A tag's value for Pillow."""
    from PIL.TiffImagePlugin import IFDRational

    if isinstance(value, str | bytes):
        return value
    values: list[Any] = []
    for number in value:
        if isinstance(number, Fraction):
            values.append(IFDRational(number.numerator, number.denominator))
        else:
            values.append(number)
    return values[0] if len(values) == 1 else tuple(values)


_MAKER_NOTE = 37500
_MOVED_NOTES = Remark(
    "maker notes keep their bytes, but programs may not read all of them any more"
)
UNSTATED = Remark("left out: the last value of each pixel, which has no stated meaning")
_HALF_FLOATS = Remark(
    "its floats of 16 bits become such of 32, which hold the same values"
)
JPEG_XL_COLOURS = Remark("the colour space of a JPEG XL is not read; taken for sRGB")
INKS = Remark(
    "CMYK becomes RGB without its colour profile; colours may differ",
    frozenset({"colour profile"}),
)


@dataclass(frozen=True)
class Metadata:
    """What a picture's file holds besides its pixels, as far as it is sound and still fits."""

    # ``parts`` is what a file of the same kind gets as it is: segments, chunks, tags, or all but
    # pixels. ``colour_code`` has primaries and curve (ITU-T H.273) that are not sRGB's.

    kind: str = ""
    exif: bytes = b""
    xmp: bytes = b""
    icc: bytes = b""
    resources: bytes = b""
    comments: tuple[bytes, ...] = ()
    per_metre: tuple[float, float] | None = None
    colour_code: tuple[int, int] | None = None
    parts: JpegParts | PngParts | TiffTags | bytes | None = None
    lossless: bool = False
    blocks: tuple[Block, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def orientation(self) -> int:
        """How the picture is turned for showing, 1 to 8."""
        orientation = number_of_tag(self.exif, ORIENTATION) or 1
        return orientation if orientation in range(1, 9) else 1


def read_metadata(path: Path) -> Metadata:
    """Read what a picture file holds besides its pixels; what is damaged is left out and named."""
    if is_raw(path):
        return _of_raw(path)
    data = read_bytes(path, MOST_BYTES)
    kind = kind_of(data)
    if not kind:
        return Metadata()
    readers = {
        "JPEG": _of_jpeg,
        "PNG": _of_png,
        "TIFF": _of_tiff,
        "WebP": _of_webp,
        "BMP": _of_bmp,
    }
    read = readers.get(kind, partial(_of_heif, kind=kind))
    metadata = read(data)
    remarks = (*metadata.remarks, *remarks_on_content(data, kind))
    return replace(
        metadata,
        kind=kind,
        blocks=tuple(inventory(data)),
        remarks=remarks,
    )


def remarks_on_content(data: bytes, kind: str) -> list[Remark]:
    """Remarks on what the content of a file holds and no reader takes."""
    if kind == "JPEG":
        return [INKS] if jpeg_components(data) == 4 else []
    if kind == "TIFF":
        return [*other_pictures(tiff_pictures(data)), *_of_values(tiff_tags(data))]
    if kind == "BMP":
        return list(map(Remark, bmp_losses(data)))
    if kind == "PNG":
        return other_pictures(png_parts(data).frames)
    if kind == "WebP":
        return other_pictures(webp_frames(data))
    if kind not in HEIF_KINDS:
        return []
    others = other_pictures(heif_contents(data, kind).pictures)
    return [JPEG_XL_COLOURS, *others] if kind == "JPEG XL" else others


def _of_values(tags: TiffTags) -> Iterator[Remark]:
    """What of a pixel's values is not read, or read as other colours."""
    if tags.inks:
        yield INKS
    if tags.unstated:
        yield UNSTATED


def _of_jpeg(data: bytes) -> Metadata:
    parts = jpeg_parts(data)
    exif, remarks = _mended(joined(parts.segments, 0xE1, EXIF))
    inks = parts.colours == 4
    return Metadata(
        exif=exif,
        xmp=joined(parts.segments, 0xE1, XMP),
        icc=b"" if inks else profile_of(parts.segments),
        resources=joined(parts.segments, 0xED, PHOTOSHOP),
        comments=tuple(one.content for one in parts.segments if one.marker == COMMENT),
        per_metre=jfif_per_metre(JFIF + joined(parts.segments, 0xE0, JFIF)),
        parts=parts,
        remarks=tuple(remarks),
    )


def _of_png(data: bytes) -> Metadata:
    parts = png_parts(data)
    exif, remarks = _mended(parts.exif)
    if unsound := [one for one in parts.chunks if not one.sound]:
        remarks.append(_unsound(parts, unsound))
    if not parts.ended:
        remarks.append(Remark("its end is missing, but all of its pixels are there"))
    return Metadata(
        exif=exif,
        icc=parts.profile,
        parts=parts,
        remarks=tuple(remarks),
    )


def _unsound(parts: PngParts, chunks: list[Chunk]) -> Remark:
    names: dict[str, list[str]] = {}
    inside = set()
    for chunk in chunks:
        blocks = parts.blocks_of(chunk)
        kind = blocks[0].kind if blocks else "chunks"
        names.setdefault(kind, []).append(chunk.name.decode("latin-1"))
        for one in blocks:
            inside.add(f"{one.kind} {one.name}")
    words = []
    for kind, members in names.items():
        words.append(f"{kind} ({' '.join(members)})")
    return Remark(f"left out as damaged: {', '.join(words)}", frozenset(inside))


def _of_webp(data: bytes) -> Metadata:
    exif, remarks = _mended(webp_chunk(data, b"EXIF").removeprefix(b"Exif\0\0"))
    return Metadata(
        exif=exif,
        xmp=webp_chunk(data, b"XMP "),
        icc=webp_chunk(data, b"ICCP"),
        parts=data,
        lossless=is_lossless(data),
        remarks=tuple(remarks),
    )


def _of_bmp(data: bytes) -> Metadata:
    return Metadata(parts=data[:150])


def _of_tiff(data: bytes) -> Metadata:
    tags = tiff_tags(data)
    return Metadata(
        exif=as_exif(tags),
        xmp=tags.content(TIFF_XMP),
        icc=b"" if tags.inks else tags.content(TIFF_ICC),
        resources=tags.content(TIFF_PHOTOSHOP),
        parts=tags,
        remarks=tuple(_said_of_tags(tags)),
    )


def _said_of_tags(tags: TiffTags) -> Iterator[Remark]:
    """Remarks on tags of a TIFF file that a written file will lack."""
    if tags.damaged:
        yield _damaged(list(tags.damaged), "TIFF tags")
    if tags.half_floats:
        yield _HALF_FLOATS
    shot = tags.directories.get(EXIF_DIRECTORY, ())
    if any(entry.tag == _MAKER_NOTE for entry in shot):
        yield _MOVED_NOTES


def _of_heif(data: bytes, kind: str) -> Metadata:
    contents = contents_as_decoded(data, kind)
    exif, remarks = _mended(contents.exif)
    return Metadata(
        exif=exif,
        xmp=contents.xmp,
        icc=contents.icc,
        resources=iptc_resource(contents.iptc) if contents.iptc else b"",
        colour_code=contents.colour_code,
        remarks=tuple(remarks),
    )


def _mended(exif: bytes) -> tuple[bytes, list[Remark]]:
    """An EXIF block without damage, and remarks on the damage."""
    mended, names = mended_exif(exif)
    return mended, [_damaged(names, "EXIF")] if names else []


def _damaged(names: list[str], kind: str) -> Remark:
    kinds = {f"{kind} {name}" for name in names}
    if "all of it" in names:
        kinds.add(kind)
    words = ", ".join(dict.fromkeys(names))
    return Remark(f"left out as damaged: {kind} ({words})", frozenset(kinds))


def other_pictures(pictures: int) -> list[Remark]:
    """What is said of a file of more than one picture."""
    if pictures < 2:
        return []
    text = f"holds {pictures} pictures; the first is read, the others are left out"
    return [Remark(text)]


_OF_RAW = (
    "of the RAW file's EXIF and TIFF tags the usual ones stay; "
    "maker notes and XMP are left out"
)


def _of_raw(path: Path) -> Metadata:
    """Metadata that a developed picture keeps: usual tags, orientation and position."""
    from PIL import Image

    kept = Image.Exif()
    if usual := kept_exif(path):
        kept.load(b"Exif\0\0" + usual)
    tags = read_tags(path)
    gps = {}
    for (group, tag), value in tags.items():
        if group == GPS_DIRECTORY:
            gps[tag] = exif_value(value)
    gps = writable(gps, GPS_DIRECTORY)
    if gps:
        kept.get_ifd(GPS_DIRECTORY).update(gps)
    match tags.get((0, ORIENTATION)):
        # a fraction in damaged files
        case (orientation, *_) if orientation in range(1, 9):
            kept[ORIENTATION] = int(orientation)
    exif = b""
    if len(kept) or gps:
        exif = kept.tobytes().removeprefix(b"Exif\0\0")
    remarks = [Remark(_OF_RAW)]
    if demands := said_of_demands(dng_demands(path)):
        remarks.append(Remark(demands))
    return Metadata(exif=exif, remarks=tuple(remarks))


def inventory(data: bytes) -> list[Block]:
    """Every block of a picture's file in order; what damage makes inseparable is one block."""
    readers: dict[str, Callable[[bytes], list[Block]]] = {
        "JPEG": jpeg_blocks,
        "PNG": png_blocks,
        "TIFF": tiff_blocks,
        "WebP": webp_blocks,
        "BMP": bmp_blocks,
    }
    kind = kind_of(data[:512])
    if kind in HEIF_KINDS:
        return heif_blocks(data, kind)
    return readers[kind](data) if kind in readers else []
