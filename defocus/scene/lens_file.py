"""A measured lens as a JSON file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from defocus.errors import FileError, OpticsError
from defocus.reading import read_json
from defocus.scene.camera import StreamCamera
from defocus.scene.colour_psf import light_reach_px
from defocus.scene.real_lens import RealLens
from defocus.settings import document_problem
from defocus.storage.files import write_json

KIND = "defocus-lens"
MOST_UM = 1000.0
MOST_F_NUMBERS = 100
MOST_REACH_PX = 300.0
"""Largest reach of light in focus, px. A larger kernel would need the memory of a whole picture."""


@dataclass(frozen=True)
class Recording:
    """How the camera recorded the photographs."""

    shot: float  # shot, read: the variance of linear light x in [0, 1] is ``shot * x + read``
    read: float
    compressed: bool = False  # whether as JPEG

    def __post_init__(self) -> None:
        if not (0 <= self.shot <= 1 and 0 <= self.read <= 1):
            raise OpticsError(f"noise of {self.shot:g} and {self.read:g}: give 0 to 1")

    def camera(self, drawn: StreamCamera) -> StreamCamera:
        """A camera with this noise; exposure and compression are those of a drawn one."""
        return StreamCamera(
            exposure=drawn.exposure,
            shot=self.shot,
            read=self.read,
            quality=drawn.quality if self.compressed else 0,
            full_colour=drawn.full_colour,
        )


@dataclass(frozen=True)
class MeasuredLens:
    """A lens fitted to photographs."""

    lens: RealLens  # the lens, fully open
    f_numbers: Sequence[float]  # F-numbers it was photographed at, ascending
    # standard error of each number, by its name
    errors: Mapping[str, float] = field(default_factory=dict)
    residual: float = (
        0.0  # what the lens does not explain, root mean square over paper minus ink
    )
    recording: Recording | None = (
        None  # how the camera recorded them; None if that is not known
    )


def write_lens(path: Path, measured: MeasuredLens) -> None:
    """Write a lens."""
    write_json(path, {"kind": KIND, "version": 1, **asdict(measured)})


def read_lens(path: Path) -> MeasuredLens:
    """Read a lens file; it may come from anybody."""
    hint = "'defocus-capture chart lens' writes one"
    try:
        document: Any = read_json(path)
    except (OSError, FileError) as error:
        raise OpticsError(f"{path}: no lens file ({error}); {hint}") from error
    if not isinstance(document, dict) or document.pop("kind", None) != KIND:
        raise OpticsError(f"{path}: no lens file; {hint}")
    if document.pop("version", None) != 1:
        raise OpticsError(f"{path}: a lens file of another version; write it again")
    try:
        measured = TypeAdapter(MeasuredLens).validate_python(document)
        _require_possible(measured)
    except ValidationError as error:
        problem = document_problem(error, "lens")
        raise OpticsError(f"{path}: {problem}; measure the lens again") from error
    except OpticsError as error:
        raise OpticsError(
            f"{path}: impossible for a lens: {error}; measure it again"
        ) from error
    unknown = _unknown_key(document, asdict(measured))
    if unknown is not None:
        raise OpticsError(
            f"{path}: unknown key '{unknown}'; remove it, or correct its name"
        )
    return measured


def _unknown_key(given: Mapping[str, Any], document: Mapping[str, Any]) -> str | None:
    """The first key of a document that is unknown for a lens, after the keys that contain it."""
    for key, value in given.items():
        if key not in document:
            return key
        if not isinstance(value, dict):
            continue
        inner = _unknown_key(value, document[key])
        if inner is not None:
            return f"{key}.{inner}"
    return None


def _require_possible(measured: MeasuredLens) -> None:
    """Raise OpticsError unless kernels of the lens can be made at each of its f-numbers."""
    if not 1 <= len(measured.f_numbers) <= MOST_F_NUMBERS:
        raise OpticsError(
            f"{len(measured.f_numbers)} f-numbers instead of 1 to {MOST_F_NUMBERS}"
        )
    numbers = _numbers([asdict(measured.lens), *measured.f_numbers])
    if not all(abs(number) <= MOST_UM for number in numbers):
        raise OpticsError(f"a number is beyond {MOST_UM:g}")
    for f_number in measured.f_numbers:
        reach = light_reach_px(replace(measured.lens, f_number=f_number))
        if reach > MOST_REACH_PX:
            raise OpticsError(
                f"light in focus spreads over {reach:.3g} px at f/{f_number:g}"
            )


def _numbers(value: Any) -> list[float]:  # noqa: ANN401 - any part of a document
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list | tuple):
        return [value]
    numbers = []
    for item in value:
        numbers += _numbers(item)
    return numbers
