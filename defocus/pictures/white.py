"""Which value means white in a picture as it is stored, and pictures with the usual white."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.strips import strips

FULL = 65535
"""White of a picture whose 16 bits are all in use."""
DEEP_WHITES = (1023, 4095, FULL)
"""White of 16 bits that hold 10, 12 or 16 bits of a camera."""
EIGHT_BITS = 255
"""Largest value of 8 bits. A picture of 16 bits without a larger value is nearly black, or a
mistake."""
FLOAT_WHITES = (255, 1023, 4095, 65535)
"""White of floats that were integers of 8, 10, 12 or 16 bits."""
READING_REVISION = 2
"""Raised by hand where the same file gets other values. The second knows 10 and 12 bits in 16; it
is part of a dataset's identity only where its pictures are read otherwise than by the first."""


def white_level(picture: NDArray[Any]) -> float:
    """The value that means white in a picture as it is stored."""
    # Integers: the largest one, but 1023 or 4095 where 16 bits hold no more than 10 or 12 of a
    # camera. Floats: 1; where most values are above 1, or all are whole numbers, that of 255, 1023,
    # 4095 and 65535 of which the largest value is more than a quarter. Others are refused, and a
    # person says it: light whose white is 1 reaches 5 as well. Transparent pixels do not count.
    values = _without_alpha(picture)
    if picture.dtype.kind == "u":
        return float(integer_white([picture]))
    most = float(values.max(initial=0))
    if most <= 1 or (float(np.median(values)) <= 1 and (values % 1).any()):
        return 1.0
    white = float_white(most)
    if white is None:
        raise ImageError(
            f"its floats reach {most:g}; say with --white which value is white (1 of "
            "scene-referred light)"
        )
    return white


def integer_white(pictures: Sequence[NDArray[Any]]) -> int:
    """The one white of pictures that belong together, of uint8 or uint16."""
    deep = [picture for picture in pictures if picture.dtype == np.uint16]
    if not deep:
        return int(np.iinfo(pictures[0].dtype).max)
    return deep_white(max(largest_value(_without_alpha(picture)) for picture in deep))


def deep_white(largest: int) -> int:
    """The white of 16 bits by their largest value; 8 bits in 16 are asked about, not changed."""
    if largest <= EIGHT_BITS:
        return FULL
    return next(white for white in DEEP_WHITES if largest <= white)


def largest_value(picture: NDArray[Any]) -> int:
    """The largest value; where all 16 bits are in use, one that shows it."""
    most = 0
    for rows in strips(len(picture)):
        most = max(most, int(picture[rows].max(initial=0)))
        if most > DEEP_WHITES[-2]:
            break
    return most


def float_white(most: float) -> float | None:
    """The white of floats that were integers, by the largest value; None if it is none's."""
    return next((float(one) for one in FLOAT_WHITES if one / 4 < most <= one), None)


def stretched(picture: NDArray[Any], white: float) -> NDArray[Any]:
    """A picture of integers whose white is the largest one; itself where that is so already."""
    if picture.dtype != np.uint16 or white == FULL:
        return picture
    output = np.empty_like(picture)
    for rows in strips(len(picture)):
        strip = picture[rows].astype(np.float32) * np.float32(FULL / white)
        output[rows] = np.minimum(np.rint(strip), FULL)
    return output


def compressed(picture: NDArray[Any], white: float) -> NDArray[Any]:
    """The opposite of :func:`stretched`: values from 0 to a white."""
    if picture.dtype != np.uint16 or white == FULL:
        return picture
    return np.asarray(np.rint(picture * (white / FULL)), np.uint16)


def white_words(most: float, white: float) -> str:
    """What is said of a white that is not the usual one."""
    return f"values reach {most:g}, so white is taken as {white:g}"


def said_of_values(picture: NDArray[Any], white: float) -> str:
    """What is said of the values of a picture of integers; empty where they are usual."""
    if picture.dtype != np.uint16:
        return ""
    if white < FULL:
        return white_words(largest_value(picture), white)
    largest = largest_value(picture)
    if 0 < largest <= EIGHT_BITS:
        return f"values of 16 bits reach {largest} alone; are they 8 bits in 16?"
    return ""


def _without_alpha(picture: NDArray[Any]) -> NDArray[Any]:
    alpha = picture.shape[2:] in {(2,), (4,)}
    return picture[:, :, :-1] if alpha else picture
