"""What the numbers of a picture mean: colour profiles, and two pictures in one colour space.

A profile is not applied where a picture is read alone, and every step that writes pictures again
hands it on, until a release is converted to sRGB. The members of a pair are compared, so that two
that mean different things by their numbers are converted at once.
"""

import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageCms

from defocus.errors import ImageError
from defocus.heif_pixels import HEIF_KINDS, heif_contents
from defocus.picture_headers import SUFFIXES, kind_of
from defocus.raw import RAW_SUFFIXES
from defocus.reading import read_bytes
from defocus.tiff_pixels import MOST_BYTES

__all__ = [
    "in_one_space",
    "in_srgb",
    "in_two_spaces",
    "is_of_srgb",
    "profile_of",
    "space_name",
]

Image = NDArray[np.unsignedinteger[Any]]

_ICC = 34675
_LEVELS = 5
_MOST_STEPS = 1
"""Steps of 8 bits by which two writings of sRGB may differ."""
_MODES = {"RGB ": "RGB", "GRAY": "L"}
"""Pillow's mode for pictures of a profile's colour space."""
_DAMAGE = (OSError, ValueError, LookupError, TypeError, SyntaxError, ArithmeticError)


def profile_of(path: Path) -> bytes:
    """The ICC profile inside a picture file that can be read; empty if it has none.

    RAW files have none: what a preview in them says is not of what is developed.
    """
    import tifffile

    suffix = path.suffix.lower()
    if suffix in RAW_SUFFIXES:
        return b""
    try:
        if (kind := _heif_kind(path)) is not None:
            return heif_contents(read_bytes(path, MOST_BYTES), kind).icc
        if suffix in SUFFIXES["TIFF"]:  # Pillow does not open 16-bit colours
            with tifffile.TiffFile(path) as file:
                tag = file.pages.first.tags.get(_ICC)
                return bytes(tag.value) if tag is not None else b""
        with PillowImage.open(path) as picture:
            return picture.info.get("icc_profile") or b""
    except _DAMAGE:  # no header that tells of colours
        return b""


def _heif_kind(path: Path) -> str | None:
    """HEIC, AVIF or JPEG XL, whatever a file's suffix says; None of another kind."""
    with path.open("rb") as file:
        kind = kind_of(file.read(512))
    return kind if kind in HEIF_KINDS else None


def in_two_spaces(first: Path, second: Path) -> bool:
    """Whether two picture files mean different colours by the same numbers."""
    one, other = profile_of(first), profile_of(second)
    if one == other:
        return False
    colours, others = _meaning(one), _meaning(other)
    if colours is None or others is None:  # damaged, or not of RGB or grey
        return True
    return bool(cv2.absdiff(colours, others).max() > _MOST_STEPS)


def in_one_space(files: Sequence[Path], pictures: Sequence[Image]) -> tuple[Image, Image]:
    """The two pictures of a pair in sRGB if their files mean different colours, else as they are.

    Args:
        files: Their files, whose profiles say what the numbers mean.
        pictures: ``(H, W, 3)`` RGB, uint8 or uint16, as read from them.

    Raises:
        ImageError: They differ, and one cannot be converted; see :func:`in_srgb`.
    """
    first, second = pictures
    if not in_two_spaces(*files):
        return first, second
    return in_srgb(files[0], first), in_srgb(files[1], second)


def is_of_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Whether a profile means sRGB, by what it does to colours.

    Its name does not tell: "Linear sRGB" has the primaries of sRGB alone. A profile of grey means
    it if its curve is that of sRGB.

    Raises:
        ImageCms.PyCMSError: The profile is damaged.
    """
    space = profile.profile.xcolor_space
    if space not in _MODES:
        return False
    colours = _sampled_colours()
    if _MODES[space] == "L":
        colours = colours[..., :1].repeat(3, axis=2)
    moved = _converted(profile, colours).astype(int) - colours
    return bool(np.abs(moved).max() <= _MOST_STEPS)


def _sampled_colours() -> NDArray[np.uint8]:
    levels = np.linspace(0, 255, _LEVELS).astype(np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(_LEVELS, -1, 3)


@lru_cache(maxsize=64)  # the pictures of a camera have the same one
def _meaning(content: bytes) -> NDArray[np.uint8] | None:
    """Sampled colours by a profile, as sRGB; None if it is damaged, or not of RGB or grey."""
    colours = _sampled_colours()
    if not content:
        return colours
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        if is_of_srgb(profile):
            return colours
        return _converted(profile, colours) if profile.profile.xcolor_space in _MODES else None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def space_name(content: bytes) -> str:
    """The colour space that a profile means, for messages; empty for sRGB and no profile."""
    if not content:
        return ""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        if is_of_srgb(profile):
            return ""
        name = ImageCms.getProfileDescription(profile)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return "a damaged profile"
    return " ".join((name or "").split()) or "a profile without a name"


def in_srgb(path: Path, picture: Image) -> Image:
    """The colours of a picture as sRGB.

    Args:
        path: Its file, whose profile says what the numbers mean.
        picture: ``(H, W, 3)`` RGB, uint8 or uint16, as read from it.

    Returns:
        The picture itself if it has no profile or that of sRGB.

    Raises:
        ImageError: The profile is damaged or not of RGB or grey, or the picture has 16 bits, which
            the colour library does not convert.
    """
    content = profile_of(path)
    if not content:
        return picture
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        name = " ".join((ImageCms.getProfileDescription(profile) or "").split()) or "without a name"
        if is_of_srgb(profile):
            return picture
        if profile.profile.xcolor_space not in _MODES:
            raise ImageError(f"{path}: its colour profile {name!r} is not of RGB; convert it")
        if picture.dtype != np.uint8:
            raise ImageError(
                f"{path}: 16 bits with the colour profile {name!r}; convert it to sRGB first"
            )
        return _converted(profile, cast(NDArray[np.uint8], picture))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise ImageError(
            f"{path}: its colour profile is damaged; convert the picture to sRGB"
        ) from error


def _converted(profile: ImageCms.ImageCmsProfile, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The colours of a profile of RGB or grey as sRGB; of grey, the channels are alike."""
    converted = ImageCms.profileToProfile(
        PillowImage.fromarray(picture).convert(_MODES[profile.profile.xcolor_space]),
        profile,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
    )
    return np.asarray(converted, np.uint8)
