"""Random lenses, drawn from the range of real ones."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from defocus.scene.colour_psf import pupil_grid
from defocus.scene.real_lens import OffAxis, Pupil, RealLens, Rim

Array = NDArray[np.float64]

PITCHES_UM = (5.0, 22.0)
"""Range of pixel pitches, µm: from a full-frame sensor of 36 megapixels to the same picture reduced
four times."""
FASTEST = 1.4
SLOWEST = 8.0
FULLY_OPEN = 0.4
"""Share of the lenses that are not stopped down."""
ONE_SIDED = 0.1
"""Share of the lenses whose pupil is cut by one rim alone."""
MIRRORED = 0.2
"""Share of the lenses whose aberrations on the axis have the other sign."""
BLADES = (5, 6, 7, 7, 8, 9, 9, 9, 10, 11, 11)
FOCUS_UM = (15.0, 135.0)
CLEAR = 0.2
"""Smallest distance of a rim from the chief ray, in radii. The traced lenses have 0.11 to 0.46 in
their corners."""
OPENNESS_SIDE = 32
HALVINGS = 12


@dataclass(frozen=True)
class _Traced:
    """A commercial lens, traced through its patent's prescription at full aperture.

    Infinity, waves of 550 nm, least RMS on the axis; pairs at 0.7 and 1 of the corner."""

    f_number: float
    w040: float
    w060: float
    w020_off: tuple[float, float]
    w222_off: tuple[float, float]
    w131_off: tuple[float, float]
    w040_off: tuple[float, float]
    lateral_um: float
    open_corner: float


_TRACED = (
    _Traced(2.01, 6.2, -4.0, (8, -19), (-2, 37), (4, 19), (-16, -34), 7, 0.54),
    _Traced(1.85, 11.4, -8.8, (7, -13), (0, 15), (24, 47), (-3, -20), 4, 0.31),
    _Traced(1.79, 8.4, -5.7, (6, -3), (-2, 26), (9, 31), (0, -10), 4, 0.29),
    _Traced(1.87, -0.9, 0.3, (7, -6), (-6, 4), (-1, 4), (-21, -40), 8, 0.25),
    _Traced(1.88, 10.3, -7.3, (5, -8), (-3, 8), (-6, 10), (-4, -22), 7, 0.34),
    _Traced(1.78, 14.9, -11.3, (15, -3), (12, 56), (35, 68), (-3, -25), 5, 0.31),
    _Traced(2.81, 3.7, -1.3, (3, -2), (-3, 1), (-4, -1), (-4, -9), 7, 0.45),
    _Traced(2.91, 1.6, -0.3, (5, 1), (-2, 4), (0, 0), (-6, -9), 17, 0.76),
    _Traced(2.93, 2.8, -1.6, (1, 0), (-1, 3), (1, 1), (1, -1), 9, 0.53),
    _Traced(2.90, 0.4, 0.0, (2, 1), (2, 6), (-1, -1), (-1, -4), 1, 0.69),
)


def draw_lens(
    random: Generator,
    pixel_pitch_um: float | None = None,
) -> RealLens:
    """Draw a lens between two real ones, with scaled aberrations and a random aperture."""
    uniform = _Uniform(random)
    if pixel_pitch_um is None:
        pixel_pitch_um = uniform.log_between(*PITCHES_UM)
    traced = _drawn_between(uniform)
    sign = -1.0 if uniform.below(1) < MIRRORED else 1.0
    axis = sign * uniform.scale()
    spherical = axis * traced.w040
    spherical_6 = axis * traced.w060
    # the focus of the fits, in which W020 of the axis is not 0
    focus = -(spherical + 0.9 * spherical_6)
    w040 = _scaled(traced.w040_off, sign * uniform.scale())
    w020 = _scaled(traced.w020_off, sign * uniform.scale())
    open_f_number = max(FASTEST, traced.f_number * uniform.between(0.75, 1.05))
    f_number = open_f_number
    if uniform.below(1) >= FULLY_OPEN:
        f_number = uniform.log_between(open_f_number, SLOWEST)
    lens = RealLens(
        f_number=open_f_number,
        open_f_number=open_f_number,
        pixel_pitch_um=pixel_pitch_um,
        blades=BLADES[uniform.number(len(BLADES))],
        roundness=uniform.between(0.0, 0.9),
        turn_deg=uniform.between(0.0, 360.0),
        spherical=spherical,
        spherical_6=spherical_6,
        oblique_spherical=OffAxis(w040.at_07 - spherical, w040.at_corner - spherical),
        coma=_scaled(traced.w131_off, uniform.sign() * uniform.scale()),
        astigmatism=_scaled(traced.w222_off, sign * uniform.scale()),
        field_curvature=OffAxis(w020.at_07 - focus, w020.at_corner - focus),
        axial_colour_um=_axial_colour(uniform),
        lateral_colour_um=_lateral_colour(uniform, traced.lateral_um),
    )
    openness = traced.open_corner * uniform.between(0.8, 1.2)
    return replace(_with_rims(lens, uniform, openness), f_number=f_number)


def _drawn_between(uniform: "_Uniform") -> _Traced:
    """A lens whose numbers are between those of two traced ones, with one share for all."""
    first = _TRACED[uniform.number(len(_TRACED))]
    second = _TRACED[uniform.number(len(_TRACED))]
    share = uniform.between(0.0, 1.0)
    numbers: dict[str, Any] = {}
    for name, low in vars(first).items():
        high = getattr(second, name)
        if isinstance(low, tuple):
            pairs = zip(low, high, strict=True)
            numbers[name] = tuple(_mixed(a, b, share) for a, b in pairs)
        else:
            numbers[name] = _mixed(low, high, share)
    return _Traced(**numbers)


@dataclass(frozen=True)
class _Uniform:
    """Random numbers from ``Generator.random`` only, which is the same in every numpy version."""

    random: Generator

    def below(self, limit: float) -> float:
        return float(self.random.random()) * limit

    def number(self, count: int) -> int:
        return int(self.below(count))

    def between(self, low: float, high: float) -> float:
        return low + self.below(high - low)

    def log_between(self, low: float, high: float) -> float:
        return low * math.exp(self.below(1.0) * math.log(high / low))

    def sign(self) -> float:
        return 1.0 if self.below(1.0) < 0.5 else -1.0

    def scale(self) -> float:
        return self.between(0.7, 1.3)


def _mixed(
    first: float,
    second: float,
    share: float,
) -> float:
    return first + share * (second - first)


def _scaled(off_axis: tuple[float, float], scale: float) -> OffAxis:
    at_07, at_corner = off_axis
    return OffAxis(scale * at_07, scale * at_corner)


def _axial_colour(uniform: _Uniform) -> tuple[float, float]:
    """Primary colour has red and blue on opposite sides of green, secondary on the same."""
    red = uniform.log_between(*FOCUS_UM)
    blue = uniform.log_between(*FOCUS_UM)
    sign = uniform.sign()
    secondary = uniform.below(1.0) < 0.5
    if not secondary:
        blue = -blue
    return sign * red, sign * blue


def _lateral_colour(uniform: _Uniform, largest_um: float) -> tuple[float, float]:
    blue = uniform.sign() * largest_um * uniform.scale()
    red = uniform.sign() * abs(blue) * uniform.between(0.2, 1.0)
    return red, blue


def _with_rims(
    lens: RealLens,
    uniform: _Uniform,
    openness: float,
) -> RealLens:
    """The lens with rims shifted to leave this share of the pupil open in the corner."""
    front = _drawn_rim(uniform, -1.0)
    rear = _drawn_rim(uniform, 1.0)
    if uniform.below(1.0) < ONE_SIDED:
        if uniform.below(1.0) < 0.5:
            rear = Rim()
        else:
            front = Rim()
    low = 0.0
    high = 4.0
    x, y = pupil_grid(OPENNESS_SIDE)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        corner = Pupil(_shifted(lens, front, rear, middle), (1.0, 0.0))
        is_open = corner.depth(x, y) >= 0.0
        if is_open.mean() > openness:
            low = middle
        else:
            high = middle
    return _shifted(lens, front, rear, low)


def _drawn_rim(uniform: _Uniform, side: float) -> Rim:
    """A rim in front of the diaphragm (side -1) or behind it (1)."""
    shift = side * uniform.between(0.3, 0.8)
    return Rim(shift, uniform.between(1.0, 1.3))


def _shifted(
    lens: RealLens,
    front: Rim,
    rear: Rim,
    factor: float,
) -> RealLens:
    """The lens with its rims' shifts scaled by a factor, without covering the chief ray."""
    return replace(
        lens,
        front=_farther(front, factor),
        rear=_farther(rear, factor),
    )


def _farther(rim: Rim, factor: float) -> Rim:
    shift = min(abs(rim.shift) * factor, rim.radius - CLEAR)
    return replace(rim, shift=math.copysign(shift, rim.shift))
