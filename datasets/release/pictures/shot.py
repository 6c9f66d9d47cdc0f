"""What a released picture says of its shot: the exposure and the lens, but no person or place."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from defocus.blocks.derived import dressed, meaning_of
from defocus.blocks.kept_exif import EXIF_DIRECTORY, EXIF_TAGS, IMAGE_TAGS, writable
from defocus.blocks.metadata import read_metadata
from defocus.blocks.png import PngParts, exif_chunk
from defocus.colour_profiles import profile_of
from defocus.errors import DefocusError

__all__ = ["released_blocks", "with_shot"]

ARTIST, COPYRIGHT, BODY_SERIAL, LENS_SERIAL = 315, 33432, 42033, 42037
PRIVATE = frozenset({ARTIST, COPYRIGHT, BODY_SERIAL, LENS_SERIAL})


def with_shot(path: Path, png: bytes) -> bytes:
    """A released PNG with exposure, lens, date and meaning of colours of its original file."""
    metadata = read_metadata(path)
    told, exif = meaning_of(metadata, converted=bool(profile_of(path))), _shot(metadata.exif)
    parts = told.parts
    if exif and isinstance(parts, PngParts):
        parts = replace(parts, chunks=(*parts.chunks, exif_chunk(exif)))
    return dressed(png, replace(told, exif=exif, parts=parts))


def released_blocks(path: Path) -> bytes:
    """A pixel with what the released picture of a file holds besides its pixels."""
    try:
        return with_shot(path, cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tobytes())
    except (DefocusError, OSError):  # it is not released, and named as such
        return b""


def _shot(exif: bytes) -> bytes:
    """Those tags of an EXIF block that say how a picture was taken, in a block of their own."""
    from PIL import Image

    if not exif:
        return b""
    given, kept = Image.Exif(), Image.Exif()
    given.load(b"Exif\0\0" + exif)
    kept.update(writable(_of(given, IMAGE_TAGS)))
    if inner := writable(_of(given.get_ifd(EXIF_DIRECTORY), EXIF_TAGS), EXIF_DIRECTORY):
        kept[EXIF_DIRECTORY] = inner
    return kept.tobytes().removeprefix(b"Exif\0\0") if len(kept) else b""


def _of(values: Any, tags: frozenset[int]) -> dict[int, Any]:  # noqa: ANN401 - Pillow's directory
    return {tag: value for tag, value in values.items() if tag in tags - PRIVATE}
