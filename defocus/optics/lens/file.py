"""A measured lens as a JSON file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from defocus.errors import FileError, OpticsError
from defocus.files import write_json
from defocus.optics.lens.prescription import RealLens
from defocus.reading import read_json

__all__ = ["MeasuredLens", "read_lens", "write_lens"]

KIND = "defocus-lens"
MOST_UM = 1000.0
"""Beyond it a kernel would need the memory of a whole picture."""


@dataclass(frozen=True)
class MeasuredLens:
    """A lens fitted to photographs.

    Attributes:
        lens: The lens, fully open.
        f_numbers: F-numbers it was photographed at, ascending.
        errors: Standard error of each number, by its name.
        residual: What the lens does not explain, root mean square over paper minus ink.
    """

    lens: RealLens
    f_numbers: Sequence[float]
    errors: Mapping[str, float] = field(default_factory=dict)
    residual: float = 0.0


def write_lens(path: Path, measured: MeasuredLens) -> None:
    """Write a lens.

    Raises:
        StorageError: The file cannot be written.
    """
    write_json(path, {"kind": KIND, "version": 1, **asdict(measured)})


def read_lens(path: Path) -> MeasuredLens:
    """Read a lens file; it may come from anybody.

    Raises:
        OpticsError: It is missing or no lens file, or its numbers are impossible for a lens.
    """
    hint = "'defocus-capture lens' writes one"
    try:
        document: Any = read_json(path)
    except (OSError, FileError) as error:
        raise OpticsError(f"{path}: no lens file ({error}); {hint}") from error
    if not isinstance(document, dict) or document.pop("kind", None) != KIND:
        raise OpticsError(f"{path}: no lens file; {hint}")
    if document.pop("version", None) != 1:
        raise OpticsError(f"{path}: a lens file of another version; write it again")
    try:
        found = TypeAdapter(MeasuredLens).validate_python(document)
        for f_number in found.f_numbers:
            replace(found.lens, f_number=f_number)
    except (ValidationError, OpticsError) as error:
        told = "; ".join(line.strip() for line in str(error).splitlines()[-3:])
        raise OpticsError(f"{path}: impossible for a lens ({told}); measure it again") from error
    numbers = _numbers(asdict(found.lens))
    if not found.f_numbers or not all(abs(one) <= MOST_UM for one in numbers):
        raise OpticsError(
            f"{path}: impossible for a lens: it needs f-numbers, and all its numbers are below "
            f"{MOST_UM:g}; measure it again"
        )
    return found


def _numbers(value: Any) -> list[float]:  # noqa: ANN401 - any part of a document
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [number for one in value for number in _numbers(one)]
    return [float(value)]
