"""Fields of misalignment, and sharp pictures taken with them; surfaces move by their depth.

x in the blurry picture is ``x + dose * (A x + b + c u(x))`` in the sharp one, u inverse depth."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.extras.studies.dose_dataset.request import Kind
from defocus.scene.occluders import Occluder, StreamScene

Floats = NDArray[np.float64]

Array = NDArray[np.float32]

PERCENTILE = 95
"""Percentile of the displacements' lengths that counts as the dose."""

MIXTURE = {
    "zoom": 0.6,
    "shift": 0.3,
    "rotation": 0.2,
    "parallax": 0.5,
}
"""Shares of the kinds of displacement in a lens-like mixture: mostly focus breathing, then
parallax."""

PAD_PX = 32
"""Width by which an occluder extends beyond the border of its scene, px: more than it moves."""

ROUNDS = 12
"""Fixed-point rounds by which the field of a surface is inverted."""


@dataclass(frozen=True)
class Motion:
    """The displacement of one pair at a dose of 1 px."""

    linear: Floats  # ``(2, 2)`` A, px per px from the centre
    shift: Floats  # ``(2,)`` b, px
    # ``(2,)`` c, px per unit of the relative inverse depth
    parallax: Floats
    # pivot, spread: signed diameter of no parallax, and the difference that is a unit, px
    pivot: float
    spread: float

    def times(self, factor: float) -> "Motion":
        """The same displacement at another dose."""
        return Motion(
            factor * self.linear,
            factor * self.shift,
            factor * self.parallax,
            self.pivot,
            self.spread,
        )

    def affine(
        self,
        diameter: float,
        centre: tuple[float, float],
    ) -> Floats:
        """``(2, 3)`` map from blurry to sharp positions of points with one diameter."""
        middle = np.array(centre)
        matrix = np.eye(2) + self.linear
        moved = self.shift + self.parallax * (diameter - self.pivot) / self.spread
        return np.column_stack([matrix, middle - matrix @ middle + moved])

    def flow(self, diameters: Array, centre: tuple[float, float]) -> Array:
        """``(2, H, W)`` displacement, px, of points with these signed diameters."""
        height, width = diameters.shape
        y, x = np.mgrid[:height, :width].astype(np.float32)
        across = x - np.float32(centre[0])
        down = y - np.float32(centre[1])
        unit = (diameters - np.float32(self.pivot)) / np.float32(self.spread)
        (a, b), (c, d) = self.linear.astype(np.float32)
        x_shift, y_shift = self.shift.astype(np.float32)
        x_parallax, y_parallax = self.parallax
        right = a * across + b * down + x_shift + x_parallax * unit
        below = c * across + d * down + y_shift + y_parallax * unit
        return np.stack([right, below]).astype(np.float32)


def draw_motion(random: np.random.Generator, kind: Kind, diameters: Array) -> Motion:
    """Draw the direction of a kind of misalignment, with a dose of 1 px.

    A scene of one depth has no parallax; its camera's step is a shift."""
    pivot = float(np.median(diameters))
    off = np.abs(diameters - np.float32(pivot))
    spread = float(np.percentile(off, PERCENTILE))
    of_shift, of_parallax = random.uniform(0, 2 * math.pi, 2)
    of_zoom, of_turn = np.where(random.random(2) < 0.5, -1.0, 1.0)
    flat = spread < 0.05
    shares = _shares(kind, flat=flat)
    height, width = diameters.shape
    reach = math.hypot(height, width) / 2
    zoom = of_zoom * (shares.get("zoom", 0.0) / reach)
    turn = of_turn * (shares.get("rotation", 0.0) / reach)
    drawn = Motion(
        linear=np.array([[zoom, -turn], [turn, zoom]]),
        shift=shares.get("shift", 0.0) * _direction(of_shift),
        parallax=shares.get("parallax", 0.0) * _direction(of_parallax),
        pivot=pivot,
        spread=1.0 if flat else spread,
    )
    centre = ((width - 1) / 2, (height - 1) / 2)
    lengths = np.hypot(*drawn.flow(diameters, centre))
    dose = float(np.percentile(lengths, PERCENTILE))
    return drawn.times(1.0 / dose)


def _direction(angle: float) -> Floats:
    """The unit vector at an angle, radians."""
    return np.array((math.cos(angle), math.sin(angle)))


def _shares(kind: Kind, *, flat: bool) -> dict[str, float]:
    """Shares of a misalignment; in a flat scene that of a parallax is a shift's."""
    shares: dict[str, float] = dict(MIXTURE) if kind == "mixture" else {kind: 1.0}
    if flat and "parallax" in shares:
        parallax = shares.pop("parallax")
        shares["shift"] = shares.get("shift", 0.0) + parallax
    return shares


def moved_scene(
    scene: StreamScene,
    motion: Motion,
    centre: tuple[float, float],
) -> StreamScene:
    """The scene as the sharp picture sees it; its diameters stay those of the surface."""
    height, width = scene.diameters.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    from_x = x
    from_y = y
    flow = motion.flow(scene.diameters, centre)
    for _ in range(ROUNDS):  # the point that comes to lie at x: p = x - flow(p)
        there = []
        for one in flow:
            moved_flow = cv2.remap(
                one,
                from_x,
                from_y,
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            there.append(moved_flow)
        from_x = x - there[0]
        from_y = y - there[1]
    background = cv2.remap(
        scene.background,
        from_x,
        from_y,
        cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    moved = (
        _moved_occluder(one, motion, centre, (height, width)) for one in scene.occluders
    )
    return replace(
        scene,
        background=np.maximum(np.asarray(background, np.float32), 0),
        occluders=tuple(moved),
    )


def _moved_occluder(
    occluder: Occluder,
    motion: Motion,
    centre: tuple[float, float],
    size: tuple[int, int],
) -> Occluder:
    """The occluder on a canvas of the whole scene; what leaves the canvas is lost."""
    matrix = motion.affine(occluder.diameter, centre)
    offset = matrix[:, 2] + matrix[:, :2] @ (occluder.left, occluder.top)
    placed = np.column_stack([matrix[:, :2], offset])
    high, wide = size
    colour = cv2.warpAffine(
        occluder.colour,
        placed,
        (wide, high),
        flags=cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REPLICATE,
    )
    touching = _touching(occluder, size)
    alpha = _moved_alpha(occluder.alpha, placed, (wide, high), touching)
    light = np.maximum(np.asarray(colour, np.float32), 0)
    return Occluder(
        light,
        alpha,
        0,
        0,
        occluder.diameter,
    )


def _touching(
    occluder: Occluder,
    size: tuple[int, int],
) -> tuple[bool, bool, bool, bool]:
    """Whether an occluder touches the upper, lower, left and right border of its scene."""
    rows, columns = occluder.alpha.shape
    below = occluder.top + rows == size[0]
    right = occluder.left + columns == size[1]
    return occluder.top == 0, below, occluder.left == 0, right


def _moved_alpha(
    alpha: Array,
    placed: Floats,
    size: tuple[int, int],
    touching: tuple[bool, bool, bool, bool],
) -> Array:
    """The opacity; where the scene's border cuts the occluder it goes on beyond."""
    above, below, before, beyond = np.multiply(touching, PAD_PX).tolist()
    continued = cv2.copyMakeBorder(
        alpha,
        above,
        below,
        before,
        beyond,
        cv2.BORDER_REPLICATE,
    )
    offset = placed[:, 2] - placed[:, :2] @ (before, above)
    moved = cv2.warpAffine(
        continued,
        np.column_stack([placed[:, :2], offset]),
        size,
        flags=cv2.INTER_LINEAR,
    )
    return np.asarray(moved, np.float32)
