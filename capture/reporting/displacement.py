"""Arrows of the measured displacement between the two pictures of a pair."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.reports.plots.overlay import displacement_arrows
from defocus.scene.geometry import Similarity

__all__ = ["displacement_overlay", "measured_similarity"]

LARGEST_SHIFT_PX = 10_000.0
ZOOMS = (0.5, 2.0)


def measured_similarity(entry: Mapping[str, Any]) -> Similarity | None:
    """Blurry to sharp similarity of an untrusted ``pair.json``, px; None if it is implausible."""
    try:
        told = entry["quality"]["misalignment"]
        x, y = (float(value) for value in told["shift_px"])
        zoom, rotation_deg = float(told["zoom"]), float(told["rotation_deg"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    possible = math.hypot(x, y) <= LARGEST_SHIFT_PX and ZOOMS[0] <= zoom <= ZOOMS[1]
    return Similarity(zoom, rotation_deg, (x, y)) if possible and abs(rotation_deg) <= 180 else None


def displacement_overlay(
    model: Similarity, size: tuple[int, int], pixels: float
) -> tuple[str, NDArray[np.uint8]]:
    """Arrows and their label from blurry to sharp, RGBA, ``pixels`` of the original per px."""
    height, width = size
    x, y = model.shift_px
    shown = Similarity(model.zoom, model.rotation_deg, (x / pixels, y / pixels))
    factor, arrows = displacement_arrows(shown.flow(width, height))
    return f"Displacement × {factor}", arrows
