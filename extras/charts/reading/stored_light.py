"""Linear light of a stored picture, computed only where it is asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.pictures.raw import is_raw
from defocus.pictures.read import read_image
from defocus.pictures.values import Image, as_float, srgb_to_linear

Array = NDArray[np.float64]


class StoredLight:
    """Linear light of a stored picture, computed only where it is asked for."""

    # ``linear`` values are proportional to light already; ``developed`` from RAW means sRGB to the
    # bit.

    def __init__(
        self,
        stored: Image,
        *,
        linear: bool = False,
        developed: bool = False,
    ) -> None:
        self.stored = stored
        self.linear = linear
        self.developed = developed
        self.shape = stored.shape
        values = self._values()
        self._table = values if linear else srgb_to_linear(values)

    def _values(self) -> Array:
        """All stored values, 0 to 1."""
        steps = np.arange(np.iinfo(self.stored.dtype).max + 1, dtype=self.stored.dtype)
        return np.asarray(as_float(steps, np.float64), np.float64)

    def __getitem__(self, places: Any) -> Array:  # noqa: ANN401 - as an array's
        """The light at some places, as an array gives its values."""
        values = self.stored[places]
        if self._table.ndim == 1:
            return np.asarray(self._table[values], np.float64)
        return np.asarray(self._table[values, np.arange(3)], np.float64)

    def by(self, curve: Callable[[Array], Array]) -> "StoredLight":
        """The light by a measured curve from ``(N, 3)`` stored values, 0 to 1, to light."""
        values = np.repeat(self._values()[:, None], 3, axis=1)
        toned = StoredLight(self.stored, linear=self.linear, developed=self.developed)
        toned._table = curve(values)
        return toned

    def reduced(self, factor: int) -> "StoredLight":
        """The picture reduced by a factor, as means of stored values; incomplete cells are cut."""
        # Edges of blurred dots move evenly on all sides by it, so their middles stay.
        height, width = (side // factor for side in self.shape[:2])
        whole = self.stored[: height * factor, : width * factor]
        small = cv2.resize(
            np.ascontiguousarray(whole),
            (width, height),
            interpolation=cv2.INTER_AREA,
        )
        reduced = np.asarray(small, whole.dtype)
        return StoredLight(reduced, linear=self.linear, developed=self.developed)

    @property
    def exact(self) -> bool:
        """Whether the tone curve is known, and not only likely."""
        return self.linear or self.developed


def stored_light(path: Path, *, linear: bool = False) -> StoredLight:
    """Light of a picture file, as :func:`linear_light` gives it, where it is asked for."""
    return StoredLight(read_image(path), linear=linear, developed=is_raw(path))
