"""A chart on 24 megapixels read from a stored picture, against one read from all of its light.

``python -m tests.speed chart``. Ours finds the chart in a reduced picture and reads its
fields alone; the peer has the linear light of every pixel and finds it there. The difference is the
largest relative one of all MTF50.
"""

from functools import lru_cache, partial

import cv2
import numpy as np

from defocus.charts.linear_light import StoredLight, linear_light
from defocus.charts.reading.read import ChartReading, read_chart
from defocus.charts.sheet.layout import HEIGHT, WIDTH, make_sheet
from defocus.charts.sheet.raster import photographed
from defocus.errors import ImageError
from defocus.images import Image, as_integer, linear_to_srgb
from tests.speed.case import Case, CaseOutcome, ours_and_peer
from tests.speed.measuring import Work

__all__ = ["CASES", "difference", "of_fields", "of_whole_picture", "picture"]

SIZE = (6000, 4000)
BLUR_SHARE = 1e-3
"""Standard deviation of the blur over the width."""


@lru_cache(maxsize=1)
def picture(size: tuple[int, int] = SIZE) -> Image:
    """A chart in perspective that fills a picture of 8 bits, blurred."""
    width, height = size
    sheet = np.array([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)], np.float32)
    places = np.array([(0.03, 0.03), (0.97, 0.02), (0.98, 0.97), (0.03, 0.98)], np.float32) * size
    homography = cv2.getPerspectiveTransform(sheet, np.asarray(places, np.float32))
    light = photographed(make_sheet(), np.asarray(homography, np.float64), width, height)
    blurred = cv2.GaussianBlur(light, (0, 0), BLUR_SHARE * width)
    return as_integer(linear_to_srgb(np.asarray(blurred, np.float64)), 8)


def of_fields(stored: Image) -> ChartReading | None:
    """Read the chart where it is."""
    return read_chart(StoredLight(stored))


def of_whole_picture(stored: Image) -> ChartReading | None:
    """Read the chart in the light of every pixel."""
    return read_chart(linear_light(stored))


def _ours() -> Work:
    return partial(of_fields, picture())


def _peer() -> Work:
    return partial(of_whole_picture, picture())


def difference(size: tuple[int, int] = SIZE) -> float:
    """Largest relative difference of the MTF50 of all edges.

    Raises:
        ImageError: The chart is not found by one.
    """
    ours, peer = of_fields(picture(size)), of_whole_picture(picture(size))
    if ours is None or peer is None:
        raise ImageError("the chart is not found")
    return float(np.abs(ours.mtf50s() / peer.mtf50s() - 1).max())


def _measure() -> CaseOutcome:
    return ours_and_peer(_ours, _peer, difference)


CASES = (Case("chart", 1.3, 0.01, _measure),)
