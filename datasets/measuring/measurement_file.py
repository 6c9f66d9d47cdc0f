"""A measurement as a file: HDF5 with the arrays of the flow and the numbers as JSON."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.blur_map import ReducedBlur
from defocus.align.flow.dense import DenseFlow
from defocus.align.measure import Field, Measurement
from defocus.align.misalignment import Misalignment, Sigma
from defocus.align.photometry.gains import Photometry
from defocus.align.photometry.unexplained import Unexplained
from defocus.align.registration.asymmetry import Asymmetry, TileAsymmetry
from defocus.align.registration.session import SessionLens, Shared
from defocus.files import atomic_path
from defocus.scene.geometry import Similarity

__all__ = ["read_blur", "read_measurement", "write_measurement"]

FLOW_ARRAYS = (
    *("flow", "residual", "reliable", "occluded"),
    *("uncertainty_px", "coc_px", "consistency_px"),
)
STOPS = "unexplained"


def write_measurement(path: Path, found: Measurement) -> None:
    """Write a measurement (without a rig) atomically and without loss."""
    known = found.misalignment
    numbers = asdict(replace(known, matrix=None))
    numbers["matrix"] = None if known.matrix is None else known.matrix.tolist()
    document: dict[str, Any] = {"shape": found.shape, "misalignment": numbers}
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        if found.field is not None:
            document["factor"] = found.field.factor
            arrays = {name: getattr(found.field.flow, name) for name in FLOW_ARRAYS}
            arrays |= {"calibration": found.field.calibration, "moved": found.field.asymmetry}
            if found.field.unexplained is not None:
                arrays[STOPS] = found.field.unexplained
            for name, values in arrays.items():
                # in one chunk each, which takes a quarter less time than h5py's own choice
                chunk = (1, *values.shape[1:]) if values.ndim > 2 else values.shape
                file.create_dataset(
                    name, data=values, chunks=chunk, compression="lzf", shuffle=True
                )
        file.attrs["measurement"] = json.dumps(document)


def read_measurement(path: Path) -> Measurement:
    """Read a measurement, equal to the bit; OSError, ValueError, TypeError, KeyError if damaged."""
    with h5py.File(path, "r") as file:
        document = json.loads(file.attrs["measurement"])
        field = None
        if "factor" in document:
            flow = DenseFlow(**{name: np.asarray(file[name]) for name in FLOW_ARRAYS})
            calibration, moved = (np.asarray(file[name]) for name in ("calibration", "moved"))
            field = Field(flow, int(document["factor"]), calibration, moved, _stops(file))
    height, width = document["shape"]
    return Measurement(_misalignment(document["misalignment"]), (height, width), field)


def read_blur(path: Path) -> ReducedBlur | None:
    """What a measurement knows of the blur; None if unknown. Errors: :func:`read_measurement`."""
    with h5py.File(path, "r") as file:
        document = json.loads(file.attrs["measurement"])
        if "factor" not in document:
            return None
        coc_px, reliable = np.asarray(file["coc_px"]), np.asarray(file["reliable"])
        height, width = document["shape"]
        return ReducedBlur(coc_px, reliable, int(document["factor"]), (height, width), _stops(file))


def _stops(file: h5py.File) -> NDArray[np.float32] | None:
    return np.asarray(file[STOPS]) if STOPS in file else None


def _misalignment(numbers: dict[str, Any]) -> Misalignment:
    parts: dict[str, type[Any]] = {
        "similarity": Similarity,
        "photometry": Photometry,
        "asymmetry": Asymmetry,
        "sigma": Sigma,
        "spread": TileAsymmetry,
        "unexplained": Unexplained,
    }
    for name, kind in parts.items():
        told = numbers[name]
        if told is not None:
            values = {k: tuple(v) if isinstance(v, list) else v for k, v in told.items()}
            numbers[name] = kind(**values)
    if numbers["shared"] is not None:
        told = numbers["shared"]
        zoom, spread = (
            None if told[name] is None else Shared(**told[name]) for name in ("zoom", "asymmetry")
        )
        numbers["shared"] = SessionLens(zoom, spread, told["by"])
    if numbers["matrix"] is not None:
        numbers["matrix"] = np.array(numbers["matrix"], np.float64)
    return Misalignment(**numbers)
