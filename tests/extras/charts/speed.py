"""A chart on 24 megapixels read from a stored picture, against one read from all of its light.

Ours finds the chart in a reduced picture and reads its fields alone; the peer has the linear light
of every pixel and finds it there.
"""

from functools import lru_cache, partial
from unittest.mock import patch

import cv2
import numpy as np

from defocus.edges.linear_light import linear_light
from defocus.extras.charts.reading.read import ChartReading, read_chart
from defocus.extras.charts.reading.stored_light import StoredLight
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, make_sheet
from defocus.extras.charts.sheet.raster import photographed
from defocus.pictures.values import Image, as_integer, linear_to_srgb
from tests.speed.case import Case

SIZE, SMALL = (6000, 4000), (1100, 770)
BLUR_SHARE = 1e-3
"""Standard deviation of the blur over the width."""


@lru_cache(maxsize=1)
def _picture(size: tuple[int, int]) -> Image:
    """A chart in perspective that fills a picture of 8 bits, blurred."""
    width, height = size
    sheet = np.array([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)], np.float32)
    places = (
        np.array([(0.03, 0.03), (0.97, 0.02), (0.98, 0.97), (0.03, 0.98)], np.float32)
        * size
    )
    homography = cv2.getPerspectiveTransform(sheet, np.asarray(places, np.float32))
    light = photographed(
        make_sheet(), np.asarray(homography, np.float64), width, height
    )
    blurred = cv2.GaussianBlur(light, (0, 0), BLUR_SHARE * width)
    return as_integer(linear_to_srgb(np.asarray(blurred, np.float64)), 8)


def _of_fields(stored: Image) -> ChartReading | None:
    return read_chart(StoredLight(stored))


def _of_whole_picture(stored: Image) -> ChartReading | None:
    return read_chart(linear_light(stored))


def _difference() -> float:
    """Of the MTF50 of all edges, found in a picture that is reduced by two, as large ones are."""
    with patch("defocus.extras.charts.reading.read.ENOUGH_PX", 1000):
        fields, peer = _of_fields(_picture(SMALL)), _of_whole_picture(_picture(SMALL))
    assert fields is not None
    assert peer is not None
    return float(np.abs(fields.mtf50s() / peer.mtf50s() - 1).max())


CASES = (
    Case(
        "chart",
        lambda: partial(_of_fields, _picture(SIZE)),
        lambda: partial(_of_whole_picture, _picture(SIZE)),
        _difference,
        0.01,
        target=1.3,
    ),
)
