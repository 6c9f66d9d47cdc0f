"""Linear light of pictures, whole or in part."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError, InputError
from defocus.pictures.values import LUMINANCE, Image, as_float, srgb_to_linear

Array = NDArray[np.float64]

CLIPPED = 0.998
MOST_CLIPPED = 0.005


@dataclass(frozen=True)
class Region:
    """A rectangle of a picture, px."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> "Region":
        """The region of a text ``LEFT,TOP,WIDTH,HEIGHT``."""
        if not re.fullmatch(r"\d{1,6}(,\d{1,6}){3}", text):
            raise InputError(f"region '{text}': give LEFT,TOP,WIDTH,HEIGHT in px")
        return cls(*map(int, text.split(",")))

    def of(self, picture: NDArray[Any]) -> NDArray[Any]:
        """This region of a picture; ImageError if it is not inside."""
        rows, columns = picture.shape[:2]
        right = self.left + self.width
        bottom = self.top + self.height
        if self.left < 0 or self.top < 0 or right > columns or bottom > rows:
            raise ImageError(
                f"region {self} is not in a picture of {columns}x{rows} px; give one inside"
            )
        return picture[self.top : bottom, self.left : right]

    def __str__(self) -> str:
        return f"{self.left},{self.top},{self.width},{self.height}"


def grey_of(light: Array) -> Array:
    """Luminance of ``(..., 3)`` linear light."""
    return np.asarray(light @ np.asarray(LUMINANCE))


def is_clipped(light: Array) -> bool:
    """Whether more than 0.5 % of the values of linear light are clipped."""
    return bool((light >= CLIPPED).mean() > MOST_CLIPPED)


def linear_light(
    picture: Image,
    region: Region | None = None,
    *,
    linear: bool = False,
) -> Array:
    """Linear light, 0 to 1, of a picture or a region of it; ``linear`` values are light already."""
    part = picture if region is None else region.of(picture)
    light = as_float(np.ascontiguousarray(part), np.float64)
    return np.asarray(light if linear else srgb_to_linear(light), np.float64)
