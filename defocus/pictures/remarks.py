"""What is said of a picture that is read: its white, a mosaic, what of its file is not read."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.pictures.headers import HEAD_BYTES, SUFFIXES, kind_of
from defocus.pictures.metadata import remarks_on_content
from defocus.pictures.raw import dng_demands, is_raw, said_of_demands
from defocus.pictures.values import (
    DEEP_WHITES,
    EIGHT_BITS,
    FOURTEEN_BITS,
    FULL,
    equal_colours,
    float_white,
    has_alpha,
    known_white,
    largest_value,
    without_alpha,
)
from defocus.progress import say_once
from defocus.reading import mapped
from defocus.strips import Pixels


def say_remarks(path: Path, stored: Pixels, white: float) -> None:
    """Print remarks on a file and its picture as it is stored, each once for all of a folder."""
    remarks = [*said_of_pixels(stored), *said_of_file(path)]
    words = said_of_values(stored, white)
    if words and known_white(path) is None:
        remarks.insert(0, words)
    for remark in remarks:
        say_once((path.parent, remark), f"{path}: {remark}")


def said_of_pixels(stored: Pixels) -> tuple[str, ...]:
    """Remarks on the pixels of a picture as it is stored, of which only the colours are read."""
    remarks = []
    if is_mosaic(stored):
        remarks.append(MOSAIC)
    if _is_transparent(stored):
        remarks.append(TRANSPARENT)
    return tuple(remarks)


def _is_transparent(stored: Pixels) -> bool:
    """Whether a picture has pixels that are not opaque."""
    if not has_alpha(stored):
        return False
    opaque = np.iinfo(stored.dtype).max if stored.dtype.kind == "u" else 1
    return bool((stored[:, :, -1] < opaque).any())


def said_of_file(path: Path) -> tuple[str, ...]:
    """Remarks on what a file holds and no reader takes: corrections, profiles, more pictures."""
    if is_raw(path):
        demands = said_of_demands(dng_demands(path))
        return (demands,) if demands else ()
    try:
        with mapped(path) as content:
            kind = kind_of(content[:HEAD_BYTES])
            remarks = remarks_on_content(content, kind)
    except (OSError, ValueError):
        return ()
    said = [one.text for one in remarks]
    if other_suffix(path, kind):
        said.insert(0, f"is {kind}, whatever its suffix says")
    return tuple(said)


def other_suffix(path: Path, kind: str) -> bool:
    """Whether the suffix of a file names another kind of picture than its content."""
    return bool(kind) and path.suffix.lower() not in SUFFIXES[kind]


def white_words(most: float, white: float) -> str:
    """Remark on a white that is not the usual one."""
    return f"values reach {most:g}, so white is taken as {white:g}"


def said_of_values(picture: Pixels, white: float) -> str:
    """Remark on the values of a picture with a white; empty where they are usual."""
    if picture.dtype.kind == "f":
        return _said_of_floats(picture, white)
    if picture.dtype != np.uint16:
        return ""
    largest = largest_value(without_alpha(picture))
    if white < FULL:
        return white_words(largest, white)
    return white_question(largest)


def _said_of_floats(picture: Pixels, white: float) -> str:
    most = float(without_alpha(picture).max(initial=0))
    if white != 1:
        return white_words(most, white)
    if float_white(most) is None:
        return ""
    return f"few values reach {most:g}, and white is taken as 1"


def white_question(largest: int) -> str:
    """Question about 16 bits by their largest value; empty where they are usual."""
    asked = asked_white(largest)
    if not asked:
        return ""
    bits = asked.bit_length()
    return f"values of 16 bits reach {largest} alone; are they {bits} bits in 16?"


def asked_white(largest: int) -> int:
    """A possible white of 16 bits below the usual one, by their largest value; 0 if none."""
    possible = (EIGHT_BITS, *DEEP_WHITES[:-1], FOURTEEN_BITS)
    if largest == 0:
        return 0
    return next((white for white in possible if largest <= white), 0)


TRANSPARENT = "its transparency is not read: transparent pixels count like the others"
MOSAIC = (
    "period of 2, 4 or 6 px in rows and columns: "
    "is this a mosaic of a sensor, not yet in colours?"
)

_CELL_PX = 16
"""Side of the squares in which an alternation must keep its sign, px. 64 values are enough to show
it."""
_LOOKED_PX = 1024
"""Side of the central part that is examined, px: enough squares, in a few milliseconds."""
_LEAST_PX = 4 * _CELL_PX
_LEAST_STEP = 0.01
"""Smallest alternation that counts, as a share of white. Noise has less in the mean of a square."""
_LEAST_SHARE = 0.3
"""Smallest share of squares that must alternate. Nine in ten mosaics that were made from 92
photographs have 0.63 or more, of any of the three kinds; the photographs have 0.011 at most."""
_GREEN_X = np.array([[4, -5, 4], [-5, 4, -5], [4, -5, 4]], np.float32) / 9
"""Green pixels of an X-Trans sensor against the others, which are red and blue in turn."""
_X_CELL_PX = 24
"""Side of the squares in which green must stand out, px; it has 64 values of each place."""
_LEAST_EXPLAINED = 0.8
"""Smallest share of the differences between nine places that green must explain."""


def is_mosaic(picture: Pixels) -> bool:
    """Whether a grey picture of integers repeats as a sensor: Bayer, Quad Bayer or X-Trans."""
    grey = _grey_part(picture)
    if grey is None or min(grey.shape) < _LEAST_PX:
        return False
    white = np.float32(np.iinfo(grey.dtype).max)
    values = grey.astype(np.float32) / white
    values /= np.float32(max(float(values.max()), 1e-6))
    if _is_bayer(values) or _is_x_trans(values):
        return True
    return any(map(_is_bayer, _halved(values)))


def _is_bayer(values: NDArray[np.float32]) -> bool:
    """Whether values alternate from pixel to pixel along rows and along columns."""
    if min(values.shape) < _LEAST_PX:
        return False
    return _alternates(values) and _alternates(values.T)


def _halved(values: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """The picture at half its size from each of four pixels; a Quad Bayer becomes a Bayer."""
    for top, left in itertools.product((0, 1), repeat=2):
        shifted = values[top:, left:]
        rows, columns = shifted.shape
        size = (columns // 2, rows // 2)
        whole = shifted[: rows - rows % 2, : columns - columns % 2]
        halved = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
        yield np.asarray(halved, np.float32)


def _is_x_trans(values: NDArray[np.float32]) -> bool:
    """Whether every third pixel differs from the others as green does on an X-Trans sensor."""
    times = _X_CELL_PX // 3
    down = values.shape[0] // _X_CELL_PX
    across = values.shape[1] // _X_CELL_PX
    whole = values[: down * _X_CELL_PX, : across * _X_CELL_PX]
    squares = whole.reshape(down, times, 3, across, times, 3)
    means = squares.mean(axis=(1, 4))
    step = _largest_green(means)
    if not _many(step > _LEAST_STEP):
        return False
    scatter = squares.std(axis=(1, 4)).mean(axis=(1, 3)) / times
    return _many(step > np.maximum(scatter, _LEAST_STEP))


def _largest_green(means: NDArray[np.float32]) -> NDArray[np.float32]:
    """By how much green stands out in each square; 0 where other differences are as large."""
    # ``means`` is ``(rows of squares, 3, columns of squares, 3)``; green begins at any place.
    apart = means - means.mean(axis=(1, 3), keepdims=True)
    energy = np.square(apart).sum(axis=(1, 3))
    weight = np.square(_GREEN_X).sum()
    steps = []
    for place in itertools.product(range(3), repeat=2):
        green = np.roll(_GREEN_X, place, (0, 1))
        step = np.einsum("iajb,ab->ij", apart, green) / weight
        of_green = np.square(step) * weight
        explained = of_green > _LEAST_EXPLAINED * energy
        steps.append(np.where(explained, np.abs(step), np.float32(0)))
    return max(steps, key=lambda step: np.count_nonzero(step > _LEAST_STEP))


def _many(stand_out: NDArray[np.bool_]) -> bool:
    """Whether enough squares stand out."""
    return float(np.mean(stand_out)) > _LEAST_SHARE


def _grey_part(picture: Pixels) -> Pixels | None:
    """The part around the centre of a grey picture of integers; None for other pictures."""
    if picture.dtype.kind != "u" or picture.ndim not in {2, 3}:
        return None
    height, width = picture.shape[:2]
    top = max(0, (height - _LOOKED_PX) // 2)
    left = max(0, (width - _LOOKED_PX) // 2)
    rows = slice(top, top + _LOOKED_PX)
    part = picture[rows, left : left + _LOOKED_PX]
    if part.ndim == 2:
        return part
    first = part[:, :, 0]
    if part.shape[2] < 3 or equal_colours(part):
        return first
    return None


def _alternates(values: NDArray[np.float32]) -> bool:
    """Whether the columns alternate in enough squares, both in even and in odd rows."""
    left = values[:, :-2]
    middle = values[:, 1:-1]
    right = values[:, 2:]
    steps = middle - (left + right) / 2
    steps[:, 1::2] *= -1
    height, width = steps.shape
    down = height // _CELL_PX
    across = width // _CELL_PX
    whole = steps[: down * _CELL_PX, : across * _CELL_PX]
    cells = whole.reshape(down, _CELL_PX, across, _CELL_PX)
    for phase in (0, 1):
        rows = cells[:, phase::2]
        means = np.abs(rows.mean(axis=(1, 3)))
        if not _many(means > _LEAST_STEP):
            return False
        scatter = rows.std(axis=(1, 3)) / 2
        if not _many(means > np.maximum(scatter, _LEAST_STEP)):
            return False
    return True
