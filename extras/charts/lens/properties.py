"""What photographs of the chart show of a lens, in the words and units of photographers."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from defocus.extras.charts.lens.summary import FittedLens

SIGNIFICANT = 2.0
"""Number of its standard errors that a value must exceed to be reported, even if the standard error
is large."""


@dataclass(frozen=True)
class LensProperty:
    """One property of a lens; the unit ``waves`` is 0.55 µm over the open pupil."""

    words: str
    value: float
    error: float  # its standard error
    unit: str  # ``waves`` of 0.55 µm over the open pupil, ``µm``, ``°``; empty for none

    def __str__(self) -> str:
        unit = "°" if self.unit == "°" else f" {self.unit}".rstrip()
        return f"{self.words}: {self.value:+.2f} ± {self.error:.2f}{unit}"


@dataclass(frozen=True)
class _Kind:
    """Words and unit of a property, and the standard error beyond which nothing is known of it."""

    words: str
    unit: str
    most: float


OFF_AXIS = {"07": "at 0.7 of the way to the corner", "corner": "in the corner"}
ABERRATIONS = {
    "oblique": "further spherical aberration",
    "coma": "coma",
    "astigmatism": "astigmatism",
    "curvature": "field curvature",
}
AXIAL = "focus of {} behind that of green"
LATERAL = "lateral colour of {} in the corner"
SIDES = ("front", "rear")
MOST_WAVES, MOST_AXIAL_UM, MOST_LATERAL_UM = 5.0, 15.0, 4.0
"""Largest errors of a lens that is drawn: half of the traced lenses of
:mod:`defocus.scene.drawn_lens` have at most these."""


def _kinds() -> dict[str, _Kind]:
    """The properties by their names among the fitted numbers, in the order of their report."""
    waves = partial(_Kind, unit="waves", most=MOST_WAVES)
    kinds = {
        "spherical": waves("spherical aberration"),
        "spherical_6": waves("spherical aberration of the next order"),
    }
    for name, words in ABERRATIONS.items():
        for place, where in OFF_AXIS.items():
            kinds[f"{name}_{place}"] = waves(f"{words} {where}")
    for colour in ("red", "blue"):
        kinds[f"axial_{colour}"] = _Kind(AXIAL.format(colour), "µm", MOST_AXIAL_UM)
    for colour in ("red", "blue"):
        words = LATERAL.format(colour)
        kinds[f"lateral_{colour}"] = _Kind(words, "µm", MOST_LATERAL_UM)
    for side in SIDES:
        rim = partial(_Kind, unit="pupil radii", most=0.2)
        kinds[f"{side}_shift"] = rim(f"{side} rim's shift in the corner")
        kinds[f"{side}_radius"] = rim(f"{side} rim's radius")
    kinds["roundness"] = _Kind("roundness of the aperture (1 is a circle)", "", 0.25)
    kinds["turn_deg"] = _Kind("turn of the blades", "°", 9.0)
    return kinds


KINDS: Mapping[str, _Kind] = _kinds()
BLADES, CATS_EYE = "number of blades", "cat's eye"


def lens_properties(
    fit: FittedLens,
) -> tuple[list[LensProperty], list[str], int | None]:
    """Properties of a lens that photographs show, words for those that they do not, and blades."""
    properties = []
    untold = []
    names = set()
    for name, kind in KINDS.items():
        if name not in fit.errors:
            untold.append(kind.words)
            continue
        value = fit.numbers[name]
        error = fit.errors[name]
        # a radius differs from nothing, always
        significant = not name.endswith("radius") and abs(value) > SIGNIFICANT * error
        turned = name != "turn_deg" or "roundness" in names  # a circle has no turn
        if turned and (error <= kind.most or significant):
            properties.append(LensProperty(kind.words, value, error, kind.unit))
            names.add(name)
        else:
            untold.append(kind.words)
    blades = fit.lens.blades if {"roundness", "turn_deg"} <= names else None
    if blades is None:
        untold.append(BLADES)
    return properties, _shorter(untold), blades


def _shorter(untold: list[str]) -> list[str]:
    """The words, with a single one for both rims if neither is known."""
    rims = [kind.words for name, kind in KINDS.items() if name.startswith(SIDES)]
    if not set(rims) <= set(untold):
        return untold
    return [CATS_EYE, *(one for one in untold if one not in rims)]
