"""Layout of a scene's surfaces: outlines and reliefs, from families that differ by split."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from research.alignment_truth.rendered.textures import Split
from research.light import Array, Random, single

OutlineKind: TypeAlias = Literal[
    "ellipse",
    "polygon",
    "blob",
    "annulus",
    "star",
    "bars",
]
ReliefKind: TypeAlias = Literal[
    "plane",
    "bowl",
    "saddle",
    "dome",
    "wave",
    "step",
]

OUTLINES_OF: dict[Split, tuple[OutlineKind, ...]] = {
    "train": ("ellipse", "polygon"),
    "choose": ("blob", "annulus"),
    "test": ("star", "bars"),
}

RELIEFS_OF: dict[Split, tuple[ReliefKind, ...]] = {
    "train": ("plane", "bowl"),
    "choose": ("saddle", "dome"),
    "test": ("wave", "step"),
}


@dataclass(frozen=True)
class Relief:
    """Inverse depth over the frame: smooth, in [middle - half, middle + half] within the frame."""

    kind: ReliefKind
    middle: float  # 0 = farthest and 1 = nearest of the scene
    half: float  # of its range
    centre: tuple[float, float]  # (x, y), px
    scale: float  # unit length, px: half the diagonal of the frame
    angle: float  # radians
    phase: float  # of a wave, radians

    def inverse_depth(self, x: Array, y: Array) -> Array:
        """Inverse depth at positions of the blurry picture, px."""
        u, v = _turned(x, y, self.centre, self.angle)
        form = self._form(u / self.scale, v / self.scale)
        return single(self.middle + self.half * form)

    def _form(self, u: Array, v: Array) -> Array:
        match self.kind:
            case "plane":
                form = u
            case "bowl":
                form = 2 * (u * u + v * v) - 1
            case "saddle":
                form = 2 * u * v
            case "dome":
                squared = u * u + v * v
                form = 2 * np.exp(-3 * squared) - 1
            case "wave":
                form = np.sin(3.5 * u + self.phase)
            case "step":
                form = np.tanh(3 * u)
        return np.asarray(form)


@dataclass(frozen=True)
class Outline:
    """The edge of a foreground surface."""

    kind: OutlineKind
    centre: tuple[float, float]  # (x, y), px
    radius: float  # of the circle that holds it, px
    angle: float  # radians
    count: int  # of corners, points or bars
    ratio: float  # slenderness, hole or depth of the shape, in (0, 1)
    phases: tuple[float, ...]  # of a blob's waves, radians

    def coverage(self, x: Array, y: Array) -> Array:
        """Share of each pixel that the surface covers, [0, 1], from the distance to its edge."""
        u, v = _turned(x, y, self.centre, self.angle)
        distance = self._distance(u, v)
        return single(np.clip(distance + 0.5, 0, 1))

    def _distance(self, u: Array, v: Array) -> Array:
        """Distance to the edge in px, positive inside; exact near the edge."""
        distance: NDArray[np.floating]
        match self.kind:
            case "ellipse":
                distance = self._to_ellipse(u, v)
            case "polygon":
                distance = self._to_polygon(u, v)
            case "blob":
                distance = self._to_blob(u, v)
            case "annulus":
                distance = self._to_annulus(u, v)
            case "star":
                distance = self._to_star(u, v)
            case "bars":
                distance = self._to_bars(u, v)
        return np.asarray(distance)

    def _to_ellipse(self, u: Array, v: Array) -> Array:
        """First-order distance: (1 - f) / |grad f| of f = |(u / a, v / b)|."""
        a = self.radius
        b = self.radius * self.ratio
        f = np.hypot(u / a, v / b)
        slope = np.hypot(u / a**2, v / b**2)
        distance = np.clip(f / np.maximum(slope, 1e-6), b, a)
        return np.asarray((1 - f) * distance)

    def _to_annulus(self, u: Array, v: Array) -> Array:
        middle = self.radius * (1 + self.ratio) / 2
        half = self.radius * (1 - self.ratio) / 2
        rho = np.hypot(u, v)
        off_middle = np.abs(rho - middle)
        return np.asarray(half - off_middle)

    def _to_polygon(self, u: Array, v: Array) -> Array:
        apothem = self.radius * math.cos(math.pi / self.count)
        angles = math.tau * np.arange(self.count) / self.count
        within = []
        for angle in angles:
            cosine = math.cos(angle)
            sine = math.sin(angle)
            side = cosine * u + sine * v / self.ratio
            slope = math.hypot(cosine, sine / self.ratio)
            within.append((apothem - side) / slope)
        return np.asarray(np.min(within, axis=0))

    def _to_blob(self, u: Array, v: Array) -> Array:
        """First-order distance from an edge at ``size (1 + swing Σ cos(k θ + p))``."""
        theta = np.arctan2(v, u)
        rho = np.hypot(u, v)
        size = self.radius / (1 + 0.6 * self.ratio)
        swing = 0.6 * self.ratio / len(self.phases)
        waves = []
        slopes = []
        for k, phase in enumerate(self.phases, start=2):
            angle = k * theta + phase
            waves.append(np.cos(angle))
            slopes.append(k * np.sin(angle))
        edge = size * (1 + swing * np.sum(waves, axis=0))
        slope = size * swing * np.sum(slopes, axis=0)
        steepness = np.sqrt(1 + (slope / edge) ** 2)
        return np.asarray((edge - rho) / steepness)

    def _to_star(self, u: Array, v: Array) -> Array:
        """Distance to a star, folded into half of one point, whose edge is a straight line."""
        sector = math.pi / self.count
        in_point = np.mod(np.arctan2(v, u), 2 * sector)
        folded = np.abs(in_point - sector)
        rho = np.hypot(u, v)
        x = rho * np.cos(folded)
        y = rho * np.sin(folded)
        inner = self.radius * self.ratio
        dx = inner * math.cos(sector) - self.radius
        dy = inner * math.sin(sector)
        area = y * dx - (x - self.radius) * dy
        return np.asarray(area / math.hypot(dx, dy))

    def _to_bars(self, u: Array, v: Array) -> Array:
        box = self.radius / math.sqrt(2)
        period = 2 * box / self.count
        in_period = np.mod(v + box, period)
        across = np.abs(in_period - period / 2)
        half = period * (0.25 + 0.5 * self.ratio) / 2
        within_bar = half - across
        to_side = np.maximum(np.abs(u), np.abs(v))
        within_box = box - to_side
        return np.asarray(np.minimum(within_bar, within_box))


def _turned(
    x: Array,
    y: Array,
    centre: tuple[float, float],
    angle: float,
) -> tuple[Array, Array]:
    cosine = math.cos(angle)
    sine = math.sin(angle)
    dx = x - centre[0]
    dy = y - centre[1]
    u = cosine * dx + sine * dy
    v = cosine * dy - sine * dx
    return u, v


def draw_relief(
    split: Split,
    band: tuple[float, float],
    size: tuple[int, int],
    rng: Random,
) -> Relief:
    """A random relief within a band of inverse depth, over a frame of (height, width)."""
    height, width = size
    low, high = band
    half = (high - low) / 2 * rng.uniform(0.2, 1.0)
    kinds = RELIEFS_OF[split]
    return Relief(
        kind=kinds[rng.integers(len(kinds))],
        middle=rng.uniform(low + half, high - half),
        half=float(half),
        centre=(rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.7) * height),
        scale=math.hypot(width, height) / 2,
        angle=rng.uniform(0, math.tau),
        phase=rng.uniform(0, math.tau),
    )


def draw_outline(
    split: Split,
    size: tuple[int, int],
    rng: Random,
) -> Outline:
    """A random outline whose centre lies in a frame of (height, width)."""
    height, width = size
    kinds = OUTLINES_OF[split]
    kind = kinds[rng.integers(len(kinds))]
    return Outline(
        kind=kind,
        centre=(rng.uniform(0, width), rng.uniform(0, height)),
        radius=rng.uniform(0.15, 0.4) * min(height, width),
        angle=rng.uniform(0, math.tau),
        count=int(rng.integers(3, 8)),
        ratio=rng.uniform(0.4, 0.8),
        phases=tuple(rng.uniform(0, math.tau, 4).tolist()),
    )
