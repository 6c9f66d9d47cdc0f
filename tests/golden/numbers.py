"""Numbers of what a maker has written: pictures, arrays and records."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

UNSTABLE = (
    *("sha256", "bytes", "version", "content_hash", "revision"),
    *("thumbnail", "bits", "dark_discs"),
)
"""Keys of records that follow from other numbers or from the libraries that pack bytes, and the
discs of a picture, whose order turns on the last bits."""

Numbers = Iterator[tuple[str, float]]


def of_folder(folder: Path) -> Numbers:
    """Numbers of all pictures, arrays and records below a folder."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix in (".png", ".tif"):
            yield from _of_array(
                name, np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
            )
        elif path.suffix == ".npy":
            yield from _of_array(name, np.load(path))
        elif path.suffix == ".json" and path.name != "manifest.json":
            yield from of_value(name, json.loads(path.read_text(encoding="utf-8")))
        elif path.is_file():  # words: versions and hashes change, their number does not
            yield name, float(len(path.read_text(encoding="utf-8").split()))


def _of_array(name: str, array: np.ndarray[Any, Any]) -> Numbers:
    values = array.astype(np.float64)
    if np.issubdtype(array.dtype, np.unsignedinteger):
        values /= np.iinfo(array.dtype).max
    finite = values[np.isfinite(values)]
    yield f"{name}/mean", float(finite.mean()) if finite.size else 0.0
    yield f"{name}/deviation", float(finite.std()) if finite.size else 0.0
    yield from (
        (f"{name}/side{axis}", float(side)) for axis, side in enumerate(array.shape)
    )


def of_value(name: str, value: Any) -> Numbers:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not any(word in key for word in UNSTABLE):
                yield from of_value(f"{name}/{key}", inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from of_value(f"{name}/{number}", inner)
    elif isinstance(value, int | float) and np.isfinite(value):
        yield name, float(value)
