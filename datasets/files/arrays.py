"""Arrays of pairs in untrusted ``.npy`` files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.errors import DatasetError
from defocus.reading import ARRAY_ERRORS, require_file

__all__ = ["ARRAYS", "array_shape", "read_array"]

ARRAYS = ("flow", "defocus_map")
"""The roles of a pair that are arrays; all others are pictures."""


def array_shape(role: str, height: int, width: int) -> tuple[int, ...]:
    """The shape of a role's array for a picture of that size."""
    return (2, height, width) if role == "flow" else (height, width)


def read_array(path: Path, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Read an array of real numbers from a ``.npy`` file, in its own type."""
    try:
        require_file(path)
        # mapped: a header that claims more than the file holds takes no memory
        mapped = np.lib.format.open_memmap(path, mode="r")
    except ARRAY_ERRORS as error:
        reason = str(error).partition("\n")[0]
        raise DatasetError(f"{path}: no array can be read ({reason}); restore it") from error
    if mapped.dtype.kind not in "fiu":
        raise DatasetError(f"{path}: {mapped.dtype} are no real numbers; restore it")
    if shape is not None and mapped.shape != shape:
        raise DatasetError(
            f"{path}: an array of shape {mapped.shape} where its picture needs {shape}; restore it"
        )
    return np.array(mapped)
