"""Released files of a pair: PNG that say how they were taken, and unchanged arrays."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.colour_profiles import colour_code, colours_of, in_srgb, in_two_spaces
from defocus.datasets.files.arrays import ARRAYS, array_shape, read_array
from defocus.datasets.files.fingerprint import pair_files
from defocus.datasets.opening import require_one_size
from defocus.datasets.pair import Pair
from defocus.datasets.release.pictures.shot import with_shot
from defocus.errors import ImageError
from defocus.images import Image, read_image, read_pair
from defocus.raw import RAW_SUFFIXES

__all__ = ["encoded", "member_name", "released_members"]

PNG = b"\x89PNG\r\n\x1a\n"
PIXELS_ALONE = {b"IHDR", b"IDAT", b"IEND"}


def member_name(role: str) -> str:
    """File name of a role in a release."""
    return f"{role}.npy" if role in ARRAYS else f"{role}.png"


def released_members(pair: Pair) -> dict[str, bytes]:
    """The files of a pair by role, as bytes: PNG without metadata as it is, others as new PNG."""
    # The new PNG has its picture's own bit depth, exposure, lens and date, but no position, serial
    # number or thumbnail. RAW members are developed with the same parameters. Profiles other than
    # sRGB are converted; colours that PNG names by its own chunks stay.
    require_one_size([pair])
    files = pair_files(pair)
    if pair.sharp is not None and in_two_spaces(pair.blurry, pair.sharp):
        pictures = pair.blurry, pair.sharp
        blurry, sharp = (colours_of(one) or "sRGB" for one in pictures)
        help_of_us = "'defocus-data compensate' brings both to one space"
        raise ImageError(
            f"pair {pair.id}: the blurry picture is in {blurry}, the sharp one in {sharp}; "
            + ("convert both to sRGB" if any(map(colour_code, pictures)) else help_of_us)
        )
    developed = _developed(files)
    members: dict[str, bytes] = {}
    height, width = 0, 0
    for role, path in files.items():  # the blurry picture is the first
        if role in ARRAYS:
            # written anew: the file may have more behind the array
            members[role] = encoded(role, read_array(path, array_shape(role, height, width)))
            continue
        picture = developed[path] if path in developed else in_srgb(path, read_image(path))
        if role == "blurry":
            height, width = picture.shape[:2]
        members[role] = _picture(path, picture, as_stored=path not in developed)
    return members


def _developed(files: Mapping[str, Path]) -> dict[Path, Image]:
    """Develop both pictures of a pair if one is a RAW file; otherwise return nothing."""
    raw = [files[role] for role in ("blurry", "sharp") if role in files]
    if len(raw) == 2 and any(path.suffix.lower() in RAW_SUFFIXES for path in raw):
        return dict(zip(raw, read_pair(*raw), strict=True))
    return {}


def _picture(path: Path, picture: Image, *, as_stored: bool) -> bytes:
    if path.suffix.lower() == ".png" and as_stored:
        content = path.read_bytes()
        if _has_pixels_alone(content):
            return content
    return with_shot(path, encoded("blurry", picture))


def encoded(role: str, array: NDArray[Any]) -> bytes:
    """Encode the file of a role: a picture ``(H, W, 3)`` as PNG, or an array as ``.npy``."""
    if role in ARRAYS:
        content = io.BytesIO()
        np.save(content, array)
        return content.getvalue()
    done, png = cv2.imencode(".png", array[:, :, ::-1])
    if not done:
        raise ImageError(f"a picture of shape {array.shape} cannot be written as PNG; replace it")
    return png.tobytes()


def _has_pixels_alone(content: bytes) -> bool:
    """Whether a PNG is in colour without alpha and holds nothing but its pixels."""
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
