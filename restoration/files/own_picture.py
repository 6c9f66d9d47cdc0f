"""A person's picture: what is restored of it, and what stays as it is."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.blocks.block import Remark
from defocus.blocks.metadata import Metadata, read_metadata
from defocus.errors import ImageError
from defocus.heif_pixels import HEIF_KINDS
from defocus.images import as_float, as_integer, read_stored
from defocus.orientation import as_shown, as_stored
from defocus.picture_headers import SUFFIXES

Array = NDArray[np.float32]

FLOAT_WHITES = (255, 1023, 4095, 65535)
"""White of floats that were integers of 8, 10, 12 or 16 bits."""


@dataclass(frozen=True)
class OwnPicture:
    """A picture as it is stored, in the colour space that its profile says."""

    stored: NDArray[Any]  # grey, grey and alpha, RGB or RGBA; uint8, uint16 or floats
    metadata: Metadata
    white: float = 0.0  # the value that means white

    def __post_init__(self) -> None:
        if not self.white:
            object.__setattr__(self, "white", white_level(self.stored))

    @property
    def bits(self) -> int:
        """8 or 16; 32 or 64 for floats."""
        return 8 * self.stored.dtype.itemsize

    @property
    def orientation(self) -> int:
        """How it is turned for showing, 1 to 8 (EXIF)."""
        return self.metadata.orientation

    def colours(self) -> Array:
        """``(H, W, 3)`` in [0, 1] for a network: grey repeated, what is beyond it cut off."""
        colours = self.all_colours()
        if self._has_usual_white:
            return np.asarray(as_float(colours), np.float32)
        return np.asarray(np.clip(colours / self.white, 0, 1), np.float32)

    def with_colours(self, restored: Array) -> NDArray[Any]:
        """The picture in its own form with other colours ``(H, W, 3)``; integers are cut off."""
        # What lay beyond white, or was negative, is added again; fully transparent pixels stay as
        # they are. What has no colour gets none, however it is stored.
        given = self.all_colours()
        if self._colourless():
            restored = np.repeat(restored.mean(axis=2, keepdims=True), 3, axis=2)
        if self._has_usual_white:
            colours = as_integer(restored, self.bits)
        else:
            beyond = given - np.clip(given, 0, self.white).astype(given.dtype)
            colours = restored * given.dtype.type(self.white) + beyond
            if given.dtype.kind == "u":
                colours = np.rint(np.clip(colours, 0, np.iinfo(given.dtype).max))
            colours = colours.astype(given.dtype)
        if self.stored.ndim == 2:
            return np.ascontiguousarray(colours[:, :, 0])
        if self.stored.shape[2] == 3:
            return colours
        alpha = self.stored[:, :, -1:]
        colours = np.where(alpha == 0, given, colours)[:, :, : self.stored.shape[2] - 1]
        return np.concatenate([colours, alpha], axis=2)

    @property
    def _has_usual_white(self) -> bool:
        """Whether white is the largest integer."""
        return self.stored.dtype.kind == "u" and self.white == np.iinfo(self.stored.dtype).max

    def _colourless(self) -> bool:
        """Whether all colours are shades of grey."""
        if self.stored.ndim == 2 or self.stored.shape[2] == 2:
            return True
        red, green, blue = (self.stored[:, :, one] for one in range(3))
        return np.array_equal(red, green) and np.array_equal(green, blue)

    def all_colours(self) -> NDArray[Any]:
        """``(H, W, 3)`` as they are stored: grey repeated, without transparency."""
        if self.stored.ndim == 2 or self.stored.shape[2] == 2:
            grey = self.stored.reshape(*self.stored.shape[:2], -1)[:, :, :1]
            return np.repeat(grey, 3, axis=2)
        return np.asarray(self.stored[:, :, :3])


def read_own_picture(path: Path, white: float | None = None) -> OwnPicture:
    """Read a picture and its metadata; without ``white`` that of :func:`white_level` counts."""
    stored = read_stored(path)
    if stored.dtype.kind == "f" and not np.isfinite(stored).all():
        raise ImageError(f"{path}: has values that are not finite; mend the picture")
    metadata = _with_true_kind(path, read_metadata(path))
    if white is not None:
        return OwnPicture(stored, metadata, white)
    try:
        picture = OwnPicture(stored, metadata)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    text = _said_of_white(picture)
    remarks = (*metadata.remarks, Remark(text)) if text else metadata.remarks
    return replace(picture, metadata=replace(metadata, remarks=remarks))


def _with_true_kind(path: Path, metadata: Metadata) -> Metadata:
    """The metadata, which say so if the suffix means another kind than the content is."""
    kind = metadata.kind
    if not kind or path.suffix.lower() in SUFFIXES[kind]:
        return metadata
    goes_on = "" if kind in HEIF_KINDS else f", and stays {kind}"
    remark = Remark(f"is {kind}, whatever its suffix says{goes_on}")
    return replace(metadata, remarks=(remark, *metadata.remarks))


def read_mask(path: Path, picture: OwnPicture) -> Array:
    """Read what is to be restored of a picture: ``(H, W)`` in [0, 1], on its stored grid."""
    # The mask is over the picture as it is shown; white is restored, black is left.
    mask = read_own_picture(path)
    shown = as_shown(mask.colours().mean(axis=2), mask.orientation)
    stored = as_stored(shown, picture.orientation)
    if stored.shape != picture.stored.shape[:2]:
        height, width = as_shown(picture.stored, picture.orientation).shape[:2]
        raise ImageError(
            f"{path}: the mask is {shown.shape[1]}x{shown.shape[0]}, but the picture is shown at "
            f"{width}x{height}; make it that size"
        )
    return np.ascontiguousarray(stored, np.float32)


def white_level(picture: NDArray[Any]) -> float:
    """The value that means white in a picture as it is stored."""
    # Integers: the largest one, but 1023 or 4095 where 16 bits hold no more than 10 or 12 of a
    # camera. Floats: 1; where most values are above 1, or all are whole numbers, that of 255, 1023,
    # 4095 and 65535 of which the largest value is more than a quarter. Others are refused, and a
    # person says it: light whose white is 1 reaches 5 as well. Transparent pixels do not count.
    alpha = picture.shape[2:] in {(2,), (4,)}
    values = picture[:, :, :-1] if alpha else picture
    most = float(values.max(initial=0))
    if picture.dtype.kind == "u":
        levels = (1023, 4095, 65535) if picture.dtype == np.uint16 and most else ()
        return float(next((one for one in levels if most <= one), np.iinfo(picture.dtype).max))
    if most <= 1 or (float(np.median(values)) <= 1 and (values % 1).any()):
        return 1.0
    white = _float_white(most)
    if white is None:
        raise ImageError(
            f"its floats reach {most:g}; say with --white which value is white (1 of "
            "scene-referred light)"
        )
    return white


def _float_white(most: float) -> float | None:
    """The white of floats that were integers, by the largest value; None if it is none's."""
    return next((float(one) for one in FLOAT_WHITES if one / 4 < most <= one), None)


def _said_of_white(picture: OwnPicture) -> str:
    """What is said of the white that was chosen; empty where there was no choice."""
    floats = picture.stored.dtype.kind == "f"
    usual = 1 if floats else np.iinfo(picture.stored.dtype).max
    most = float(picture.all_colours().max(initial=0))
    other = _float_white(most) if floats else None
    if picture.white != usual:
        white = f"white is taken as {picture.white:g}; --white {usual} if it is that"
        return f"values reach {most:g}, so {white}"
    if other is None:
        return ""
    return f"few values reach {most:g}, and white is taken as 1; --white {other:g} if it is that"
