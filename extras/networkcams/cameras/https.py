"""As ``http:``, but encrypted: ``https://user@host/snap.jpg``."""

from defocus.extras.networkcams.cameras.http import open_camera, open_inside

__all__ = ["open_camera", "open_inside"]
