"""Softness of a whole picture: blur of a mediocre lens or an old telephone, without any defocus.

A kernel is a sum of Gaussians along one line, which gives round, drawn-out and one-sided spots."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from defocus.scene.colour_psf import sub_pixels
from defocus.scene.geometry import turned_axes

Array = NDArray[np.float32]

SIGMA_PX = (0.5, 2.0)
"""Smallest and largest standard deviation of a kernel's light along one axis, px."""

REACH_PX = 12
"""Radius of the kernels, px: 3 standard deviations of nearly every halo."""

ABERRATION_SHARE = 0.5
"""Share of the kernels with a halo, a tail and shifted colours; the others are Gaussians."""

STRETCH = 1.4
"""Largest ratio of the axes of a Gaussian."""

COLOUR_SCALE = 0.15
"""Largest share by which red and blue spread more or less than green."""

COLOUR_SHIFT_PX = 0.4
"""Largest shift of red, and of blue to the other side, px."""

FINENESS = 5
"""Samples of a pixel along each axis; their mean is the pixel's light."""

PIXEL_VARIANCE = 1 / 12
"""Variance that the area of a pixel adds to a kernel, square px."""


@dataclass(frozen=True)
class Spot:
    """One Gaussian of a kernel; lengths are relative to each other."""

    light: float  # share of the light
    place: float  # of its centre along the line
    along: float  # standard deviation along the line
    across: float  # standard deviation across it


@dataclass(frozen=True)
class Softness:
    """A kernel of softness."""

    kernel: Array  # ``(3, K, K)`` float32, K odd, centred; each colour adds up to 1
    sigma_px: float  # standard deviation of green's light along one axis, px


def draw_softness(random: Generator) -> Softness:
    """Draw a kernel, Gaussian-like or as aberrations make it."""
    sigma = float(random.uniform(*SIGMA_PX))
    angle = random.uniform(0, 2 * math.pi)
    scales = np.ones(3)
    shifts = np.zeros(3)
    if random.random() < ABERRATION_SHARE:
        spots = _aberrations(random)
        scales[[0, 2]] += random.uniform(-COLOUR_SCALE, COLOUR_SCALE, 2)
        shifts[0] = random.uniform(-COLOUR_SHIFT_PX, COLOUR_SHIFT_PX)
        shifts[2] = -shifts[0]
    else:
        spots = [Spot(1.0, 0.0, random.uniform(1.0, STRETCH), 1.0)]
    of_lens = math.sqrt(sigma**2 - PIXEL_VARIANCE)
    spots = _spread(spots, of_lens)
    kernel = [
        _kernel(spots, angle, scale, shift)
        for scale, shift in zip(scales, shifts, strict=True)
    ]
    return Softness(np.asarray(kernel, np.float32), sigma)


def softened(light: Array, softness: Softness) -> Array:
    """Blur linear light with a kernel, and take :data:`REACH_PX` off each side."""
    colours = []
    for channel, kernel in enumerate(softness.kernel):
        plane = np.ascontiguousarray(light[:, :, channel])
        colours.append(cv2.filter2D(plane, cv2.CV_32F, kernel))
    inside = slice(REACH_PX, -REACH_PX)
    blurred = np.dstack(colours)[inside, inside]
    # a large kernel goes through the Fourier transform, which leaves values just below 0
    return np.maximum(blurred, np.float32(0))


def with_softness(diameters: Array, softness: Softness) -> Array:
    """Signed diameters of discs that spread light as defocus and softness together do, px."""
    # A disc of diameter d has a standard deviation of d / 4 along each axis; variances add up.
    of_softness = np.float32(4 * softness.sigma_px)
    return np.copysign(np.hypot(diameters, of_softness), diameters)


def _aberrations(random: Generator) -> list[Spot]:
    """A core with a halo, as spherical aberration has, and a tail to one side, as coma has."""
    halo = random.uniform(0.0, 0.4)
    tail = random.uniform(0.0, 0.4)
    wide = random.uniform(1.5, 3.0)
    return [
        Spot(1 - halo - tail, 0.0, 1.0, 1.0),
        Spot(halo, 0.0, wide, wide),
        Spot(
            tail,
            random.uniform(0.5, 2.5),
            random.uniform(1.0, 2.0),
            1.0,
        ),
    ]


def _spread(spots: list[Spot], sigma: float) -> list[Spot]:
    """The spots with their centre of light at 0 and a standard deviation along one axis."""
    centre = sum(spot.light * spot.place for spot in spots)
    variance = 0.0
    for spot in spots:
        square = spot.along**2 + spot.across**2 + (spot.place - centre) ** 2
        variance += spot.light * square / 2
    scale = sigma / math.sqrt(variance)
    scaled = []
    for spot in spots:
        place = scale * (spot.place - centre)
        along = scale * spot.along
        across = scale * spot.across
        scaled.append(Spot(spot.light, place, along, across))
    return scaled


def _kernel(
    spots: list[Spot],
    angle: float,
    scale: float,
    shift: float,
) -> NDArray[np.float64]:
    """Light of the spots in each pixel for one colour; the line has an angle."""
    side = 2 * REACH_PX + 1
    x = sub_pixels(side, FINENESS)
    along, across = turned_axes(x, x[:, None], angle)
    along -= shift
    light = np.zeros_like(along)
    for spot in spots:
        width = scale * spot.along
        height = scale * spot.across
        from_spot = along - scale * spot.place
        square = (from_spot / width) ** 2 + (across / height) ** 2
        light += spot.light / (width * height) * np.exp(-square / 2)
    cells = light.reshape(side, FINENESS, side, FINENESS)
    kernel = cells.sum(axis=(1, 3))
    return np.asarray(kernel / kernel.sum())
