"""EXIF fields copied to developed pictures."""

import struct
import warnings
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from defocus.exif import TagValue, read_tags

IMAGE_TAGS = frozenset({271, 272, 306, 315, 33432})
"""Make, model, date, artist, copyright."""

EXIF_TAGS = frozenset(
    {33434, 33437, 34850, 34855, 36867, 36868, 36880, 36881, 36882, 37380, 37383, 37385, 37386}
    | {37521, 37522, 41986, 41987, 41989, 42033, 42034, 42035, 42036, 42037}
)
"""Exposure, focal length, dates with their offsets, modes, body and lens with serial numbers."""

EXIF_DIRECTORY = 34665


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
        IFDRational(one.numerator, one.denominator) if isinstance(one, Fraction) else one
        for one in value
    ]
    return values[0] if len(values) == 1 else tuple(values)
