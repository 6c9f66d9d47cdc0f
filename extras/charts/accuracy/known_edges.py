"""Slanted edges blurred by a known PSF, integrated over square pixels."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import erf, j1

from defocus.pictures.values import as_float, as_integer, linear_to_srgb, srgb_to_linear

Array = NDArray[np.float64]

KINDS = ("disc", "gaussian", "hexagon", "heptagon")
CORNERS = {"hexagon": 6, "heptagon": 7}
TURN_RAD = 0.2
STEPS_PER_PX = 256


def _area(places: Array, chords: Array) -> float:
    """Area of a polygon from its lengths across a direction."""
    heights = (chords[1:] + chords[:-1]) / 2
    return float(np.sum(heights * np.diff(places)))


def _crossings(place: float, x: Array, y: Array) -> list[float]:
    """Points where the upright line at a place meets the sides of a polygon."""
    ends = []
    for k in range(len(x)):
        start_x, end_x = x[k], x[k - 1]
        start_y, end_y = y[k], y[k - 1]
        low = min(start_x, end_x) - 1e-12
        high = max(start_x, end_x) + 1e-12
        if low <= place <= high:
            share = (place - start_x) / (end_x - start_x)
            part = np.clip(share, 0.0, 1.0)
            ends.append(start_y + (end_y - start_y) * part)
    return ends


@dataclass(frozen=True)
class KnownBlur:
    """A PSF with a closed form; the size of a polygon is that of the circle through its corners."""

    kind: str
    size_px: float

    @property
    def reach_px(self) -> float:
        """Distance beyond which there is no light."""
        return 6.0 * self.size_px if self.kind == "gaussian" else self.size_px / 2

    def mtf(self, frequencies: Array, normal_rad: float = 0.0) -> Array:
        """The MTF along a direction at its angle to the rows; frequencies in cycles per pixel."""
        # a disc has |2 J1(x) / x| and a Gaussian exp(-2 x²), with x = π size f
        f = np.maximum(np.asarray(frequencies, np.float64), 1e-4)
        x = np.pi * self.size_px * f
        if self.kind == "disc":
            return np.asarray(np.abs(2.0 * j1(x) / x))
        if self.kind == "gaussian":
            return np.asarray(np.exp(-2.0 * x**2))
        return self._polygon_mtf(f, normal_rad)

    def cumulated(self, distance: Array, normal_rad: float = 0.0) -> Array:
        """Share of the light below a distance along a direction, 0 to 1."""
        if self.kind == "disc":
            t = np.clip(2.0 * distance / self.size_px, -1.0, 1.0)
            half_area = np.arcsin(t) + t * np.sqrt(1.0 - t * t)
            return np.asarray(0.5 + half_area / np.pi)
        if self.kind == "gaussian":
            deviations = distance / (math.sqrt(2.0) * self.size_px)
            return np.asarray(0.5 + 0.5 * erf(deviations))
        places, chords = self._chords(normal_rad)
        fine = np.linspace(places[0], places[-1], 4097)
        chord = np.interp(fine, places, chords)
        sums = _running_sums(chord)
        return np.asarray(np.interp(distance, fine, sums / sums[-1]))

    def _chords(self, normal_rad: float) -> tuple[Array, Array]:
        """Lengths of the polygon across a direction: linear between the corners' places."""
        corners = CORNERS[self.kind]
        angles = TURN_RAD - normal_rad + 2.0 * np.pi * np.arange(corners) / corners
        x = np.cos(angles) * self.size_px / 2
        y = np.sin(angles) * self.size_px / 2
        places = np.sort(x)
        lengths = []
        for place in places:
            ends = _crossings(place, x, y)
            lengths.append(max(ends) - min(ends))
        return places, np.array(lengths)

    def _polygon_mtf(self, f: Array, normal_rad: float) -> Array:
        """Fourier transform of a function that is linear between its corners."""
        places, chords = self._chords(normal_rad)
        # F(f) = Σ step e^-iωx / iω - Σ bend e^-iωx / ω², with ω = 2 π f
        widths = np.diff(places)
        slopes = np.diff(chords) / widths
        bends = np.diff(np.concatenate([[0.0], slopes, [0.0]]))
        turned = np.exp(-2j * np.pi * f[..., None] * places)
        first = chords[0] * turned[..., 0]
        last = chords[-1] * turned[..., -1]
        of_steps = (first - last) / (2j * np.pi * f)
        omega = 2.0 * np.pi * f
        of_bends = (turned @ bends) / omega**2
        transform = np.abs(of_steps - of_bends)
        return np.asarray(transform / _area(places, chords))


@dataclass(frozen=True)
class EdgeShot:
    """How a picture of an edge is taken; levels are linear light, ``bits`` 0 keeps floats."""

    angle_deg: float = 5.0
    noise: float = 0.0
    bits: int = 0  # 8 or 16 bits, with the sRGB curve; 0 keeps floats
    rows: int = 300  # length of the region, px
    columns: int = 200  # width of the region, px
    place_px: float = 99.37
    dark: float = 0.16
    bright: float = 0.64


def true_mtf(blur: KnownBlur, angle_deg: float, frequencies: Array) -> Array:
    """MTF of the blur and a square pixel along the normal of an edge."""
    angle = math.radians(angle_deg)
    across = np.sinc(frequencies * math.cos(angle))
    down = np.sinc(frequencies * math.sin(angle))
    pixel = np.abs(across * down)
    return np.asarray(blur.mtf(frequencies, -angle) * pixel)


def blur_of_mtf50(kind: str, mtf50: float, angle_deg: float) -> KnownBlur:
    """The blur that gives a picture of an edge that MTF50, cycles per pixel, below 0.6."""
    frequency = np.array([mtf50])

    def excess(size: float) -> float:
        blur = KnownBlur(kind, size)
        contrast = true_mtf(blur, angle_deg, frequency)
        return float(contrast[0]) - 0.5

    largest = {"gaussian": 0.2 / mtf50}.get(kind, 1.0 / mtf50)
    return KnownBlur(kind, float(brentq(excess, 1e-3, largest)))


def edge_picture(blur: KnownBlur, shot: EdgeShot, random: np.random.Generator) -> Array:
    """``(rows, columns)`` linear light of an edge that runs from top to bottom, bright right."""
    angle = math.radians(shot.angle_deg)
    across = np.arange(shot.columns)[None, :] - shot.place_px
    down = np.arange(shot.rows)[:, None] - (shot.rows - 1) / 2
    distance = across * math.cos(angle) - down * math.sin(angle)
    fine, response = _response(blur, angle)
    step = shot.bright - shot.dark
    light = shot.dark + step * np.interp(distance, fine, response)
    if shot.noise:
        light = light + shot.noise * random.standard_normal(light.shape)
    if not shot.bits:
        return np.asarray(light)
    encoded = linear_to_srgb(np.clip(light, 0.0, 1.0))
    stored = as_integer(encoded, shot.bits)
    return np.asarray(srgb_to_linear(as_float(stored, np.float64)))


def _response(blur: KnownBlur, angle: float) -> tuple[Array, Array]:
    """Places and edge response of a blur, averaged over the area of a pixel."""
    reach = blur.reach_px + 2.0
    fine = np.arange(-reach, reach, 1.0 / STEPS_PER_PX)
    response = blur.cumulated(fine, -angle)
    for width in (math.cos(angle), math.sin(angle)):
        response = _averaged(fine, response, width)
    return fine, response


def _running_sums(values: Array) -> Array:
    """Sums of a function from its first place on, by the trapezoidal rule with steps of 1."""
    means = (values[1:] + values[:-1]) / 2
    return np.concatenate([[0.0], np.cumsum(means)])


def _averaged(places: Array, values: Array, width: float) -> Array:
    """A function that goes from 0 to 1, averaged over a box of that width."""
    step = places[1] - places[0]
    sums = _running_sums(values) * step

    def integral(at: Array) -> Array:
        inside = np.interp(at, places, sums)
        beyond = np.maximum(at - places[-1], 0.0)
        return np.asarray(inside + beyond)

    upper = integral(places + width / 2)
    lower = integral(places - width / 2)
    return np.asarray((upper - lower) / width)
