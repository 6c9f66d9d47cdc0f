"""Camera connection of the page: open, lose and reopen cameras."""

import contextlib
import time
from collections.abc import Callable

from defocus.capture.taking.shots.rig import SessionCameras
from defocus.errors import CameraError
from defocus.progress import say

RETRY_SECONDS = 2.0

RigOpener = Callable[[], contextlib.AbstractContextManager[SessionCameras]]


class CameraSlot:
    """Holds the open cameras (None if lost or not opened yet); used by a single thread."""

    def __init__(self, opener: RigOpener) -> None:
        self.rig: SessionCameras | None = None
        self._opener = opener
        self._opened = contextlib.ExitStack()
        self._tried_at = 0.0

    def open(self) -> SessionCameras:
        """The cameras, opened if needed."""
        if self.rig is None:
            self._tried_at = time.monotonic()
            self.rig = self._opened.enter_context(self._opener())
        return self.rig

    @property
    def due(self) -> bool:
        """Whether there is no camera and the last attempt to open one was two seconds ago."""
        return self.rig is None and time.monotonic() - self._tried_at >= RETRY_SECONDS

    def close(self) -> None:
        """Restore the cameras' settings and release them, if they still answer."""
        self._tried_at = time.monotonic()
        self.rig = None
        try:
            self._opened.close()
        except CameraError as error:
            say(f"the camera could not be closed: {error}")
