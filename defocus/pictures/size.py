"""Width and height of a picture file from its header, without decoding it."""

import contextlib
from pathlib import Path

from defocus.errors import FileError, ImageError
from defocus.pictures.headers import MAX_PIXELS, header_size, kind_of
from defocus.pictures.raw import RAW_SUFFIXES
from defocus.reading import require_file

HEAD_BYTES = 512
"""Bytes at the beginning of a file that say which kind of picture it is."""


def picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height as stored; None where only decoding shows them: RAW, HEIC, JPEG XL."""
    # But for RAW files the content counts, whatever the suffix says.
    if path.suffix.lower() in RAW_SUFFIXES:
        return None
    try:
        require_file(path)
        with path.open("rb") as file:
            kind = kind_of(file.read(HEAD_BYTES))
        if kind in {"HEIC", "JPEG XL"}:
            return None
        size = header_size(path) if kind else (0, 0)
    except (OSError, ValueError, FileError) as error:
        raise ImageError(f"{path}: not a picture that can be read; replace the file") from error
    if not 0 < size[0] * size[1] <= MAX_PIXELS:
        raise ImageError(f"{path}: not a picture that can be read; replace the file")
    return size


def readable_size(path: Path) -> tuple[int, int] | None:
    """As :func:`picture_size`; None of a damaged picture too, which is named where it is read."""
    with contextlib.suppress(ImageError):
        return picture_size(path)
    return None


def png_bits(path: Path) -> int | None:
    """Bits per channel from the header of a PNG file; None for other files."""
    try:
        require_file(path)
        with path.open("rb") as file:
            header = file.read(25)
    except FileError as error:
        raise ImageError(str(error)) from error
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    return header[24] if header[:8] == b"\x89PNG\r\n\x1a\n" and len(header) == 25 else None
