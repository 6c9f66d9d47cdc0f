"""Calibration targets of the simulated camera."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defocus.capture.camera import Target
from defocus.scene.layers import Layer

__all__ = ["GREY_CARD", "target_layers"]

GREY_CARD = 0.18
"""Reflectance of a grey card."""

FLAT = 0.5
CARD_SHARE = 0.5
"""Side of the grey card over that of the picture."""

DISC_SHARE = 0.08

HELD_AT_MM = 2000.0
CELL_PX = 3


def target_layers(
    target: Target, scene: Sequence[Layer], distance_mm: float, seed: int, travelled_px: float
) -> list[Layer]:
    """The layers of a target, as large as the scene's; a disc starts again at the right border."""
    height, width = scene[0].alpha.shape
    everywhere = np.ones((height, width))
    if target == "flat":
        return [Layer(np.full((height, width, 3), FLAT), everywhere, HELD_AT_MM)]
    if target == "chart":
        return [Layer(_chart(width, height, seed), everywhere, distance_mm)]
    if target == "moving":
        chart = Layer(_chart(width, height, seed), everywhere, distance_mm)
        disc = _disc(width, height, travelled_px)
        return [chart, Layer(np.ones((height, width, 3)), disc, distance_mm - 1.0)]
    card = np.zeros((height, width))
    rows, columns = round(height * CARD_SHARE / 2), round(width * CARD_SHARE / 2)
    card[height // 2 - rows : height // 2 + rows, width // 2 - columns : width // 2 + columns] = 1
    # Nothing stands before the card: it is nearer than the nearest object.
    nearest_mm = min(layer.depth_mm for layer in scene)
    grey = np.full((height, width, 3), GREY_CARD)
    return [*scene, Layer(grey, card, min(HELD_AT_MM, nearest_mm - 1.0))]


def _chart(width: int, height: int, seed: int) -> NDArray[np.float64]:
    """Chart of random grey cells of a few pixels, with detail in all directions."""
    random = np.random.default_rng([seed, 0xC4A7])
    cells = random.uniform(0.15, 0.75, (height // CELL_PX + 1, width // CELL_PX + 1))
    fine = np.repeat(np.repeat(cells, CELL_PX, axis=0), CELL_PX, axis=1)[:height, :width]
    return np.repeat(fine[:, :, None], 3, axis=2)


def _disc(width: int, height: int, travelled_px: float) -> NDArray[np.float64]:
    """Alpha of an anti-aliased disc at a distance from the left border."""
    y, x = np.mgrid[0:height, 0:width]
    radius = np.hypot(x - travelled_px % width, y - height / 2)
    return np.asarray(np.clip(DISC_SHARE * height - radius + 0.5, 0.0, 1.0))
