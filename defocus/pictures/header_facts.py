"""What the header of a picture file says of its colours, its orientation and its frames."""

from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage

from defocus.pictures.exif import ORIENTATION
from defocus.pictures.headers import MAX_PIXELS, SUFFIXES
from defocus.pictures.profiles import NO_PICTURE, colours_of
from defocus.pictures.raw import RAW_SUFFIXES

PLAIN = "sRGB or nothing"
GREY_MODES = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F"}
_MODES = {"CMYK": "CMYK", "LAB": "Lab", "YCbCr": PLAIN, "HSV": "HSV"}


@dataclass(frozen=True)
class PictureHeader:
    """Facts of a file; ``colours`` is a colour space in words."""

    colours: str
    grey: bool
    orientation: int
    frames: int


def picture_header(path: Path) -> PictureHeader | None:
    """What a file's header says; None of RAW files and of what cannot be read."""
    if path.suffix.lower() in RAW_SUFFIXES:
        return None
    try:
        if path.suffix.lower() in SUFFIXES["TIFF"]:
            return _of_tiff(path)
        with PillowImage.open(path) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return None
            mode = _MODES.get(picture.mode, PLAIN)
            silent = picture.format == "PNG" and not _has_text(path)
            orientation = 1 if silent else picture.getexif().get(ORIENTATION, 1)
            # what MPO has beside the picture is a preview or a second view
            frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
            grey = picture.mode in GREY_MODES
            return PictureHeader(_colours(path, mode), grey, orientation, frames)
    except NO_PICTURE:
        return None


def _has_text(path: Path) -> bool:
    """Whether a PNG has EXIF or text; Pillow decodes all pixels to look behind them."""
    # mapped: a large picture has ten thousand chunks
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        place = 8
        while len(start := content[place : place + 8]) == 8:
            if start[4:] in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
                return True
            place += 12 + int.from_bytes(start[:4], "big")
    return False


def _of_tiff(path: Path) -> PictureHeader:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = file.pages.first
        photometric = getattr(page.photometric, "name", "")
        mode = {"SEPARATED": "CMYK", "CIELAB": "Lab"}.get(photometric, PLAIN)
        grey = photometric in {"MINISBLACK", "MINISWHITE"}
        tag = page.tags.get(ORIENTATION)
        orientation = 1 if tag is None else int(tag.value)
        return PictureHeader(_colours(path, mode), grey, orientation, len(file.pages))


def _colours(path: Path, mode: str) -> str:
    """The colour space that a file declares."""
    return mode if mode != PLAIN else colours_of(path) or PLAIN
