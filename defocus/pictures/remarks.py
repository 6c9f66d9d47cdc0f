"""What is said of a file that was read, the same by every verb: white, mosaic, what a DNG asks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.pictures.raw import dng_demands, said_of_demands
from defocus.pictures.white import said_of_values
from defocus.progress import say

MOSAIC = "period of 2 px in rows and columns: is this a mosaic of a sensor, not yet in colours?"

_CELL_PX = 16
"""Side of a square in which an alternation must keep its sign, px; 64 values show it."""
_LOOKED_PX = 1024
"""Side of the part around the centre that is looked at, px: enough cells, in a few milliseconds."""
_LEAST_PX = 4 * _CELL_PX
_LEAST_STEP = 0.01
"""Smallest alternation that counts, of white; noise has less in the mean of a cell."""
_LEAST_SHARE = 0.3
"""Share of the cells that alternate: 0.6 and more in mosaics, at most 0.05 in photographs."""

_said: set[tuple[Path, str]] = set()
"""Folders and remarks that were said in this process."""


def remarks_of(path: Path, picture: NDArray[Any], white: float) -> Iterator[str]:
    """What there is to say of a picture as it is stored, ``(H, W)`` or ``(H, W, 3)``, in words."""
    words = said_of_values(picture, white)
    if words:
        yield words
    if is_mosaic(picture):
        yield MOSAIC
    demands = said_of_demands(dng_demands(path))
    if demands:
        yield demands


def say_remarks(path: Path, picture: NDArray[Any], white: float) -> None:
    """Say what there is to say of a file, each remark once for the files of a folder."""
    for remark in remarks_of(path, picture, white):
        if (path.parent, remark) not in _said:
            _said.add((path.parent, remark))
            say(f"{path}: {remark}")


def is_mosaic(picture: NDArray[Any]) -> bool:
    """Whether a grey picture of integers alternates from pixel to pixel as a Bayer sensor does."""
    grey = _grey_part(picture)
    if grey is None or min(grey.shape) < _LEAST_PX:
        return False
    values = grey.astype(np.float32) / np.float32(np.iinfo(grey.dtype).max)
    values /= np.float32(max(float(values.max()), 1e-6))
    return all(share > _LEAST_SHARE for one in (values, values.T) for share in _alternating(one))


def _grey_part(picture: NDArray[Any]) -> NDArray[Any] | None:
    """The part around the centre of a picture without colours; None of another."""
    if picture.dtype.kind != "u" or picture.ndim not in {2, 3}:
        return None
    top, left = (max(0, (side - _LOOKED_PX) // 2) for side in picture.shape[:2])
    part = picture[top : top + _LOOKED_PX, left : left + _LOOKED_PX]
    if part.ndim == 2:
        return part
    first = part[:, :, 0]
    if part.shape[2] < 3:
        return first
    colours = (part[:, :, 1], part[:, :, 2])
    return first if all(np.array_equal(first, one) for one in colours) else None


def _alternating(values: NDArray[np.float32]) -> Iterator[float]:
    """Share of the cells whose columns alternate, in even and in odd rows."""
    steps = values[:, 1:-1] - (values[:, :-2] + values[:, 2:]) / 2
    steps[:, 1::2] *= -1
    height, width = (side // _CELL_PX for side in steps.shape)
    cells = steps[: height * _CELL_PX, : width * _CELL_PX]
    cells = cells.reshape(height, _CELL_PX, width, _CELL_PX)
    for phase in (0, 1):
        rows = cells[:, phase::2]
        limit = np.maximum(rows.std(axis=(1, 3)) / 2, _LEAST_STEP)
        yield float(np.mean(np.abs(rows.mean(axis=(1, 3))) > limit))
