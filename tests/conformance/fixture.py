"""Read one conformance fixture; an error names the damaged file."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, ValidationError

from defocus.errors import InputError
from defocus.reading import ARRAY_ERRORS, read_bytes, read_json, refuse_zip_bomb

_MEAN = "mean absolute difference"
_LARGEST = "largest absolute difference"
MOST_BYTES = 2**30

# a packing that no reader knows, an encrypted one, and what else NumPy and zipfile raise
_ARCHIVE_ERRORS = (*ARRAY_ERRORS, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)


class StoredPart(BaseModel):
    """The part of the last two axes of an array that a fixture stores."""

    top: NonNegativeInt
    left: NonNegativeInt
    height: NonNegativeInt
    width: NonNegativeInt


class _Meta(BaseModel):
    """The part of ``meta.json`` that is read here; probes read the rest."""

    model_config = ConfigDict(allow_inf_nan=False)  # Python's JSON reader lets both through

    system: str = Field(min_length=1)
    seed: NonNegativeInt = 0
    gain: float = 1.0
    overrides: list[dict[str, Any]] = []
    tolerance: NonNegativeFloat | dict[str, NonNegativeFloat]
    metric: dict[str, str] = {}
    stored_crop: StoredPart | None = None
    stored_crops: dict[str, StoredPart] = {}
    values: dict[str, float] = {}


class _Parameters(BaseModel):
    entries: list[tuple[str, list[int], str]]


@dataclass(frozen=True)
class Fixture:
    """A fixture as stored: how weights and inputs are made, and what the official system gave.

    ``entries`` (name, shape and dtype of the state dict in order) is None for operators;
    ``mean_measured`` names the arrays whose difference is the mean instead of the largest, and
    ``crops`` those of which only a part is stored.
    """

    system: str
    meta: Mapping[str, Any]
    seed: int
    gain: float
    overrides: list[dict[str, Any]]
    entries: list[tuple[str, list[int], str]] | None
    inputs: Mapping[str, NDArray[Any]]
    arrays: Mapping[str, NDArray[Any]]
    tolerances: Mapping[str, float]
    mean_measured: frozenset[str]
    crops: Mapping[str, StoredPart]


def read_fixture(folder: Path) -> Fixture:
    """Read and check one fixture folder; an :class:`InputError` names a damaged file."""
    meta_path = folder / "meta.json"
    document = _json(meta_path)
    meta = _checked(_Meta, document, meta_path)
    parameters = folder / "params.json"
    entries = (
        _checked(_Parameters, _json(parameters), parameters).entries
        if parameters.exists()
        else None
    )
    given, stored = folder / "input.npz", folder / "output.npz"
    arrays = _arrays(stored, meta.values)
    if entries is not None and "output" not in arrays:  # operators name their results as they like
        raise InputError(f"{stored} has no array 'output'; copy the fixture again")
    return Fixture(
        system=meta.system,
        meta=document,
        seed=meta.seed,
        gain=meta.gain,
        overrides=meta.overrides,
        entries=entries,
        inputs=_arrays(given, {}) if given.exists() else {},
        arrays=arrays,
        tolerances=_tolerances(meta, arrays, meta_path),
        mean_measured=_mean_measured(meta, meta_path),
        crops=meta.stored_crops | ({"output": meta.stored_crop} if meta.stored_crop else {}),
    )


def _json(path: Path) -> Any:
    try:
        return read_json(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; copy the fixture again") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read ({error}); copy the fixture again") from error


K = TypeVar("K", bound=BaseModel)


def _checked(kind: type[K], document: object, path: Path) -> K:
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"]) or "document"
        raise InputError(f"{path}: '{where}': {problem['msg'].lower()}") from error


def _arrays(path: Path, values: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    """Read the stored arrays; fixtures with plain numbers store them in ``meta.json``."""
    if values and not path.exists():
        return {name: np.asarray(value) for name, value in values.items()}
    try:
        refuse_zip_bomb(path)
        with np.load(io.BytesIO(read_bytes(path, MOST_BYTES)), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; copy the fixture again") from error
    except _ARCHIVE_ERRORS as error:
        raise InputError(f"{path}: cannot be read ({error}); copy the fixture again") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise InputError(f"{path}: '{name}' is no array; copy the fixture again")
        if not (np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_):
            raise InputError(f"{path}: '{name}' holds {array.dtype}, not numbers")
    if not arrays:
        raise InputError(f"{path}: holds no array; copy the fixture again")
    return arrays


def _tolerances(meta: _Meta, arrays: Mapping[str, object], path: Path) -> dict[str, float]:
    if isinstance(meta.tolerance, float):
        return dict.fromkeys(arrays, meta.tolerance)
    missing = sorted(set(arrays) - set(meta.tolerance))
    if missing:
        raise InputError(f"{path}: no tolerance for '{missing[0]}'")
    return {name: meta.tolerance[name] for name in arrays}


def _mean_measured(meta: _Meta, path: Path) -> frozenset[str]:
    for name, measure in meta.metric.items():
        if not measure.startswith((_MEAN, _LARGEST)):
            raise InputError(f"{path}: '{name}' is measured by '{measure}', which is unknown")
    return frozenset(name for name, measure in meta.metric.items() if measure.startswith(_MEAN))
