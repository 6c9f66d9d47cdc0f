"""Content of ``dose.json``, which a study by dose keeps for its report; it may be anybody's."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from defocus.errors import InputError
from defocus.extras.studies.dose.claims import doses_px_of, line_of
from defocus.reading import parse_json, read_bytes
from defocus.settings import document_problem

DOSES = "dose.json"
"""File of the results in the study's folder, which also holds a strip of crops for each dose."""

AGAIN = "delete it, then use the same 'studies ablate' again"

Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class _Estimate:
    value: Number
    low: Number
    high: Number


@dataclass(frozen=True)
class _Line:
    label: str
    system: str
    over_input: _Estimate
    whole_over: _Estimate
    means: dict[str, Number]
    share: _Estimate | None
    steps: Count
    seconds: Annotated[Number, Field(ge=0)]
    over_plain: dict[str, _Estimate] = field(default_factory=dict)
    # older files lack these
    parts_over_input: dict[str, _Estimate] = field(default_factory=dict)
    moved_px: _Estimate | None = None
    bent_px: _Estimate | None = None


@dataclass(frozen=True)
class _SceneGains:
    line: str


@dataclass(frozen=True)
class _StripLines:
    scene: str
    bends_px: list[Number | None]
    # older files lack it
    ends_px: list[tuple[Number, Number]] = field(default_factory=list)


@dataclass(frozen=True)
class _Strip:
    labels: Annotated[list[str], Field(min_length=2)]
    scene: str
    left: Count
    top: Count
    lines: _StripLines | None


@dataclass(frozen=True)
class _Dose:
    dose_px: Annotated[Number, Field(ge=0)]
    lines: Annotated[list[_Line], Field(min_length=1)]
    tau: dict[str, _Estimate | None]
    scene_gains: _SceneGains
    strip: _Strip | None = None


@dataclass(frozen=True)
class _Doses:
    network: str
    dataset: str
    scenes: Count
    training_pairs: Count
    seeds: Count
    plain: str
    whole: str
    rivals: list[str]
    truth: str
    doses: Annotated[list[_Dose], Field(min_length=1)]
    # older files name the last one alone
    controls: list[str] = field(default_factory=list)
    narrow: bool = False  # nor do they say this
    origins: Count | None = None  # nor how many photographs there are


def read_doses(out: Path) -> dict[str, Any] | None:
    """The part of ``dose.json`` that a report needs, its doses ascending; None if there is none.

    The line of a strip has no ``ends_px`` if no ticks mark them."""
    path = out / DOSES
    kept = TypeAdapter(_Doses)
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        return None
    try:
        parse_json(content)  # refuses what JSON does not have
        document: dict[str, Any] = kept.dump_python(
            kept.validate_json(content, strict=True)
        )
    except ValueError as error:
        raise InputError(f"{path}: damaged ({_reason(error)}); {AGAIN}") from error
    document["doses"].sort(key=lambda one: one["dose_px"])
    for problem in _contradictions(document):
        raise InputError(f"{path}: damaged ({problem}); {AGAIN}")
    return document


def _reason(error: Exception) -> str:
    """The first fault, in a line."""
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    return document_problem(error, "the file")


def _contradictions(document: dict[str, Any]) -> Iterable[str]:
    doses = doses_px_of(document)
    if len(set(doses)) < len(doses):
        yield "a dose is listed twice"
    central = [document["plain"], document["whole"], document["truth"]]
    if len(set(central)) < len(central):
        yield "plain, whole and truth are not three lines"
    if (
        document["origins"] is not None
        and not 1 <= document["origins"] <= document["scenes"]
    ):
        yield "its photographs and textures do not fit its scenes"
    if {document["plain"], document["whole"]} & set(document["controls"]):
        yield "plain or whole is among the controls"
    yield from _contradictions_of_doses(document, central)


def _contradictions_of_doses(
    document: dict[str, Any],
    central: list[str],
) -> Iterable[str]:
    """Faults of the lines and strips of single doses."""
    for one in document["doses"]:
        for label in central:
            line = line_of(one, label)
            if line is None or line["system"] == "input":
                yield f"no line {label!r} at {one['dose_px']:g} px"
        strip = one["strip"]
        if (
            strip
            and strip["lines"]
            and len(strip["lines"]["bends_px"]) != len(strip["labels"])
        ):
            yield f"the strip of {one['dose_px']:g} px has not one bend per label"
