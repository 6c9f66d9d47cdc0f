"""What tests of the chart share."""

from tests.charts.printed import leaves_drawn_once

__all__ = ["leaves_drawn_once"]
