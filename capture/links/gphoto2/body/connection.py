"""The open body: what it tells of by itself, and how long that may take.

libgphoto2 keeps values until an event is read, and a file that nobody waited for is reported at the
next chance. So whoever reads, sets or releases lets the body speak out first.
"""

import time
from collections.abc import Callable
from typing import Any

from defocus.capture.camera import CardFile
from defocus.capture.links.gphoto2.body.delivery import Told

__all__ = ["NOT_THERE", "OpenBody", "RequestRefusedError"]

NOT_THERE = (-2, -6)
"""Codes of an entry that is not there: bad parameters, not supported. Many bodies give the first
one too where they are busy, where a value is refused or where an entry is read-only."""

BREATH_SECONDS = 0.05
"""No event for so long: the body has nothing more to say now."""

SPEAK_OUT_SECONDS = 3.0
"""How long a body may go on telling of changed settings before it is interrupted."""


class RequestRefusedError(Exception):
    """A request that must not reach the library, or that it answered with an error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class OpenBody:
    """A body and the binding that holds it; ``untaken`` are files that nobody waited for."""

    def __init__(
        self,
        gp: Any,  # noqa: ANN401 - a module without types
        camera: Any,  # noqa: ANN401 - its camera
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.gp, self.camera, self.clock = gp, camera, clock
        self.untaken: list[CardFile] = []

    def listen(self, seconds: float) -> Told:
        """The next thing that the body tells of, within a time."""
        gp = self.gp
        try:
            kind, data = self.camera.wait_for_event(max(1, round(seconds * 1000)))
        except gp.GPhoto2Error as error:
            if error.code != gp.GP_ERROR:
                raise
            return Told("other")  # some bodies deny access to what an event is about
        if kind == gp.GP_EVENT_FILE_ADDED:
            return Told("file", (data.folder, data.name))
        if kind == gp.GP_EVENT_CAPTURE_COMPLETE:
            return Told("complete")
        return Told("nothing" if kind == gp.GP_EVENT_TIMEOUT else "other")

    def hear_out(self, seconds: float = SPEAK_OUT_SECONDS) -> None:
        """Let the body say what it has to say; files that it tells of are kept for later."""
        deadline = self.clock() + seconds
        while self.clock() < deadline:
            told = self.listen(BREATH_SECONDS)
            if told.kind == "nothing":
                return
            if told.file is not None and told.file not in self.untaken:
                self.untaken.append(told.file)
