"""What tests of the chart share."""

from tests.browser.conftest import browser, open_page
from tests.extras.charts.printed import leaves_drawn_once

__all__ = ["browser", "leaves_drawn_once", "open_page"]
