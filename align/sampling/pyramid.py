"""Picture pyramids with pixel centres at integers on every level."""

import math
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["enlarged", "factor_for", "reduced", "scaling"]

T = TypeVar("T", bound=np.generic)


def factor_for(shape: tuple[int, ...], side: int) -> int:
    """Integer factor that reduces a picture so that no side exceeds ``side``."""
    return math.ceil(max(shape[:2]) / side)


def reduced(picture: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Average over squares of ``factor`` pixels, without incomplete ones at right and bottom."""
    if factor == 1:
        return picture
    height, width = (max(side // factor, 1) for side in picture.shape[:2])
    whole = picture[: height * factor, : width * factor]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA))


def enlarged(values: NDArray[T], factor: int, shape: tuple[int, ...]) -> NDArray[T]:
    """Enlarge a reduced picture to the full ``shape``; dropped borders repeat their neighbours."""
    least = [math.ceil(side / factor) for side in shape[:2]]
    rest = [(0, max(0, side - have)) for side, have in zip(least, values.shape, strict=True)]
    whole = np.pad(values, rest, mode="edge")
    return whole.repeat(factor, axis=0).repeat(factor, axis=1)[: shape[0], : shape[1]]


def scaling(factor: int) -> NDArray[np.float64]:
    """``(3, 3)``: positions in the full picture to positions in the reduced one."""
    offset = 0.5 / factor - 0.5
    return np.array([[1 / factor, 0, offset], [0, 1 / factor, offset], [0, 0, 1]])
