"""The page of comparisons opens in the browser of the core's tests."""

from tests.browser.conftest import browser, open_page

__all__ = ["browser", "open_page"]
