"""Leaves of a chart are drawn once for all tests of a process.

A chart has thousands, which every reading of a picture draws again: half of the time of its tests.
"""

from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.extras.charts.reading import patterns
from defocus.extras.charts.sheet.parts import LeavesSquare, part_shapes
from defocus.scene.shapes import draw_shapes


@lru_cache(maxsize=24)
def _drawn(
    square: LeavesSquare,
    origin: tuple[float, float],
    size: tuple[int, int],
    px_per_mm: float,
) -> NDArray[np.uint8]:
    canvas = draw_shapes(part_shapes(square), origin, size, px_per_mm)
    canvas.flags.writeable = False
    return canvas


@pytest.fixture(scope="session", autouse=True)
def leaves_drawn_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patterns, "part_shapes", lambda square: square)
        patch.setattr(patterns, "draw_shapes", _drawn)
        yield
