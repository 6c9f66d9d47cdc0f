"""Depth of a scene, as *nearness* (inverse depth brought to [0, 1]), and its circle of confusion.

The signed diameter is affine in it (thin lens), positive behind the plane in focus."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.random import Generator
from numpy.typing import NDArray

from defocus.scene.geometry import turned_axes
from defocus.scene.pictures import Branch

Array = NDArray[np.float32]
DepthKind = str

SHARES: Mapping[DepthKind, float] = {
    "sharp": 0.08,
    "constant": 0.24,
    "plane": 0.18,
    "occluders": 0.24,
    "fractal": 0.13,
    "curved": 0.13,
}
"""Share of the scenes that have each kind of depth; ``sharp`` has everything in focus."""

LARGEST_PX = (0.7, 30.0)
"""Range of a picture's largest circle of confusion, px, drawn log-uniformly."""

INSIDE_SHARE = 0.6
"""Share of scenes in which the plane of focus lies inside the scene."""


@dataclass(frozen=True)
class Focus:
    """Conversion of nearness to the circle of confusion."""

    far: float  # signed diameter at nearness 0, px
    near: float  # signed diameter at nearness 1, px; at most ``far``

    @property
    def largest(self) -> float:
        """Largest diameter, px."""
        return max(abs(self.far), abs(self.near))

    def at(self, nearness: Array) -> Array:
        """Signed diameters, px."""
        return np.float32(self.far) + np.float32(self.near - self.far) * nearness


def draw_kind(random: Generator) -> DepthKind:
    """Draw the kind of depth of a picture."""
    kinds = list(SHARES)
    number = random.choice(len(kinds), p=list(SHARES.values()))
    return kinds[int(number)]


def draw_focus(
    random: Generator,
    kind: DepthKind,
    level: float | None,
) -> Focus:
    """Draw the focus of the lens and the amount of blur."""
    if kind == "sharp":
        return Focus(0.0, 0.0)
    largest = math.exp(random.uniform(*np.log(LARGEST_PX)))
    sign = 1.0 if random.random() < 0.5 else -1.0
    if kind == "constant":
        return Focus(sign * largest, sign * largest)
    if random.random() < INSIDE_SHARE:
        focused = random.uniform(0.0, 1.0) if level is None else level
        reach = largest / max(focused, 1 - focused)
        return Focus(reach * focused, reach * (focused - 1))
    least = random.uniform(0.0, largest)
    if sign > 0:
        return Focus(largest, least)
    return Focus(-least, -largest)


def draw_nearness(
    random: Generator,
    kind: DepthKind,
    height: int,
    width: int,
    branch: Branch,
) -> Array:
    """Draw a depth shape: ``(height, width)`` in [0, 1]."""
    angle = random.uniform(0, 2 * math.pi)
    y, x = np.ogrid[-1 : 1 : complex(height), -1 : 1 : complex(width)]
    along, across = turned_axes(x, y, angle)
    shape = np.asarray(along, np.float32)
    draw = DEPTHS.get((kind, branch))
    if draw is not None:
        shape = draw(random, shape, np.asarray(across, np.float32))
    low = float(shape.min())
    high = float(shape.max())
    extent = np.float32(max(high - low, 1e-6))
    return np.asarray((shape - low) / extent, np.float32)


def _quadric(
    random: Generator,
    along: Array,
    across: Array,
) -> Array:
    """A bowl, ridge, valley or saddle with a random apex and some tilt."""
    apex_along, apex_across = random.uniform(-1, 1, 2).astype(np.float32)
    bend = np.float32(random.choice((-1.0, 0.0, 1.0)))
    tilt = np.float32(random.uniform(-1, 1))
    sign = np.float32(random.choice((-1.0, 1.0)))
    bowl = (along - apex_along) ** 2 + bend * (across - apex_across) ** 2
    return np.asarray(sign * bowl + tilt * along, np.float32)


def _waves(
    random: Generator,
    along: Array,
    across: Array,
) -> Array:
    """Ripples with a tilt, or spheres on a plane."""
    tilt = np.float32(random.uniform(-0.5, 0.5))
    if random.random() < 0.5:
        length = random.uniform(0.6, 2.0)
        phase = random.uniform(0, 2 * math.pi)
        frequency = np.float32(2 * math.pi / length)
        ripples = np.sin(along * frequency + phase)
        return np.asarray(ripples + tilt * across)
    shape: Array = tilt * along + 0 * across
    for _ in range(random.integers(1, 4)):
        x, y = random.uniform(-1, 1, 2).astype(np.float32)
        radius = random.uniform(0.3, 1.0)
        square = (along - x) ** 2 + (across - y) ** 2
        height_square = np.maximum(np.float32(radius**2) - square, 0)
        shape = shape + np.sqrt(height_square)
    return shape


def _fractal(
    random: Generator,
    along: Array,
    across: Array,
) -> Array:
    """A surface whose power falls with frequency to the power of 2 to 3.5."""
    del across
    return fractal(
        random,
        along.shape,
        random.uniform(2.0, 3.5),
        reduced=2,
    )


def _terraces(
    random: Generator,
    along: Array,
    across: Array,
) -> Array:
    """A rough surface cut into steps."""
    del across
    rough = fractal(
        random,
        along.shape,
        random.uniform(2.5, 3.5),
        reduced=2,
    )
    steps = int(random.integers(3, 7))
    low = float(rough.min())
    high = float(rough.max())
    share = (rough - low) / (high - low)
    terraces = np.floor(share * np.float32(steps - 1e-3))
    return np.asarray(terraces, np.float32)


DEPTHS: Mapping[
    tuple[DepthKind, Branch], Callable[[Generator, Array, Array], Array]
] = {
    ("curved", "train"): _quadric,
    ("curved", "held-out"): _waves,
    ("fractal", "train"): _fractal,
    ("fractal", "held-out"): _terraces,
}


def fractal(
    random: Generator,
    size: tuple[int, int],
    exponent: float,
    reduced: int = 1,
) -> Array:
    """Noise whose power spectrum is f^-exponent."""
    rows, columns = (-(-side // reduced) for side in size)
    frequency = _frequencies(rows, columns)
    real, imaginary = random.standard_normal((2, *frequency.shape), np.float32)
    amplitude = frequency ** np.float32(-exponent / 2)
    spectrum = (real + 1j * imaginary) * amplitude
    spectrum[0, 0] = 0
    field = scipy.fft.irfft2(spectrum, (rows, columns))
    if reduced > 1:
        field = cv2.resize(field, size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def _frequencies(rows: int, columns: int) -> Array:
    """Cycles per pixel of a real transform, at least a half of a period in the longer side."""
    across = np.fft.rfftfreq(columns)
    down = np.fft.fftfreq(rows)[:, None]
    least = 0.5 / max(rows, columns)
    frequency = np.maximum(np.hypot(down, across), least)
    return np.asarray(frequency, np.float32)
