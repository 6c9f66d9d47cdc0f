"""The printed chart in the live view."""

import numpy as np
import pytest

from defocus.extras.charts.sheet.layout import WIDTH, make_sheet
from defocus.extras.charts.sheet.raster import photographed


def test_the_chart_is_sharpest_in_focus():
    scale = 600 / WIDTH
    chart = photographed(make_sheet(), np.diag([scale, scale, 1.0]), 600, 400)
    live = pytest.importorskip(
        "tests.extras.pages.test_live_preview", reason="no pages here"
    )
    live.require_detail_to_rise(0.9 * chart)
