"""Ground truth of each pixel of a rendered pair: depth, edge class, visibility."""

from collections.abc import Sequence

import cv2
import numpy as np

from defocus.scene.window import Window
from research.alignment_truth.rendered.rendering import Defocus
from research.alignment_truth.rendered.scene import TruthSurface
from research.light import Array, Mask, Pixels

BORDER_PX = 1.5
"""Half width of the border of a label, px: edges are anti-aliased, and interpolated kernels are
wider than their circle."""


def front_depth(
    surfaces: Sequence[TruthSurface],
    front: Pixels,
    frame: Window,
) -> Array:
    """Inverse depth of the frontmost surface at each pixel of the blurry picture."""
    x, y = frame.grid()
    depth = surfaces[0].relief.inverse_depth(x, y)
    for index, surface in enumerate(surfaces[1:], start=1):
        mine = front == index
        depth[mine] = surface.relief.inverse_depth(x[mine], y[mine])
    return depth


def edge_class(
    surfaces: Sequence[TruthSurface],
    defocus: Defocus,
    front: Pixels,
    frame: Window,
) -> Mask:
    """Mark pixels that show more than one surface: ``(H, W)`` bool.

    They are within half a circle of confusion and BORDER_PX of a visible occluding edge."""
    x, y = frame.grid()
    nearest_depth = front_depth(surfaces, front, frame)
    seen = np.abs(defocus.diameter(nearest_depth))
    edge = np.zeros(front.shape, np.bool_)
    for index, surface in enumerate(surfaces[1:], start=1):
        mine = (front == index).astype(np.uint8)
        if not mine.any() or mine.all():
            continue
        depth = surface.relief.inverse_depth(x, y)
        own = defocus.diameter(depth)
        distance = _distance_to_edge(mine)
        # a slanted surface may be more blurred at its edge than where it is d px from it
        steepness = np.hypot(*np.gradient(own))
        slope = np.minimum(steepness, 1)
        largest = np.maximum(np.abs(own), seen)
        nearest = distance * (1 - slope / 2)
        edge |= nearest <= largest / 2 + BORDER_PX
    return edge


def _distance_to_edge(mine: Pixels) -> Array:
    """Distance to the border of a surface, from both sides, px."""
    inside = cv2.distanceTransform(mine, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - mine, cv2.DIST_L2, 5)
    return np.asarray(inside + outside)


def visible(flow: Array, front: Pixels, there: Pixels) -> Mask:
    """True where a point of the blurry picture is visible in the sharp one."""
    last_row = front.shape[0] - 1
    last_column = front.shape[1] - 1
    x, y = Window.of(front.shape).grid()
    x = x + flow[0]
    y = y + flow[1]
    within = (x >= 0) & (y >= 0)
    within &= (x <= last_column) & (y <= last_row)
    column = np.clip(np.rint(x), 0, last_column)
    row = np.clip(np.rint(y), 0, last_row)
    seen_there = there[row.astype(np.intp), column.astype(np.intp)]
    return np.asarray(within & (seen_there == front))
