"""The files of a pair as they are released: PNG with nothing but pixels, arrays as they are."""

import io
from pathlib import Path

import cv2
import numpy as np

from defocus.datasets.fingerprint import pair_files
from defocus.datasets.pair import Pair
from defocus.errors import DatasetError, ImageError
from defocus.images import Image, read_image, read_pair
from defocus.raw import RAW_SUFFIXES

__all__ = ["ARRAYS", "member_name", "released_members"]

ARRAYS = ("flow", "defocus_map")
"""The roles that are ``.npy`` files; all others are pictures."""

PNG = b"\x89PNG\r\n\x1a\n"
PIXELS_ALONE = {b"IHDR", b"IDAT", b"IEND"}


def member_name(role: str) -> str:
    """File name of a role in a release."""
    return f"{role}.npy" if role in ARRAYS else f"{role}.png"


def released_members(pair: Pair) -> dict[str, bytes]:
    """The files of a pair by role, as bytes.

    A PNG that has pixels alone is kept byte for byte. Every other picture is decoded and written
    as PNG of its own depth, so that no position, serial number or thumbnail of a camera stays in
    it; RAW members are developed with one set of parameters.

    Raises:
        ImageError: A picture cannot be read.
        DatasetError: An array is not one of plain numbers.
    """
    files = pair_files(pair)
    raw = [files[role] for role in ("blurry", "sharp") if role in files]
    developed: dict[Path, Image] = {}
    if len(raw) == 2 and any(path.suffix.lower() in RAW_SUFFIXES for path in raw):
        developed = dict(zip(raw, read_pair(*raw), strict=True))
    return {
        role: _array(path) if role in ARRAYS else _picture(path, developed.get(path))
        for role, path in files.items()
    }


def _picture(path: Path, developed: Image | None) -> bytes:
    picture = read_image(path) if developed is None else developed
    if path.suffix.lower() == ".png" and developed is None:
        content = path.read_bytes()
        if _has_pixels_alone(content):
            return content
    done, encoded = cv2.imencode(".png", picture[:, :, ::-1])
    if not done:
        raise ImageError(f"{path}: cannot be written as PNG; replace the file")
    return encoded.tobytes()


def _has_pixels_alone(content: bytes) -> bool:
    """Whether a PNG is colour without alpha, and has no chunk and no byte beside its pixels."""
    colour_type = content[25:26]
    position = len(PNG)
    while position + 12 <= len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        name = content[position + 4 : position + 8]
        if name not in PIXELS_ALONE:
            return False
        position += 12 + length
        if name == b"IEND":
            return colour_type == b"\x02" and position == len(content) and length == 0
    return False


def _array(path: Path) -> bytes:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: no array of numbers ({error}); restore it") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        raise DatasetError(f"{path}: no array of numbers; restore it")
    content = io.BytesIO()
    np.save(content, array)  # written anew: the file may have had more behind the array
    return content.getvalue()
