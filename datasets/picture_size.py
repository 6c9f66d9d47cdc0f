"""Width and height of a picture file from its header, without decoding it."""

from pathlib import Path

from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from defocus.errors import ImageError
from defocus.raw import RAW_SUFFIXES

__all__ = ["picture_size"]


def picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height as stored; None for RAW files, whose size is known once developed.

    Raises:
        ImageError: Not a picture.
    """
    suffix = path.suffix.lower()
    if suffix in RAW_SUFFIXES:
        return None
    if suffix in {".tif", ".tiff"}:  # Pillow does not open 16-bit RGB ones
        return _tiff_size(path)
    try:
        with PillowImage.open(path) as picture:
            return picture.size
    except (OSError, UnidentifiedImageError, PillowImage.DecompressionBombError) as error:
        raise ImageError(f"{path}: not a picture that can be read; replace the file") from error


def _tiff_size(path: Path) -> tuple[int, int]:
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[0]
            return int(page.shape[1]), int(page.shape[0])
    except (OSError, IndexError, tifffile.TiffFileError) as error:
        raise ImageError(f"{path}: not a picture that can be read; replace the file") from error
