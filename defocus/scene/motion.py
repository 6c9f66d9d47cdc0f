"""Scenes displaced by a known motion, with a compiled cubic spline in double precision.

OpenCV's warps round positions to 1/32 px, too coarse for a truth."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import spline_filter1d

from defocus.scene.geometry import IDENTITY, Similarity
from defocus.scene.layers import Layer
from defocus.scene.window import Window, shown

Array = NDArray[np.float64]

MARGIN = 24
"""Width, px, of the border around a displaced part: at this distance a cubic spline is no longer
affected by its border (0.27^24)."""


def moved_layers(layers: Sequence[Layer], geometry: Similarity) -> list[Layer]:
    """The scene as seen by a camera that is displaced by ``geometry``.

    The result shows at x_s what ``layers`` show at x_b (see :mod:`defocus.scene.geometry`)."""
    if geometry == IDENTITY:
        return list(layers)
    return [_moved_layer(layer, geometry) for layer in layers]


def _moved_layer(layer: Layer, geometry: Similarity) -> Layer:
    """Move only the part that shows something, and what can come in from behind the border."""
    frame = Window.of(layer.alpha.shape)
    matrix = geometry.matrix(frame.right, frame.bottom)
    border = MARGIN + _farthest(matrix, frame)
    part = shown(layer.alpha).grown(border).within(frame)
    box, light = _displaced(layer.colour, matrix, part)
    colour = np.zeros(layer.colour.shape)
    np.maximum(light, 0.0, out=colour[box])
    if layer.alpha.min() == 1.0:  # it stays so, as the border is mirrored
        return replace(layer, colour=colour)
    box, share = _displaced(layer.alpha[:, :, None], matrix, part)
    alpha = np.zeros(frame.shape)
    np.clip(share[:, :, 0], 0.0, 1.0, out=alpha[box])
    return replace(layer, colour=colour, alpha=alpha)


def _farthest(matrix: Array, frame: Window) -> int:
    """Largest distance along an axis by which a point of the frame is moved, whole px."""
    corners = _corners(frame)
    shifts = corners @ matrix.T - corners[:, :2]
    farthest = float(np.abs(shifts).max())
    return math.ceil(farthest)


def _corners(box: Window) -> Array:
    """The corners of a box as ``(4, 3)``, for a matrix."""
    return np.array(
        [
            (box.left, box.top, 1),
            (box.left, box.bottom, 1),
            (box.right, box.top, 1),
            (box.right, box.bottom, 1),
        ]
    )


def moved(values: Array, geometry: Similarity) -> Array:
    """``(H, W)`` or ``(H, W, C)`` values displaced: the result has at x_s what they have at x_b.

    At hard edges it can leave their range."""
    height, width = values.shape[:2]
    backwards = _backwards(geometry.matrix(width, height))
    planes = values.reshape(height, width, -1)
    displaced = sampled(planes, backwards, (height, width))
    return displaced.reshape(values.shape)


def _backwards(matrix: Array) -> Array:
    """The ``(2, 3)`` matrix of the inverse transform."""
    inverse = np.linalg.inv(matrix[:, :2])
    return np.column_stack([inverse, -inverse @ matrix[:, 2]])


def _displaced(
    values: Array,
    matrix: Array,
    part: Window,
) -> tuple[tuple[slice, slice], Array]:
    """Place in the frame of a part of ``(H, W, C)`` values, and the values there."""
    goal = _goal(part, matrix, Window.of(values.shape))
    if goal.empty:
        return (slice(0, 0), slice(0, 0)), np.zeros((0, 0, values.shape[2]))
    back = _backwards(matrix)
    origin = back[:, :2] @ (goal.left, goal.top)
    back[:, 2] += origin - (part.left, part.top)
    return goal.index, sampled(values[part.index], back, goal.shape)


def _goal(
    part: Window,
    matrix: Array,
    frame: Window,
) -> Window:
    """Place to which a part goes; at the border of the frame it continues, mirrored."""
    moved = _corners(part) @ matrix.T
    left, top = np.floor(moved.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(moved.max(axis=0)).astype(int).tolist()
    return Window(
        0 if part.left == 0 else left,
        0 if part.top == 0 else top,
        frame.right if part.right == frame.right else right,
        frame.bottom if part.bottom == frame.bottom else bottom,
    ).within(frame)


def sampled(
    values: Array,
    matrix: Array,
    shape: tuple[int, int],
) -> Array:
    """Values ``(height, width, C)`` at the positions of an affine map, mirrored outside."""
    # To rounding the same as ``scipy.ndimage.affine_transform`` (order 3, mode mirror), in a third
    # of its time, because all channels share a position's weights. Source: Thévenaz and Blu,
    # Interpolation revisited (2000), for the prefilter and the weights.
    result = np.empty((*shape, values.shape[2]))
    if result.size:
        knots = np.array(values.transpose(2, 0, 1), order="C")
        for axis in (1, 2):
            spline_filter1d(
                knots,
                3,
                axis=axis,
                output=knots,
                mode="mirror",
            )
        _sample(knots, matrix, result)
    return result


@numba.njit(nogil=True, cache=True)
def _weights(part):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    """Weights of the four knots around a position, by its distance from the second."""
    rest = 1.0 - part
    return (
        rest * rest * rest / 6.0,
        2.0 / 3.0 - 0.5 * part * part * (2.0 - part),
        2.0 / 3.0 - 0.5 * rest * rest * (2.0 - rest),
        part * part * part / 6.0,
    )


@numba.njit(nogil=True, cache=True)
def _mirrored(at, length):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    if 0 <= at < length:
        return at
    if length == 1:
        return 0
    at %= 2 * (length - 1)
    return min(at, 2 * (length - 1) - at)


@numba.njit(nogil=True, cache=True)
def _sample(knots, matrix, result):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    channels, height, width = knots.shape
    at_columns = np.empty(4, np.int64)
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            x = matrix[0, 0] * column + matrix[0, 1] * row + matrix[0, 2]
            y = matrix[1, 0] * column + matrix[1, 1] * row + matrix[1, 2]
            left = int(np.floor(x)) - 1
            top = int(np.floor(y)) - 1
            across = _weights(x - left - 1)
            down = _weights(y - top - 1)
            for i in range(4):
                at_columns[i] = _mirrored(left + i, width)
            for c in range(channels):
                result[row, column, c] = 0.0
            for j in range(4):
                at = _mirrored(top + j, height)
                for c in range(channels):
                    weighted = 0.0
                    for i in range(4):
                        knot = knots[c, at, at_columns[i]]
                        weighted += down[j] * across[i] * knot
                    result[row, column, c] += weighted
