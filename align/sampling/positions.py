"""Arrays of pixel positions: transform them and sample pictures there."""

import cv2
import numpy as np

from defocus.align.arrays import Doubles, Mask, Singles


def pixel_grid(height: int, width: int) -> Singles:
    """``(2, H, W)`` float32: x and y of each pixel's centre."""
    columns = np.arange(width)
    rows = np.arange(height)
    return np.stack(np.meshgrid(columns, rows)).astype(np.float32)


def transformed(grid: Singles, matrix: Doubles) -> Singles:
    """The positions ``(2, H, W)`` transformed by a homogeneous ``(3, 3)`` matrix."""
    x, y = grid.astype(np.float64)
    sums = []
    for a, b, c in matrix:
        sums.append(a * x + b * y + c)
    across, down, depth = sums
    moved = np.stack([across / depth, down / depth])
    return moved.astype(np.float32)


def sampled(picture: Singles, positions: Singles, *, cubic: bool = False) -> Singles:
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
    picture: Singles,
    matrix: Doubles,
) -> Singles:
    """``picture`` on the grid from which ``matrix`` leads into it; its border goes on outside."""
    moved = cv2.warpPerspective(
        picture,
        matrix,
        picture.shape[::-1],
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved)


def composed(flow: Singles, step: Singles, grid: Singles) -> Singles:
    """Compose two flows, ``step`` first and ``flow`` from there: step(x) + flow(x + step(x))."""
    place = grid + step
    moved = [sampled(component, place) for component in flow]
    return step + np.stack(moved)


def inside(positions: Singles) -> Mask:
    """``(H, W)``: whether each position lies in a picture of the same size."""
    height, width = positions.shape[1:]
    x, y = positions
    slack = 1e-3  # a picture that is mapped onto itself keeps its border
    within = x >= -slack
    within &= y >= -slack
    within &= x <= width - 1 + slack
    within &= y <= height - 1 + slack
    return np.asarray(within)
