"""Pages open in the browser of the core's tests, and cameras are those of the capture's tests."""

from tests.browser.conftest import browser, open_page
from tests.capture.conftest import own_home, virtual_folder

__all__ = ["browser", "open_page", "own_home", "virtual_folder"]
