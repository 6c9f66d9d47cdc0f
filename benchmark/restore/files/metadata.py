"""Metadata of a picture, copied to the restored picture."""

import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from defocus.picture_headers import MAX_PIXELS
from defocus.raw import RAW_SUFFIXES
from defocus.reading import require_file

__all__ = ["EXIF_DIRECTORY", "GPS_DIRECTORY", "Metadata", "exif_bytes", "read_metadata"]

EXIF_DIRECTORY = 34665
GPS_DIRECTORY = 34853

_ORIENTATION = 274
_STRUCTURE = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 318, 319, 320}
    | {322, 323, 324, 325, 330, 332, 334, 336, 338, 339, 340, 341, 347, 512, 513, 514, 529, 530}
    | {531, 532, 700, 33723, 34377, 34675, EXIF_DIRECTORY, GPS_DIRECTORY, 40965}
)
"""Tags of a TIFF file's first directory that are about how its pixels lie in the file, or about
something that is carried over by itself."""


_PROFILED = frozenset({"RGB", "RGBA", "P", "L", "LA", "I;16", "I;16B", "I", "F"})
"""Kinds of pictures that are written as the same kind, so that their colour profile still fits."""
_PROFILED_PHOTOMETRIC = frozenset({0, 1, 2, 3})
"""The same of TIFF files: grey, RGB and palette."""
_ICC, _XMP, _PHOTOMETRIC = 34675, 700, 262


_DAMAGE = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError),
    *(SyntaxError, TypeError, ValueError, struct.error),
)
"""Pillow's ways of saying that a directory is damaged."""


@dataclass(frozen=True)
class Metadata:
    """Metadata that is copied to the restored picture.

    Attributes:
        image: Tags of the first directory, such as maker, model, orientation and artist.
        exif: Tags of the EXIF directory, maker notes as bytes.
        gps: Tags of the GPS directory, kept because the picture belongs to the user.
        icc: Colour profile.
        xmp: XMP packet.
        dpi: Pixels per inch across and down, of a JPEG, PNG or BMP file; TIFF files have tags.
    """

    image: dict[int, Any] = field(default_factory=dict)
    exif: dict[int, Any] = field(default_factory=dict)
    gps: dict[int, Any] = field(default_factory=dict)
    icc: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None


def read_metadata(path: Path) -> Metadata:
    """Read the metadata of a picture file; empty if it is damaged.

    The thumbnail is left out, because it shows the blurry picture.

    Args:
        path: Path of a picture that can be read.
    """
    if path.suffix.lower() in RAW_SUFFIXES:
        return _of_raw(path)
    from PIL import Image

    require_file(path)
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # ours is checked before; Pillow's own refuses 179 MP
    try:
        if path.suffix.lower() in {".tif", ".tiff"}:
            return _of_tiff(path)
        with Image.open(path) as picture:
            found = picture.getexif()
            return Metadata(
                {tag: value for tag, value in found.items() if tag not in _STRUCTURE},
                dict(found.get_ifd(EXIF_DIRECTORY)),
                dict(found.get_ifd(GPS_DIRECTORY)),
                _as_bytes(picture.info.get("icc_profile")) if picture.mode in _PROFILED else None,
                _xmp(picture.info),
                _dpi(picture.info),
            )
    except (*_DAMAGE, Image.DecompressionBombError):
        return Metadata()


def _of_tiff(path: Path) -> Metadata:
    """Of the first directory, whatever kind of pixels it has: Pillow opens but a few kinds."""
    from PIL import Image

    with path.open("rb") as file:
        found = Image.Exif()
        found.load_from_fp(file)
        colour = int(found.get(_PHOTOMETRIC, 1)) in _PROFILED_PHOTOMETRIC
        return Metadata(
            {tag: value for tag, value in found.items() if tag not in _STRUCTURE},
            dict(found.get_ifd(EXIF_DIRECTORY)),
            dict(found.get_ifd(GPS_DIRECTORY)),
            _as_bytes(found.get(_ICC)) if colour else None,
            _as_bytes(found.get(_XMP)),
        )


def _xmp(info: dict[Any, Any]) -> bytes | None:
    found = info.get("xmp", info.get("XML:com.adobe.xmp"))
    return found.encode() if isinstance(found, str) else _as_bytes(found)


def _dpi(info: dict[Any, Any]) -> tuple[float, float] | None:
    """Of a file's own header; Pillow also tells that of EXIF tags, which are copied as such."""
    across, down = (float(one) for one in info.get("dpi", (0, 0)))
    usable = 0 < across < math.inf and 0 < down < math.inf
    return (across, down) if usable else None


def _as_bytes(found: object) -> bytes | None:
    return found if isinstance(found, bytes) and found else None


def _of_raw(path: Path) -> Metadata:
    """Metadata of a RAW file that a developed picture keeps, including orientation and position."""
    from PIL import Image

    from defocus.capture.developing.kept_exif import exif_value, kept_exif, writable
    from defocus.capture.exif import read_tags

    kept = Image.Exif()
    if told := kept_exif(path):
        kept.load(b"Exif\0\0" + told)
    tags = read_tags(path)
    gps = {
        tag.tag: value
        for name, tag in tags.items()
        if name.startswith("GPS ") and (value := exif_value(tag)) is not None
    }
    image = {tag: value for tag, value in kept.items() if tag not in _STRUCTURE}
    orientation = tags.get("Image Orientation")
    if orientation is not None and orientation.values and isinstance(orientation.values[0], int):
        image[_ORIENTATION] = orientation.values[0]  # a damaged one can be text
    return Metadata(image, dict(kept.get_ifd(EXIF_DIRECTORY)), writable(gps, GPS_DIRECTORY))


def exif_bytes(metadata: Metadata) -> bytes:
    """The tags as a TIFF structure for JPEG, PNG and WebP; empty if there are none."""
    from PIL import Image

    made = Image.Exif()
    for tag, value in metadata.image.items():
        made[tag] = value
    for tag, directory in {EXIF_DIRECTORY: metadata.exif, GPS_DIRECTORY: metadata.gps}.items():
        if directory:  # asking for one makes it, and an empty one would be written
            made.get_ifd(tag).update(directory)
    told = metadata.image or metadata.exif or metadata.gps
    return made.tobytes().removeprefix(b"Exif\0\0") if told else b""
