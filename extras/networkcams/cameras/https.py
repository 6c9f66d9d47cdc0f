"""As ``http:``, but encrypted: ``https://user@host/snap.jpg``."""

from defocus.extras.networkcams.cameras.http import discover, open_camera, open_inside

__all__ = ["discover", "open_camera", "open_inside"]
