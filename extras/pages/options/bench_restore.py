"""``defocus-bench restore --page``."""

from defocus.extras.pages.options.restore import ADDED

__all__ = ["ADDED"]
