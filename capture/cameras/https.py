"""A camera that serves pictures over HTTPS; see :mod:`defocus.capture.cameras.http`."""

from defocus.capture.cameras.http import discover, open_camera, open_inside

__all__ = ["discover", "open_camera", "open_inside"]
