"""The camera's place at the bench: opened when it answers, lost, and taken up again."""

import time
from collections.abc import Callable

from defocus.capture.cameras.camera import Camera, CameraDescription
from defocus.errors import CameraError
from defocus.progress import say

__all__ = ["CameraSeat"]

RETRY_SECONDS = 2.0


class CameraSeat:
    """Holds the one open camera; used by one thread.

    Attributes:
        description: What the camera said of itself when it was last opened.
        problem: Why there is no camera now; empty where there is one.
    """

    def __init__(self, opener: Callable[[], Camera]) -> None:
        self._opener = opener
        self._camera: Camera | None = None
        self._tried_at = -RETRY_SECONDS
        self.description: CameraDescription | None = None
        self.problem = "not connected yet"

    @property
    def camera(self) -> Camera | None:
        """The open camera, if there is one."""
        return self._camera

    def open(self) -> Camera:
        """The camera, opened where it is not.

        Raises:
            CameraError: No camera answers.
        """
        if self._camera is None:
            self._tried_at = time.monotonic()
            self._camera = self._opener()
            self.description = self._camera.describe()
            self.problem = ""
        return self._camera

    @property
    def due(self) -> bool:
        """Whether there is no camera and the last try to open one is two seconds old."""
        return self._camera is None and time.monotonic() - self._tried_at >= RETRY_SECONDS

    def lose(self, error: Exception) -> None:
        """Let go of a camera that answered with an error; :meth:`open` takes it up again."""
        self.close()
        self.problem = str(error)
        self._tried_at = time.monotonic()

    def close(self) -> None:
        """Put the camera's settings back and release it, as far as it still answers."""
        camera, self._camera = self._camera, None
        if camera is None:
            return
        try:
            camera.close()
        except CameraError as error:
            say(f"the camera could not be closed: {error}")
