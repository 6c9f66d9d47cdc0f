"""The tone curve of a picture of the chart, from the chart's grey steps.

Values of a JPEG are not those of sRGB. Paper beside each step says how bright the lamps are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.edges.linear_light import CLIPPED
from defocus.errors import ImageError
from defocus.extras.charts.reading.geometry import ChartGeometry
from defocus.extras.charts.reading.levels import OVEREXPOSED
from defocus.extras.charts.reading.stored_light import StoredLight
from defocus.extras.charts.sheet.layout import Sheet
from defocus.extras.charts.sheet.parts import Patch, SlantedSquare
from defocus.extras.charts.tone_curve import ToneCurve
from defocus.pictures.values import as_float, linear_to_srgb, srgb_to_linear

Floats = NDArray[np.float64]

REACH_MM = 5.0
"""Half side of the part of a patch that is examined, mm, without blur."""
LEAST_PX = 3
BESIDE_STEP_MM, BESIDE_SQUARE = 14.5, 0.72
"""Distance of paper from the middle of a step, mm, and from the middle of a square, in its
sides."""
PRINTED_INK = 0.03 / 0.88
"""Light of ink over that of paper, roughly."""
ROUNDS = 4
STEPS_MM = 240.0
"""Position of the grey steps, mm from the left of the sheet."""
LEAST_DEPARTURE, STANDARD_ERRORS = 0.01, 4.0
"""Least departure of a step that is reported: as a share of the light between ink and paper, and in
standard errors."""
BLURRED = "blur mixes the grey steps; focus better or come nearer"


@dataclass(frozen=True)
class ToneReading:
    """The tone curve by which stored values became light."""

    name: str
    departure: float | None = (
        None  # largest, signed, share of paper minus ink; None if unread
    )
    fitted: ToneCurve | None = None
    reason: str = ""  # why they were not read; empty if they were

    def light(self, stored: StoredLight) -> StoredLight:
        """Light of the picture in which it was read."""
        return stored if self.fitted is None else stored.by(self.fitted)

    def line(self) -> str:
        """The reading as text."""
        if self.departure is None:
            return f"tone curve {self.name}, not checked: {self.reason}"
        if self.fitted is None:
            return (
                f"tone curve {self.name}, grey steps agree to {abs(self.departure):.1%}"
            )
        return (
            f"tone curve fitted to the grey steps, which are off by {self.departure:+.1%} in sRGB; "
            "their print is taken as exact, so RAW is better"
        )

    def to_json(self) -> dict[str, Any]:
        """The reading as JSON values."""
        return {
            "tone": self.name,
            "tone_departure": self.departure,
            "tone_reason": self.reason,
        }


KNOWN = "it is known"
KNOWN_LINEAR = ToneReading("linear", reason=KNOWN)


@dataclass(frozen=True)
class _Level:
    """A grey of the chart in a picture, by the assumed curve."""

    printed: float  # its light, 0 for ink and 1 for paper
    seen: Floats  # ``(3,)`` light by the assumed curve
    error: Floats  # ``(3,)`` standard error of that
    paper: Floats  # ``(3,)`` light of paper in its place


def _departures(steps: list["_Level"], inks: list["_Level"]) -> tuple[Floats, Floats]:
    """How much lighter the steps are than printed, from ink 0 to paper 1, and the errors."""
    seen, papers = _seen_and_paper(steps)
    ink_seen, ink_papers = _seen_and_paper(inks)
    ink = (ink_seen / ink_papers).mean(axis=0)
    span = 1 - ink
    lightness = (seen / papers - ink) / span
    printed = np.array([step.printed for step in steps])
    departures = lightness - printed[:, None]
    errors = np.array([step.error for step in steps])
    return departures, errors / papers.mean(axis=0) / span


def _seen_and_paper(levels: list["_Level"]) -> tuple[Floats, Floats]:
    """Light of levels, and of paper in the place of each, ``(levels, 3)``."""
    seen = np.array([level.seen for level in levels])
    papers = np.array([level.paper for level in levels])
    return seen, papers


def read_tone(
    light: StoredLight,
    sheet: Sheet,
    geometry: ChartGeometry,
    blur_px: float | None,
) -> ToneReading:
    """Compare the grey steps in a picture with those that were printed, taken as exact."""
    if light.exact:
        return KNOWN_LINEAR
    try:
        steps, inks = _levels(light, sheet, geometry, blur_px)
        off, noise = _departures(steps, inks)
        place = np.unravel_index(np.argmax(np.abs(off)), off.shape)
        departure = float(off[place])
        largest = max(LEAST_DEPARTURE, STANDARD_ERRORS * float(noise[place]))
        fitted = _fitted(steps, inks) if abs(departure) > largest else None
    except ImageError as error:
        return ToneReading("srgb", reason=str(error))
    if fitted is None:
        return ToneReading("srgb", departure)
    return ToneReading("fitted", departure, fitted)


def _fitted(steps: list[_Level], inks: list[_Level]) -> ToneCurve:
    """The curve through ink, grey steps and paper, each in the light of the lamps there."""
    seen, papers = _seen_and_paper(steps)
    ink_seen, ink_papers = _seen_and_paper(inks)
    paper = papers.mean(axis=0)
    light = np.array([ink_seen.mean(axis=0), *seen, paper])
    error = np.array([step.error for step in steps])
    _require_rising(light, error)
    reflected = np.array([_reflected(step.printed) for step in steps])
    curve = ToneCurve(_stored(light).T, light.T)
    for _ in range(ROUNDS):
        here = curve(_stored(paper))
        black = curve(_stored(ink_papers)).mean(axis=0) * _reflected(0.0)
        greys = curve(_stored(papers)) * reflected[:, None]
        curve = ToneCurve(curve.stored, np.array([black, *greys, here]).T)
    return curve


def _require_rising(light: Floats, error: Floats) -> None:
    """Refuse grey steps that are not brighter in the picture where they are brighter in print."""
    if (light[1:-1] <= light[:-2]).any() or (
        light[1:-1] + STANDARD_ERRORS * error >= light[2:]
    ).any():
        raise ImageError("brighter grey steps are not brighter in the picture")


def _reflected(printed: float) -> float:
    """Light of a level over that of paper; no measure depends on its zero."""
    return PRINTED_INK + (1.0 - PRINTED_INK) * printed


def _stored(light: Floats) -> Floats:
    """The sRGB values of light."""
    return np.asarray(linear_to_srgb(light), np.float64)


def _levels(
    light: StoredLight,
    sheet: Sheet,
    geometry: ChartGeometry,
    blur_px: float | None,
) -> tuple[list[_Level], list[_Level]]:
    """The grey steps from dark to bright, and the black squares; some may be cut off."""
    patches = sheet.of_kind(Patch)
    greys = [patch for patch in patches if len({*patch.colour}) == 1]
    slanted = sheet.of_kind(SlantedSquare)
    squares = [square for square in slanted if square.bright == 1.0]
    if not greys:
        raise ImageError("this chart has no grey steps")
    if blur_px is None:
        raise ImageError(
            "no edge shows the blur of the grey steps; focus better or come nearer"
        )
    steps = _steps(light, geometry, blur_px, greys)
    inks = [*_inks(light, geometry, blur_px, squares)]
    if not inks:
        raise ImageError("no black square is whole in the picture")
    if any((one.paper >= CLIPPED).any() for one in steps):
        raise ImageError(OVEREXPOSED)
    return steps, inks


def _steps(
    light: StoredLight,
    geometry: ChartGeometry,
    blur_px: float,
    greys: list[Patch],
) -> list[_Level]:
    """The grey steps; the light of paper at each is that of a plane through what is around them."""
    places = np.array([(one.x, one.y) for one in greys])
    middle = places.mean(axis=0)
    outwards = np.copysign(BESIDE_STEP_MM, places[:, 1] - middle[1])
    papers = places + np.column_stack([np.zeros(len(greys)), outwards])
    beside = [_pixels(light, geometry, blur_px, *one).mean(axis=0) for one in papers]
    design = _flat(papers - middle)
    plane = np.linalg.lstsq(design, np.array(beside), rcond=None)[0]
    levels = []
    for grey, paper in zip(greys, _flat(places - middle) @ plane, strict=True):
        pixels = _pixels(light, geometry, blur_px, grey.x, grey.y)
        levels.append(_level(pixels, _printed(grey), paper))
    return levels


def _flat(places: Floats) -> Floats:
    return np.column_stack([np.ones(len(places)), places])


def _printed(patch: Patch) -> float:
    """Nominal light of a grey patch."""
    return float(
        srgb_to_linear(as_float(np.array(patch.colour[:1], np.uint8), np.float64))[0]
    )


def _inks(
    light: StoredLight,
    geometry: ChartGeometry,
    blur_px: float,
    squares: list[SlantedSquare],
) -> Iterator[_Level]:
    """The black squares, between paper on the left and on the right."""
    for one in squares:
        off = BESIDE_SQUARE * one.side
        try:
            left = _pixels(light, geometry, blur_px, one.x - off, one.y)
            ink = _pixels(light, geometry, blur_px, one.x, one.y)
            right = _pixels(light, geometry, blur_px, one.x + off, one.y)
        except ImageError:  # cut off, as others need not be
            continue
        yield _level(ink, 0.0, (left.mean(axis=0) + right.mean(axis=0)) / 2)


def _level(pixels: Floats, printed: float, paper: Floats) -> _Level:
    error = pixels.std(axis=0) / np.sqrt(len(pixels))
    return _Level(printed, pixels.mean(axis=0), error, paper)


def _pixels(
    light: StoredLight,
    geometry: ChartGeometry,
    blur_px: float,
    x: float,
    y: float,
) -> Floats:
    """``(N, 3)`` light around a place into which the blur brings nothing else."""
    scale = geometry.scale(x, y)
    half = REACH_MM - (blur_px / 2 + 1) / scale
    count = int(2 * half * scale)
    if count < LEAST_PX:
        raise ImageError(BLURRED)
    off = np.linspace(-half, half, count)
    grid = np.meshgrid(x + off, y + off)
    points = np.stack(grid, axis=-1).reshape(-1, 2)
    columns, rows = np.rint(geometry.to_picture(points)).astype(int).T
    height, width = light.shape[:2]
    if (
        min(columns.min(), rows.min()) < 0
        or columns.max() >= width
        or rows.max() >= height
    ):
        raise ImageError("grey steps are outside the picture")
    return light[rows, columns]
