"""Turning pictures as their EXIF orientation says, and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_shown(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn a stored picture as its EXIF orientation, 1 to 8, says; others change nothing."""
    return as_stored(stored, {6: 8, 8: 6}.get(orientation, orientation))


def as_stored(picture: NDArray[Any], orientation: int) -> NDArray[Any]:
    """The inverse of :func:`as_shown`."""
    turned = {
        2: lambda: picture[:, ::-1],
        3: lambda: picture[::-1, ::-1],
        4: lambda: picture[::-1],
        5: lambda: picture.swapaxes(0, 1),
        6: lambda: np.rot90(picture),
        7: lambda: picture[::-1, ::-1].swapaxes(0, 1),
        8: lambda: np.rot90(picture, -1),
    }
    return turned[orientation]() if orientation in turned else picture
