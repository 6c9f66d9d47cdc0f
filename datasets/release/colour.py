"""Colours of released pictures: other profiles than sRGB are converted, or refused."""

import io
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageCms

from defocus.errors import ImageError
from defocus.images import Image

__all__ = ["in_srgb", "profile_of"]

_ICC = 34675
_DAMAGE = (OSError, ValueError, LookupError, TypeError, SyntaxError, ArithmeticError)


def profile_of(path: Path) -> bytes:
    """The ICC profile inside a picture file that can be read; empty if it has none."""
    import tifffile

    try:
        if path.suffix.lower() in {".tif", ".tiff"}:  # Pillow does not open 16-bit colours
            with tifffile.TiffFile(path) as file:
                tag = file.pages.first.tags.get(_ICC)
                return bytes(tag.value) if tag is not None else b""
        with PillowImage.open(path) as picture:
            return picture.info.get("icc_profile") or b""
    except _DAMAGE:  # no header that tells of colours
        return b""


def in_srgb(path: Path, picture: Image) -> Image:
    """The colours of a picture as sRGB.

    Args:
        path: Its file, whose profile says what the numbers mean.
        picture: ``(H, W, 3)`` RGB, uint8 or uint16, as read from it.

    Returns:
        The picture itself if it has no profile or that of sRGB.

    Raises:
        ImageError: The profile is damaged or not of RGB, or the picture has 16 bits, which the
            colour library does not convert.
    """
    content = profile_of(path)
    if not content:
        return picture
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        name = " ".join((ImageCms.getProfileDescription(profile) or "").split()) or "without a name"
        if "srgb" in name.lower():
            return picture
        if profile.profile.xcolor_space.strip() != "RGB":
            raise ImageError(f"{path}: its colour profile {name!r} is not of RGB; convert it")
        if picture.dtype != np.uint8:
            raise ImageError(
                f"{path}: 16 bits with the colour profile {name!r}; convert it to sRGB first"
            )
        converted = ImageCms.profileToProfile(
            PillowImage.fromarray(cast(NDArray[np.uint8], picture)),
            profile,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise ImageError(
            f"{path}: its colour profile is damaged; convert the picture to sRGB"
        ) from error
    return np.asarray(converted, np.uint8)
