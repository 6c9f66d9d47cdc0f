"""What of a picture's file a restored picture will not have, to be said before it is made."""

import struct
import zlib
from pathlib import Path

from defocus.raw import RAW_SUFFIXES

__all__ = ["remarks_on"]

_CMYK_OF_TIFF = 5
_DAMAGE = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError, struct.error, zlib.error),
)
"""Ways of tifffile and Pillow of saying that a directory is damaged."""


def remarks_on(path: Path) -> tuple[str, ...]:
    """Sentences without the file's name; none for nearly all files.

    Args:
        path: Of a picture that can be read.
    """
    suffix = path.suffix.lower()
    if suffix in RAW_SUFFIXES:
        return ()
    try:
        inks, pictures = _of_tiff(path) if suffix in {".tif", ".tiff"} else _of_others(path)
    except _DAMAGE:
        return ()  # its first picture was read all the same
    found = []
    if inks:
        found.append("CMYK becomes RGB without its colour profile; colours may differ")
    if pictures > 1:
        found.append(f"holds {pictures} pictures; the first is restored, the others are left out")
    return tuple(found)


def _of_tiff(path: Path) -> tuple[bool, int]:
    """Whether it has inks, and how many pictures; smaller copies and masks are none."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        pages = (file.pages.get(index) for index in range(len(file.pages)))
        whole = (page for page in pages if isinstance(page, tifffile.TiffPage))
        own = [page for page in whole if not page.is_reduced and not page.is_mask]
        return file.pages.first.photometric == _CMYK_OF_TIFF, len(own)


def _of_others(path: Path) -> tuple[bool, int]:
    from PIL import Image

    with Image.open(path) as opened:
        return opened.mode == "CMYK", getattr(opened, "n_frames", 1)
