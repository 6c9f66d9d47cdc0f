"""A camera that serves pictures over HTTPS; see :mod:`defocus.extras.networkcams.cameras.http`."""

from defocus.extras.networkcams.cameras.http import discover, open_camera, open_inside

__all__ = ["discover", "open_camera", "open_inside"]
