"""Strips of a large picture, so that no step needs a second copy of all of it."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

STRIP_ROWS = 256
"""Rows of a strip: 29 MB of floats where a picture is 9504 px wide, and the margins around it cost
a quarter of the time."""

Array = NDArray[np.float32]
Pixels: TypeAlias = NDArray[Any]
"""Values of a picture as it is stored: integers or floats."""
Bytes: TypeAlias = NDArray[np.uint8]
"""Content of a file, or values of a picture of 8 bits."""
Values = TypeVar("Values", bound=np.generic)
Part: TypeAlias = slice | tuple[slice, slice]
"""Some rows of a picture, or some rows and columns."""
WHOLE = slice(None)
"""All rows."""
Limits: TypeAlias = Callable[[slice, slice, Array], Array]
"""Function from the rows of a strip, the rows with its margins, and the picture in those rows to
the new strip."""


class Rows(Protocol):
    """Values at the pixels of a picture, given for some rows when asked: an array is one."""

    def __getitem__(self, rows: slice, /) -> Array: ...


class Colours(Protocol):
    """A picture ``(H, W, 3)`` float32 in [0, 1], given part by part when asked: an array is one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(H, W, 3)``."""
        ...

    def __getitem__(self, part: Part, /) -> Array: ...


def planes(picture: Array) -> list[Array]:
    """``(H, W)`` each: copies of the colours, made much faster than NumPy makes them."""
    return [np.asarray(plane, np.float32) for plane in cv2.split(picture)]


def plane(picture: Array, colour: int) -> Array:
    """``(H, W)``: a copy of one colour, for callers that do not need all of them at once."""
    return np.asarray(cv2.extractChannel(picture, colour), np.float32)


def mean_of_colours(picture: Array) -> Array:
    """``(H, W)``: the mean of the three colours, several times as fast as NumPy's along an axis."""
    mean = plane(picture, 0)
    mean += plane(picture, 1)
    mean += plane(picture, 2)
    mean /= 3
    return mean


_MERGED = (np.uint8, np.uint16, np.float32, np.float64)


def three_colours(picture: NDArray[Values]) -> NDArray[Values]:
    """``(H, W, 3)``: grey, with transparency or without, is repeated; that of colours goes."""
    if picture.ndim == 3 and picture.shape[2] > 2:
        return picture[:, :, :3]
    grey: Any = picture if picture.ndim == 2 else picture[:, :, 0]
    if picture.dtype in _MERGED and grey.size:  # takes a tenth of the time
        merged: Pixels = np.asarray(cv2.merge((grey, grey, grey)))
        return merged
    repeated: Pixels = np.repeat(grey[:, :, None], 3, axis=2)
    return repeated


def strips(height: int) -> Iterator[slice]:
    """The rows of each strip, from top to bottom."""
    for top in range(0, height, STRIP_ROWS):
        yield slice(top, min(top + STRIP_ROWS, height))


def replace_strips(
    picture: Array,
    margin: int,
    replaced: Limits,
    threads: int,
) -> None:
    """Replace each strip of a picture in place; it is seen with some rows around it, as given."""
    # Strips are copied from top to bottom, with their margins, and a strip is written when its
    # lower neighbour has been copied.
    height = len(picture)
    waiting: deque[tuple[slice, Future[Array]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for rows in strips(height):
            seen = slice(max(0, rows.start - margin), min(height, rows.stop + margin))
            waiting.append(
                (rows, pool.submit(replaced, rows, seen, picture[seen].copy()))
            )
            # so few: each copy of 60 megapixels has 40 MB
            if len(waiting) >= max(2, threads):
                _write_first(picture, waiting)
        while waiting:
            _write_first(picture, waiting)


def _write_first(picture: Array, waiting: deque[tuple[slice, Future[Array]]]) -> None:
    rows, strip = waiting.popleft()
    picture[rows] = strip.result()
