"""Similarity transform between the two pictures of a pair, in the project's convention.

x_s = c + zoom · R · (x_b - c) + shift, c = ((W-1)/2, (H-1)/2), R = [[cos, -sin], [sin, cos]]."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GRID = 9
"""Points per side at which a general transform is compared with a similarity."""


@dataclass(frozen=True)
class Similarity:
    """Zoom, rotation and shift from blurry to sharp positions."""

    # x_b is a position in the blurry picture, x_s the same in the sharp one; pixel centres are at
    # integers, x right, y down.

    zoom: float = 1.0  # ratio, 1 = none
    rotation_deg: float = (
        0.0  # degrees; positive turns x towards y (clockwise as seen on a screen)
    )
    # shift (x, y) in pixels of the full picture
    shift_px: tuple[float, float] = (0.0, 0.0)

    def matrix(self, width: int, height: int) -> Floats:
        """``(2, 3)`` matrix A with x_s = A · (x_b, y_b, 1), for a picture of that size."""
        angle = math.radians(self.rotation_deg)
        cosine = math.cos(angle)
        sine = math.sin(angle)
        rotation = np.array([[cosine, -sine], [sine, cosine]])
        linear = self.zoom * rotation
        centre = _centre(width, height)
        offset = centre - linear @ centre + np.array(self.shift_px)
        return np.column_stack([linear, offset])

    def flow(self, width: int, height: int) -> Floats:
        """``(2, H, W)`` flow from blurry to sharp, px: x_s - x_b at each blurry pixel."""
        steps = self.matrix(width, height) - np.eye(2, 3)
        x = np.arange(width)
        y = np.arange(height)
        flow = np.empty((2, height, width))
        for plane, (across, down, offset) in zip(flow, steps, strict=True):
            rows = down * y + offset
            np.add(rows[:, None], across * x, out=plane)
        return flow

    def scaled(self, factor: float) -> "Similarity":
        """The movement for a picture that is larger by a factor."""
        x, y = self.shift_px
        return Similarity(self.zoom, self.rotation_deg, (x * factor, y * factor))

    @classmethod
    def from_matrix(
        cls,
        matrix: Floats,
        width: int,
        height: int,
    ) -> "Similarity":
        """The similarity of a ``(2, 3)`` matrix whose linear part is zoom times rotation."""
        linear = matrix[:, :2]
        centre = _centre(width, height)
        shift = matrix[:, 2] - centre + linear @ centre
        return cls(
            zoom=float(np.sqrt(np.linalg.det(linear))),
            rotation_deg=math.degrees(math.atan2(linear[1, 0], linear[0, 0])),
            shift_px=(float(shift[0]), float(shift[1])),
        )

    @classmethod
    def closest(
        cls,
        matrix: Floats,
        width: int,
        height: int,
    ) -> "Similarity":
        """The similarity nearest to a ``(3, 3)`` transform, by least squares over the picture."""
        # as complex numbers about the centre it is x_s = a · x_b + shift, with zoom and rotation
        # the length and the angle of a; a regular grid of points gives both in closed form
        across = np.linspace(0, width - 1, GRID)
        down = np.linspace(0, height - 1, GRID)
        points = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
        centre = _centre(width, height)
        end = (moved_points(matrix, points) - centre) @ (1, 1j)
        start = (points - centre) @ (1, 1j)
        square = float(np.vdot(start, start).real)
        factor = np.vdot(start, end) / max(square, 1e-12)
        shift = end.mean()
        return cls(
            zoom=float(abs(factor)),
            rotation_deg=math.degrees(math.atan2(factor.imag, factor.real)),
            shift_px=(float(shift.real), float(shift.imag)),
        )


def turned_axes(
    x: NDArray[Any],
    y: NDArray[Any],
    angle: float,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Places along two axes that are turned from x towards y by an angle."""
    cosine = math.cos(angle)
    sine = math.sin(angle)
    along = cosine * x + sine * y
    across = cosine * y - sine * x
    return along, across


def unit_vectors(turns: Floats) -> Floats:
    """Vectors ``(..., 2)`` of length 1 at angles ``(...)``, from x towards y."""
    return np.stack([np.cos(turns), np.sin(turns)], axis=-1)


def moved_points(matrix: Floats, points: Floats) -> Floats:
    """Move ``(N, 2)`` points x, y by ``(..., 3, 3)`` transforms or homographies."""
    linear = matrix[..., :2].swapaxes(-1, -2)
    offset = matrix[..., None, :, 2]
    ends = points @ linear + offset
    return np.asarray(ends[..., :2] / ends[..., 2:])


def _centre(width: int, height: int) -> Floats:
    """The middle (x, y) of a picture; pixel centres are at integers."""
    return np.array([(width - 1) / 2, (height - 1) / 2])


IDENTITY = Similarity()
