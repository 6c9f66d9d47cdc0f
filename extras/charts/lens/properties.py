"""What photographs of the chart show of a lens, in the words and units of photographers."""

from collections.abc import Mapping
from dataclasses import dataclass

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

KINDS: Mapping[str, _Kind] = {
    "spherical": _Kind("spherical aberration", "waves", MOST_WAVES),
    "spherical_6": _Kind("spherical aberration of the next order", "waves", MOST_WAVES),
    **{
        f"{name}_{place}": _Kind(f"{words} {where}", "waves", MOST_WAVES)
        for name, words in ABERRATIONS.items()
        for place, where in OFF_AXIS.items()
    },
    **{
        f"axial_{one}": _Kind(AXIAL.format(one), "µm", MOST_AXIAL_UM)
        for one in ("red", "blue")
    },
    **{
        f"lateral_{one}": _Kind(LATERAL.format(one), "µm", MOST_LATERAL_UM)
        for one in ("red", "blue")
    },
    **{
        f"{side}_{name}": _Kind(f"{side} rim's {words}", "pupil radii", 0.2)
        for side in SIDES
        for name, words in (("shift", "shift in the corner"), ("radius", "radius"))
    },
    "roundness": _Kind("roundness of the aperture (1 is a circle)", "", 0.25),
    "turn_deg": _Kind("turn of the blades", "°", 9.0),
}
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
