"""Families of point spread functions, disjoint between the splits.

A kernel is odd-sized and sums to 1; the chief ray is at its centre, its centroid may not be."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from defocus.scene.aperture import Aperture, aperture_psf
from research.alignment_truth.rendered.textures import Split
from research.light import Array, Matrix, Random, along, single

PSFFamily: TypeAlias = Literal[
    "disc",
    "soft-disc",
    "polygon-5-7",
    "polygon-8-9",
    "ring",
    "gaussian",
    "spherical",
    "cats-eye",
    "coma",
]

FAMILIES_OF: dict[Split, tuple[PSFFamily, ...]] = {
    "train": ("disc", "soft-disc", "polygon-5-7"),
    "choose": ("polygon-8-9", "ring"),
    "test": ("gaussian", "spherical"),
}
"""The symmetric families of each split: their centroid is the chief ray."""

ASYMMETRIC: tuple[PSFFamily, ...] = ("cats-eye", "coma")
"""The families of the cases without any misalignment; they belong to the test split."""

KINDS: tuple[PSFFamily, ...] = get_args(PSFFamily)


@dataclass(frozen=True)
class PSF:
    """A point spread function of a family."""

    family: PSFFamily
    angle: float  # of a polygon, radians
    blades: int  # of a polygon
    strength: (
        float  # of the aberration or the central obstruction, by the family's measure
    )


_STRENGTH: dict[PSFFamily, tuple[float, float]] = {
    "soft-disc": (0.1, 0.4),  # width of the soft edge, in radii
    "ring": (0.25, 0.5),  # radius of the obstruction, in radii
    # from a bright rim to a bright core, behind the focus plane
    "spherical": (-0.8, 0.8),
    "cats-eye": (0.25, 0.5),  # see Aperture.cats_eye
    # length of the tail at the corner, in radii of the largest circle
    "coma": (0.1, 0.25),
}


def draw_psf(families: tuple[PSFFamily, ...], rng: Random) -> PSF:
    """A random member of one of the families."""
    family = families[rng.integers(len(families))]
    fewest, beyond = (5, 8) if family == "polygon-5-7" else (8, 10)
    blades = int(rng.integers(fewest, beyond))
    weakest, strongest = _STRENGTH.get(family, (0.0, 0.0))
    strength = rng.uniform(weakest, strongest)
    angle = rng.uniform(0, math.tau)
    return PSF(family, angle, blades, strength)


def kernel(
    psf: PSF,
    defocus_px: float,
    field: tuple[float, float],
    largest_px: float,
) -> Array:
    """The kernel of one circle of confusion at one place.

    The result: ``(K, K)``, K odd, sum 1, chief ray at ``K // 2``."""
    radius = abs(defocus_px) / 2
    if psf.family == "coma":
        return _coma(radius, psf.strength * largest_px / 2, field)
    if psf.family == "cats-eye":
        eye = aperture_psf(defocus_px, Aperture(cats_eye=psf.strength), field)
        return single(eye)
    half = _half_side(psf, radius)
    if half == 0:
        return np.ones((1, 1), np.float32)
    sign = 1.0 if defocus_px >= 0 else -1.0
    steps = sign * np.arange(-half, half + 1, dtype=np.float32)
    x = steps[None, :]
    y = steps[:, None]
    density = _density(psf, x, y, radius, sign)
    return single(density / density.sum())


def _half_side(psf: PSF, radius: float) -> int:
    """Pixels that a kernel has on each side of its middle."""
    reach = radius
    if psf.family == "soft-disc":
        reach = radius * (1 + psf.strength)
    return math.ceil(max(reach - 0.5, 0.0))


def _density(
    psf: PSF,
    x: Array,
    y: Array,
    radius: float,
    sign: float,
) -> Array:
    """Light per pixel; edges are anti-aliased over one pixel."""
    if psf.family.startswith("polygon"):
        return _polygon(psf, x, y, radius)
    distance = np.hypot(x, y)
    if psf.family == "soft-disc":
        return _soft_disc(psf, distance, radius)
    disc = np.clip(radius - distance + 0.5, 0, 1)
    if psf.family == "ring":
        hole_radius = psf.strength * radius
        hole = np.clip(hole_radius - distance + 0.5, 0, 1)
        return np.asarray(disc - hole)
    squared = (distance / radius) ** 2
    if psf.family == "gaussian":  # of the second moment that the disc has
        return np.asarray(disc * np.exp(-2 * squared))
    if psf.family == "spherical":
        fall = 1 - 2 * squared
        change = sign * psf.strength * fall
        return np.asarray(disc * (1 + change))
    return np.asarray(disc)


def _soft_disc(psf: PSF, distance: Array, radius: float) -> Array:
    """A disc whose edge falls evenly over a share of the radius."""
    edge = max(psf.strength * radius, 0.5)
    slope = (radius - distance) / (2 * edge)
    return np.asarray(np.clip(slope + 0.5, 0, 1))


def _polygon(
    psf: PSF,
    x: Array,
    y: Array,
    radius: float,
) -> Array:
    """A regular polygon inscribed in the circle."""
    apothem = radius * math.cos(math.pi / psf.blades)
    turns = math.tau * np.arange(psf.blades) / psf.blades
    angles = psf.angle + turns
    distances = [along(x, y, angle) for angle in angles]
    farthest = np.max(distances, axis=0)
    return np.asarray(np.clip(apothem - farthest + 0.5, 0, 1))


def _coma(
    radius: float,
    tail: float,
    field: tuple[float, float],
) -> Array:
    """Third-order coma on top of defocus, by rays through an even grid on the pupil.

    Source: Born and Wolf, Principles of Optics, 7th ed., section 5.3."""
    px, py = _pupil()
    height = math.hypot(*field)
    moved = tail * height
    outwards = 3 * px**2 + py**2
    radial = radius * px + moved * outwards
    tangential = radius * py + moved * 2 * px * py
    cosine = 1.0
    sine = 0.0
    if height > 0:
        cosine = field[0] / height
        sine = field[1] / height
    x = cosine * radial - sine * tangential
    y = sine * radial + cosine * tangential
    half = math.ceil(radius + 3 * tail * height)
    size = 2 * half + 3
    return _splatted(x + half + 1, y + half + 1, size)


def _pupil() -> tuple[Matrix, Matrix]:
    """Places of the rays on the pupil."""
    steps = (np.arange(64) + 0.5) / 32 - 1
    px, py = np.meshgrid(steps, steps)
    inside = px**2 + py**2 <= 1
    return px[inside], py[inside]


def _splatted(
    x: Matrix,
    y: Matrix,
    size: int,
) -> Array:
    """Distribute points bilinearly over a ``(size, size)`` grid, sum 1."""
    column = np.floor(x).astype(int)
    row = np.floor(y).astype(int)
    right = x - column
    down = y - row
    total = np.zeros(size * size)
    for dy, row_weight in ((0, 1 - down), (1, down)):
        for dx, column_weight in ((0, 1 - right), (1, right)):
            place = (row + dy) * size + column + dx
            weight = row_weight * column_weight
            total += np.bincount(place, weight, minlength=len(total))
    shares = total / total.sum()
    return single(shares.reshape(size, size))
