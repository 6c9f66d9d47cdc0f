"""Light of paper and of black ink in a picture of the chart."""

import numpy as np
from numpy.typing import NDArray

from defocus.edges.linear_light import grey_of, is_clipped
from defocus.extras.charts.reading.geometry import ChartGeometry
from defocus.extras.charts.reading.stored_light import StoredLight
from defocus.extras.charts.sheet.layout import Sheet
from defocus.extras.charts.sheet.parts import SlantedSquare

Floats = NDArray[np.float64]
Light = Floats | StoredLight

OVEREXPOSED = "the paper is clipped; expose less"
"""Advice that is given if :func:`paper_is_clipped`."""

BESIDE = 0.76
"""Distance of paper from the middle of a black square, over the side of the square."""


def paper_and_ink(
    light: Light,
    sheet: Sheet,
    geometry: ChartGeometry,
) -> tuple[float, float]:
    """Luminance of paper and black ink: medians beside and in the middle of black squares."""
    paper = float(np.median(grey_of(_beside_squares(light, sheet, geometry, BESIDE))))
    ink = float(np.median(grey_of(_beside_squares(light, sheet, geometry, 0.0))))
    return paper, ink


def paper_is_clipped(light: Light, sheet: Sheet, geometry: ChartGeometry) -> bool:
    """Whether at least one colour of the paper is clipped at most of the black squares."""
    return is_clipped(
        np.median(_beside_squares(light, sheet, geometry, BESIDE), axis=0)
    )


def _beside_squares(
    light: Light,
    sheet: Sheet,
    geometry: ChartGeometry,
    off: float,
) -> Floats:
    """``(N, 3)`` light to the right of the black squares' middles, by a share of their side."""
    places = []
    for part in sheet.parts:
        if isinstance(part, SlantedSquare) and part.bright == 1.0:
            x = part.x + off * part.side
            places.append((x, part.y))
    points = np.array(places)
    columns, rows = np.rint(geometry.to_picture(points)).astype(int).T
    seen = (columns >= 0) & (rows >= 0)
    seen &= (columns < light.shape[1]) & (rows < light.shape[0])
    return light[rows[seen], columns[seen]]
