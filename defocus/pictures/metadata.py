"""What a picture's file holds besides its pixels, for the restored picture."""

import struct
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from defocus.pictures.blocks import Block, Remark, iptc_resource
from defocus.pictures.bmp import bmp_blocks, bmp_losses
from defocus.pictures.headers import kind_of
from defocus.pictures.heif import HEIF_KINDS, contents_as_decoded, heif_blocks
from defocus.pictures.jpeg import (
    COMMENT,
    EXIF,
    JFIF,
    PHOTOSHOP,
    XMP,
    JpegParts,
    joined,
    jpeg_blocks,
    jpeg_parts,
    profile_of,
)
from defocus.pictures.png import Chunk, PngParts, png_blocks, png_parts
from defocus.pictures.raw import RAW_SUFFIXES, dng_demands, said_of_demands
from defocus.pictures.shot import TagValue, read_tags
from defocus.pictures.tags import (
    EXIF_DIRECTORY,
    GPS_DIRECTORY,
    ORIENTATION,
    mended_exif,
    number_of_tag,
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
from defocus.pictures.tiff_pixels import MOST_BYTES
from defocus.pictures.webp import is_lossless, webp_blocks, webp_chunk, webp_frames
from defocus.reading import read_bytes

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
    """Those values that Pillow can write: in a damaged file, types differ from their tags'."""
    from PIL import Image

    sound = {}
    for tag, value in values.items():
        alone = Image.Exif()
        (alone if directory is None else alone.get_ifd(directory))[tag] = value
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
    values = [
        IFDRational(one.numerator, one.denominator)
        if isinstance(one, Fraction)
        else one
        for one in value
    ]
    return values[0] if len(values) == 1 else tuple(values)


_MAKER_NOTE = 37500
_MOVED_NOTES = Remark(
    "maker notes keep their bytes, but programs may not read all of them any more"
)
_INCH_PER = {1: 1.0, 2: 2.54}
_INKS = Remark(
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
    dpi: tuple[float, float] | None = None
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
    if path.suffix.lower() in RAW_SUFFIXES:
        return _of_raw(path)
    data = read_bytes(path, MOST_BYTES)
    kind = kind_of(data)
    if kind in HEIF_KINDS:
        return _of_heif(data, kind)
    readers = {
        "JPEG": _of_jpeg,
        "PNG": _of_png,
        "TIFF": _of_tiff,
        "WebP": _of_webp,
        "BMP": _of_bmp,
    }
    return readers[kind](data) if kind in readers else Metadata()


def _of_jpeg(data: bytes) -> Metadata:
    parts = jpeg_parts(data)
    exif, remarks = _mended(joined(parts.segments, 0xE1, EXIF))
    inks = parts.colours == 4
    return Metadata(
        kind="JPEG",
        exif=exif,
        xmp=joined(parts.segments, 0xE1, XMP),
        icc=b"" if inks else profile_of(parts.segments),
        resources=joined(parts.segments, 0xED, PHOTOSHOP),
        comments=tuple(one.content for one in parts.segments if one.marker == COMMENT),
        dpi=_jfif_dpi(parts),
        parts=parts,
        blocks=tuple(inventory(data)),
        remarks=(*remarks, _INKS) if inks else tuple(remarks),
    )


def _jfif_dpi(parts: JpegParts) -> tuple[float, float] | None:
    """Pixels per inch, as a JPEG's own header says them."""
    header = joined(parts.segments, 0xE0, JFIF)
    if len(header) < 7 or header[2] not in _INCH_PER:
        return None
    across, down = struct.unpack_from(">HH", header, 3)
    return (
        (across * _INCH_PER[header[2]], down * _INCH_PER[header[2]])
        if across and down
        else None
    )


def _of_png(data: bytes) -> Metadata:
    parts = png_parts(data)
    exif, remarks = _mended(parts.exif)
    if unsound := [one for one in parts.chunks if not one.sound]:
        remarks.append(_unsound(parts, unsound))
    if not parts.ended:
        remarks.append(Remark("its end is missing, but all of its pixels are there"))
    return Metadata(
        kind="PNG",
        exif=exif,
        icc=parts.profile,
        parts=parts,
        blocks=tuple(inventory(data)),
        remarks=(*remarks, *_others(parts.frames)),
    )


def _unsound(parts: PngParts, chunks: list[Chunk]) -> Remark:
    names: dict[str, list[str]] = {}
    inside = set()
    for chunk in chunks:
        blocks = parts.blocks_of(chunk)
        kind = blocks[0].kind if blocks else "chunks"
        names.setdefault(kind, []).append(chunk.name.decode("latin-1"))
        inside |= {f"{one.kind} {one.name}" for one in blocks}
    words = ", ".join(
        f"{kind} ({' '.join(members)})" for kind, members in names.items()
    )
    return Remark(f"left out as damaged: {words}", frozenset(inside))


def _of_webp(data: bytes) -> Metadata:
    exif, remarks = _mended(webp_chunk(data, b"EXIF").removeprefix(b"Exif\0\0"))
    return Metadata(
        kind="WebP",
        exif=exif,
        xmp=webp_chunk(data, b"XMP "),
        icc=webp_chunk(data, b"ICCP"),
        parts=data,
        lossless=is_lossless(data),
        blocks=tuple(inventory(data)),
        remarks=(*remarks, *_others(webp_frames(data))),
    )


def _of_bmp(data: bytes) -> Metadata:
    remarks = tuple(map(Remark, bmp_losses(data)))
    return Metadata(
        kind="BMP", parts=data[:150], blocks=tuple(inventory(data)), remarks=remarks
    )


def _of_tiff(data: bytes) -> Metadata:
    tags = tiff_tags(data)
    remarks = list(_others(tiff_pictures(data)))
    if tags.damaged:
        remarks.append(_damaged(list(tags.damaged), "TIFF tags"))
    if tags.inks:
        remarks.append(_INKS)
    if tags.unstated:
        remarks.append(
            Remark(
                "left out: the last value of each pixel, which has no stated meaning"
            )
        )
    if tags.half_floats:
        remarks.append(
            Remark(
                "its floats of 16 bits become such of 32, which hold the same values"
            )
        )
    if any(one.tag == _MAKER_NOTE for one in tags.directories.get(EXIF_DIRECTORY, ())):
        remarks.append(_MOVED_NOTES)
    return Metadata(
        kind="TIFF",
        exif=as_exif(tags),
        xmp=tags.content(TIFF_XMP),
        icc=b"" if tags.inks else tags.content(TIFF_ICC),
        resources=tags.content(TIFF_PHOTOSHOP),
        parts=tags,
        blocks=tuple(inventory(data)),
        remarks=tuple(remarks),
    )


def _of_heif(data: bytes, kind: str) -> Metadata:
    contents = contents_as_decoded(data, kind)
    exif, remarks = _mended(contents.exif)
    if kind == "JPEG XL":
        remarks.append(
            Remark("the colour space of a JPEG XL is not read; taken for sRGB")
        )
    return Metadata(
        kind=kind,
        exif=exif,
        xmp=contents.xmp,
        icc=contents.icc,
        resources=iptc_resource(contents.iptc) if contents.iptc else b"",
        colour_code=contents.colour_code,
        blocks=tuple(inventory(data)),
        remarks=(*remarks, *_others(contents.pictures)),
    )


def _mended(exif: bytes) -> tuple[bytes, list[Remark]]:
    """An EXIF block without damage, and what is said of that."""
    mended, names = mended_exif(exif)
    return mended, [_damaged(names, "EXIF")] if names else []


def _damaged(names: list[str], kind: str) -> Remark:
    kinds = {f"{kind} {name}" for name in names} | (
        {kind} if "all of it" in names else set()
    )
    words = ", ".join(dict.fromkeys(names))
    return Remark(f"left out as damaged: {kind} ({words})", frozenset(kinds))


def _others(pictures: int) -> list[Remark]:
    if pictures < 2:
        return []
    text = f"holds {pictures} pictures; the first is restored, the others are left out"
    return [Remark(text)]


_OF_RAW = (
    "of the RAW file's EXIF and TIFF tags the usual ones stay; "
    "maker notes and XMP are left out"
)


def _of_raw(path: Path) -> Metadata:
    """What a developed picture keeps of a RAW file: usual tags, orientation and position."""
    from PIL import Image

    kept = Image.Exif()
    if usual := kept_exif(path):
        kept.load(b"Exif\0\0" + usual)
    tags = read_tags(path)
    gps = {
        tag: exif_value(value)
        for (group, tag), value in tags.items()
        if group == GPS_DIRECTORY
    }
    if gps := writable(gps, GPS_DIRECTORY):
        kept.get_ifd(GPS_DIRECTORY).update(gps)
    match tags.get((0, ORIENTATION)):
        case (orientation, *_) if orientation in range(
            1, 9
        ):  # a fraction in damaged files
            kept[ORIENTATION] = int(orientation)
    exif = kept.tobytes().removeprefix(b"Exif\0\0") if len(kept) or gps else b""
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
