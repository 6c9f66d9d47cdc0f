"""Width and height of a picture file from its header, without decoding it."""

import contextlib
import struct
import warnings
from pathlib import Path

from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from defocus.errors import FileError, ImageError
from defocus.picture_headers import MAX_PIXELS, kind_of
from defocus.raw import RAW_SUFFIXES
from defocus.reading import require_file

PillowImage.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow's own limit is less than a camera's picture
HEAD_BYTES = 512
"""What says which kind of picture a file is."""

NO_PICTURE = (
    *(OSError, UnidentifiedImageError, PillowImage.DecompressionBombError),
    *(PillowImage.DecompressionBombWarning, struct.error, SyntaxError, ValueError),
    *(ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError),
)
"""What the two libraries raise for damaged headers."""


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
        if kind == "TIFF":  # Pillow does not open 16-bit RGB ones
            return _tiff_size(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow says of a damaged header is said below
            warnings.simplefilter("error", PillowImage.DecompressionBombWarning)
            picture = PillowImage.open(path)
        with picture:
            return picture.size
    except NO_PICTURE as error:
        raise ImageError(f"{path}: not a picture that can be read; replace the file") from error


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


def _tiff_size(path: Path) -> tuple[int, int]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        return int(page.imagewidth), int(page.imagelength)
