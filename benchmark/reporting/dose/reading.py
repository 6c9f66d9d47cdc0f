"""The study by dose as its report needs it: what it keeps, with the numbers of its tables."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from defocus.benchmark.experiments.dose.kept import AGAIN, DOSES, read_doses
from defocus.errors import InputError
from defocus.reading import read_bytes

__all__ = ["read_study"]

Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True)
class _Estimate:
    value: Number
    low: Number
    high: Number


@dataclass(frozen=True)
class _Line:
    means: dict[str, Number]
    share: _Estimate | None
    steps: Annotated[int, Field(ge=0)]
    seconds: Annotated[Number, Field(ge=0)]


@dataclass(frozen=True)
class _StripLines:
    ends_px: list[tuple[Number, Number]] = field(default_factory=list)  # older files lack it


@dataclass(frozen=True)
class _Strip:
    lines: _StripLines | None


@dataclass(frozen=True)
class _Dose:
    dose_px: Number
    lines: list[_Line]
    tau: dict[str, _Estimate | None]
    strip: _Strip | None = None


@dataclass(frozen=True)
class _Tables:
    doses: list[_Dose]


def read_study(out: Path) -> dict[str, Any] | None:
    """What a report needs of ``dose.json``, its doses ascending; None if a study has none.

    Returns:
        What :func:`read_doses` gives; each dose also has its ``tau``, and each line its ``means``,
        ``share``, ``steps`` and ``seconds``; the line of a strip has its ``ends_px``, none if no
        ticks mark them.

    Raises:
        InputError: The file is damaged.
        FileError: It is no regular file, or too large.
    """
    document = read_doses(out)
    if document is None:
        return None
    path = out / DOSES
    try:
        found = TypeAdapter(_Tables).validate_json(read_bytes(path), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: damaged ({where}: {first['msg']}); {AGAIN}") from error
    further = {one.dose_px: one for one in found.doses}
    for one in document["doses"]:
        more = asdict(further[one["dose_px"]])
        one["tau"] = more["tau"]
        for line, numbers in zip(one["lines"], more["lines"], strict=True):
            line.update(numbers)
        if one["strip"] and one["strip"]["lines"]:
            one["strip"]["lines"].update(more["strip"]["lines"])
    return document
