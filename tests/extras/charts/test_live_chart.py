"""The printed chart in the live view."""

import numpy as np

from defocus.extras.charts.sheet.layout import WIDTH, make_sheet
from defocus.extras.charts.sheet.raster import photographed
from tests.capture.test_live_preview import require_sharpness_to_rise


def test_the_chart_is_sharpest_in_focus() -> None:
    scale = 600 / WIDTH
    chart = photographed(make_sheet(), np.diag([scale, scale, 1.0]), 600, 400)
    require_sharpness_to_rise(0.9 * chart)
