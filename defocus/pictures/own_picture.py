"""A person's picture: what is restored of it, and what stays as it is."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.pictures.blocks import Remark
from defocus.pictures.headers import SUFFIXES
from defocus.pictures.heif import HEIF_KINDS
from defocus.pictures.metadata import Metadata, read_metadata
from defocus.pictures.read import read_stored
from defocus.pictures.values import as_float, as_integer, as_shown, as_stored, luma_of
from defocus.pictures.white import (
    FULL,
    MOSAIC,
    asked_white,
    float_white,
    is_mosaic,
    known_white,
    said_of_values,
    white_level,
    white_words,
)
from defocus.strips import WHOLE, Part, Rows, mean_of_colours, strips

Array = NDArray[np.float32]


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

    def colours(self, part: Part = WHOLE) -> Array:
        """``(H, W, 3)`` in [0, 1] for a network: grey repeated, values beyond the range clipped."""
        colours = self.all_colours(part)
        if self._has_usual_white:
            return np.asarray(as_float(colours), np.float32)
        return np.asarray(np.clip(colours / self.white, 0, 1), np.float32)

    def luma(self) -> Array:
        """``(H, W)`` in [0, 1]: the brightness of :meth:`colours`, in less time and memory."""
        if self._has_usual_white:
            return luma_of(self.all_colours())
        return np.asarray(cv2.cvtColor(self.colours(), cv2.COLOR_RGB2GRAY), np.float32)

    def with_colours(self, restored: Rows) -> NDArray[Any]:
        """The picture in its own form with other colours ``(H, W, 3)``; integers are cut off."""
        # What has no colour gets none, however it is stored.
        output = np.empty(self.stored.shape, self.stored.dtype)
        colourless = self._colourless()
        for rows in strips(len(output)):
            colours = restored[rows]
            if colourless:
                colours = np.repeat(mean_of_colours(colours)[:, :, None], 3, axis=2)
            output[rows] = self._in_own_form(colours, rows)
        return output

    def _in_own_form(self, restored: Array, rows: slice) -> NDArray[Any]:
        """Some rows as they are stored, with other colours."""
        # What lay beyond white, or was negative, is added again; fully transparent pixels stay as
        # they are.
        given = self.all_colours(rows)
        if self._has_usual_white:
            colours = as_integer(restored, self.bits)
        else:
            beyond = given - np.clip(given, 0, self.white).astype(given.dtype)
            colours = restored * given.dtype.type(self.white) + beyond
            if given.dtype.kind == "u":
                colours = np.rint(np.clip(colours, 0, np.iinfo(given.dtype).max))
            colours = colours.astype(given.dtype)
        if self.stored.ndim == 2:
            return colours[:, :, 0]
        if self.stored.shape[2] == 3:
            return colours
        alpha = self.stored[rows, :, -1:]
        colours = np.where(alpha == 0, given, colours)[:, :, : self.stored.shape[2] - 1]
        return np.concatenate([colours, alpha], axis=2)

    @property
    def _has_usual_white(self) -> bool:
        """Whether white is the largest integer."""
        return (
            self.stored.dtype.kind == "u"
            and self.white == np.iinfo(self.stored.dtype).max
        )

    def _colourless(self) -> bool:
        """Whether all colours are shades of grey."""
        if self.stored.ndim == 2 or self.stored.shape[2] == 2:
            return True
        return all(
            _equal_colours(self.stored[rows]) for rows in strips(len(self.stored))
        )

    def all_colours(self, part: Part = WHOLE) -> NDArray[Any]:
        """``(H, W, 3)`` as they are stored: grey repeated, without transparency."""
        stored = self.stored[part]
        if stored.ndim == 2 or stored.shape[2] == 2:
            grey = stored.reshape(*stored.shape[:2], -1)[:, :, :1]
            return np.repeat(grey, 3, axis=2)
        return np.asarray(stored[:, :, :3])


def _equal_colours(stored: NDArray[Any]) -> bool:
    red, green, blue = (stored[:, :, one] for one in range(3))
    return np.array_equal(red, green) and np.array_equal(green, blue)


@dataclass(frozen=True)
class StoredColours:
    """The colours of a picture, ``(H, W, 3)`` in [0, 1], made part by part when asked for."""

    picture: OwnPicture

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and 3."""
        return (*self.picture.stored.shape[:2], 3)

    def __getitem__(self, part: Part) -> Array:
        """Some rows, or rows and columns, as :meth:`OwnPicture.colours` gives them."""
        return self.picture.colours(part)


def read_own_picture(
    path: Path, white: float | None = None, deep_white: int | None = None
) -> OwnPicture:
    """Read a picture and its metadata; without ``white`` that of :func:`white_level` counts."""
    stored = read_stored(path)
    if stored.dtype.kind == "f" and not np.isfinite(stored).all():
        raise ImageError(f"{path}: has values that are not finite; mend the picture")
    metadata = _with_true_kind(path, read_metadata(path))
    if white is not None:
        return OwnPicture(stored, metadata, white)
    known = None
    if stored.dtype == np.uint16:
        known = known_white(path) or deep_white
    try:
        picture = OwnPicture(stored, metadata, known or 0.0)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    said = [
        "" if known == FULL else _said_of_white(picture),
        MOSAIC if is_mosaic(stored) else "",
    ]
    remarks = (*metadata.remarks, *(Remark(text) for text in said if text))
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
    colours = StoredColours(mask)
    values = np.empty(mask.stored.shape[:2], np.float32)
    for rows in strips(len(values)):
        values[rows] = mean_of_colours(colours[rows])
    shown = as_shown(values, mask.orientation)
    stored = as_stored(shown, picture.orientation)
    if stored.shape != picture.stored.shape[:2]:
        height, width = as_shown(picture.stored, picture.orientation).shape[:2]
        raise ImageError(
            f"{path}: the mask is {shown.shape[1]}x{shown.shape[0]}, but the picture is shown at "
            f"{width}x{height}; make it that size"
        )
    return np.ascontiguousarray(stored, np.float32)


def _said_of_white(picture: OwnPicture) -> str:
    """What is said of the white that was chosen; empty where there was no choice."""
    floats = picture.stored.dtype.kind == "f"
    usual = 1 if floats else np.iinfo(picture.stored.dtype).max
    most = float(picture.all_colours().max(initial=0))
    other = float_white(most) if floats else None
    if picture.white != usual:
        return f"{white_words(most, picture.white)}; --white {usual} if it is that"
    words = said_of_values(picture.stored, picture.white)
    if words:
        return f"{words} --white {asked_white(int(most))} if they are"
    if other is None:
        return ""
    return f"few values reach {most:g}, and white is taken as 1; --white {other:g} if it is that"
