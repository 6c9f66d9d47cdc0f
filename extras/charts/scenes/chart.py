"""The printed chart in front of the simulated camera."""

import cv2
import numpy as np

from defocus.capture.simulation.scene import SimulatedScene
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, make_sheet
from defocus.extras.charts.sheet.raster import photographed
from defocus.scene.layers import Layer

CHART_LIGHT = 0.5
"""Light on the chart, relative to that on the other scenes."""


def _chart(
    random: np.random.Generator,
    width: int,
    height: int,
    margin: int,
) -> list[Layer]:
    """The printed chart on a wall in perspective; paper clips at twice the reference exposure."""
    depth = float(
        random.choice([random.uniform(1500, 1750), random.uniform(2350, 2900)])
    )
    corners = np.array([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)], np.float32)
    inner = np.array([width - 2 * margin, height - 2 * margin])
    unit = np.array([(0.05, 0.05), (0.95, 0.05), (0.95, 0.95), (0.05, 0.95)])
    places = margin + inner * (unit + random.uniform(-0.03, 0.03, (4, 2)))
    homography = cv2.getPerspectiveTransform(corners, places.astype(np.float32))
    light = photographed(
        make_sheet(),
        np.asarray(homography, np.float64),
        width,
        height,
    )
    return [Layer(CHART_LIGHT * light, np.ones((height, width)), depth)]


SCENE = SimulatedScene("chart", _chart)
