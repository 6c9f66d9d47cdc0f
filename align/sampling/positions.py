"""Arrays of pixel positions: transform them and sample pictures there."""

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def pixel_grid(height: int, width: int) -> Array:
    """``(2, H, W)`` float32: x and y of each pixel's centre."""
    columns = np.arange(width)
    rows = np.arange(height)
    return np.stack(np.meshgrid(columns, rows)).astype(np.float32)


def transformed(grid: Array, matrix: NDArray[np.float64]) -> Array:
    """The positions ``(2, H, W)`` transformed by a homogeneous ``(3, 3)`` matrix."""
    x, y = grid.astype(np.float64)
    across, down, depth = (a * x + b * y + c for a, b, c in matrix)
    moved = np.stack([across / depth, down / depth])
    return moved.astype(np.float32)


def sampled(picture: Array, positions: Array, *, cubic: bool = False) -> Array:
    """``(H, W)`` or ``(H, W, C)`` values at the positions ``(2, H, W)``; the border is repeated."""
    method = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    values = cv2.remap(
        picture,
        positions[0],
        positions[1],
        method,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(values, dtype=np.float32)


def moved_by(
    picture: NDArray[np.float32],
    matrix: NDArray[np.float64],
) -> NDArray[np.float32]:
    """``picture`` on the grid from which ``matrix`` leads into it; its border goes on outside."""
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = picture.shape[::-1]
    return np.asarray(
        cv2.warpPerspective(
            picture,
            matrix,
            size,
            flags=flags,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def composed(flow: Array, step: Array, grid: Array) -> Array:
    """Compose two flows, ``step`` first and ``flow`` from there: step(x) + flow(x + step(x))."""
    place = grid + step
    moved = [sampled(component, place) for component in flow]
    return step + np.stack(moved)


def inside(positions: Array) -> NDArray[np.bool_]:
    """``(H, W)``: whether each position lies in a picture of the same size."""
    height, width = positions.shape[1:]
    x, y = positions
    slack = 1e-3  # a picture that is mapped onto itself keeps its border
    return np.asarray(
        (x >= -slack)
        & (y >= -slack)
        & (x <= width - 1 + slack)
        & (y <= height - 1 + slack)
    )
