"""A person's picture: what is restored of it, and what stays as it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.restore.files.metadata import Metadata, read_metadata
from defocus.errors import ImageError
from defocus.images import as_float, as_integer, as_shown, as_stored, read_stored

__all__ = ["OwnPicture", "read_mask", "read_own_picture"]

Array = NDArray[np.float32]


@dataclass(frozen=True)
class OwnPicture:
    """A picture as it is stored.

    Attributes:
        stored: ``(H, W)`` grey, ``(H, W, 2)`` grey and alpha, ``(H, W, 3)`` RGB or ``(H, W, 4)``
            RGB and alpha; uint8, uint16, float32 or float64, in the colour space that its profile
            says.
        metadata: Of its file.
    """

    stored: NDArray[Any]
    metadata: Metadata

    @property
    def bits(self) -> int:
        """8 or 16; 32 or 64 for floats."""
        return 8 * self.stored.dtype.itemsize

    @property
    def orientation(self) -> int:
        """How it is turned for showing, 1 to 8 (EXIF)."""
        return self.metadata.orientation

    def colours(self) -> Array:
        """``(H, W, 3)`` in [0, 1] for a network: grey repeated, floats beyond it cut off."""
        colours = self._all_colours()
        if colours.dtype.kind == "u":
            return np.asarray(as_float(colours), np.float32)
        return np.asarray(np.clip(colours, 0, 1), np.float32)

    def with_colours(self, restored: Array) -> NDArray[Any]:
        """The picture in its own form with other colours.

        Of floats, what lay beyond [0, 1] is added again; fully transparent pixels stay as they are.
        What has no colour gets none, however it is stored.

        Args:
            restored: ``(H, W, 3)``; integers are cut off to [0, 1].

        Returns:
            As ``stored``.
        """
        given = self._all_colours()
        if self._colourless():
            restored = np.repeat(restored.mean(axis=2, keepdims=True), 3, axis=2)
        if given.dtype.kind == "u":
            made = as_integer(restored, self.bits)
        else:
            made = (restored + (given - np.clip(given, 0, 1))).astype(given.dtype)
        if self.stored.ndim == 2:
            return np.ascontiguousarray(made[:, :, 0])
        if self.stored.shape[2] == 3:
            return made
        alpha = self.stored[:, :, -1:]
        made = np.where(alpha == 0, given, made)[:, :, : self.stored.shape[2] - 1]
        return np.concatenate([made, alpha], axis=2)

    def _colourless(self) -> bool:
        """Whether all colours are shades of grey."""
        if self.stored.ndim == 2 or self.stored.shape[2] == 2:
            return True
        red, green, blue = (self.stored[:, :, one] for one in range(3))
        return np.array_equal(red, green) and np.array_equal(green, blue)

    def _all_colours(self) -> NDArray[Any]:
        if self.stored.ndim == 2 or self.stored.shape[2] == 2:
            grey = self.stored.reshape(*self.stored.shape[:2], -1)[:, :, :1]
            return np.repeat(grey, 3, axis=2)
        return np.asarray(self.stored[:, :, :3])


def read_own_picture(path: Path) -> OwnPicture:
    """Read a picture and its metadata.

    Raises:
        ImageError: It cannot be read, or has floats that are not finite.
    """
    stored = read_stored(path)
    if stored.dtype.kind == "f" and not np.isfinite(stored).all():
        raise ImageError(f"{path}: has values that are not finite; mend the picture")
    return OwnPicture(stored, read_metadata(path))


def read_mask(path: Path, picture: OwnPicture) -> Array:
    """Read what is to be restored of a picture.

    Args:
        path: A grey or colour picture that lies over the picture as it is shown; white is restored,
            black is left, grey in between.
        picture: Which the mask is for.

    Returns:
        ``(H, W)`` in [0, 1], on the picture's stored grid.

    Raises:
        ImageError: It cannot be read or has another size.
    """
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
