"""Newest frame of a video; a thread reads continuously, so that no old frame is buffered.

A frame is of after a moment only if its time stamp and our clock agree: servers freeze."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

from defocus.errors import CameraError, CameraNotFoundError
from defocus.images import Image
from defocus.progress import say

STALL_SECONDS = 2.0
"""Without a newer frame for so long, a video counts as stalled."""

WARM_UP_SECONDS = 0.5
"""What comes first after opening may have waited in the camera."""

WINDOW_SECONDS = 30.0
"""How long the quickest frame is remembered; the clocks of camera and computer drift apart."""

LATENCY_SECONDS = 0.5
"""What encoder and network hold back of even the quickest frame, generously."""

OPEN_MS = 8000
READ_MS = 2000

POSITION_MS = 0  # cv2.CAP_PROP_POS_MSEC


class Video(Protocol):
    """The part of ``cv2.VideoCapture`` that we use."""

    def read(self) -> tuple[bool, Any]:
        """Whether there was a frame, and the frame in BGR."""
        ...

    def get(self, property_id: int) -> float:
        """A property, such as the time stamp of the last frame in ms."""
        ...

    def release(self) -> None:
        """Close."""
        ...


@dataclass(frozen=True)
class DecodedFrame:
    """A decoded frame; the fastest of a video counts as taken on arrival."""

    pixels: Image  # ``(H, W, 3)`` BGR, uint8, as in OpenCV
    taken: float  # latest possible time, by :func:`time.monotonic`
    stamp: float  # its own time stamp, seconds; 0 if the video has none
    number: int  # since opening, from 1


class NewestFrameReader:
    """Reads a video in a thread and keeps only the last frame; a context manager."""

    def __init__(self, open_it: Callable[[], Video], name: str, *, stall_seconds: float) -> None:
        """Open the video and start reading."""
        self._name, self._stall_seconds = name, stall_seconds
        self._video = open_it()
        self._changed = threading.Condition()
        self._newest: DecodedFrame | None = None
        self._ended = ""
        self._stopped = False
        self._opened = time.monotonic()
        self._lags: deque[tuple[float, float]] = deque()
        self._thread = threading.Thread(target=self._run, name="newest-frame", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading; a hanging read ends by its own time limit."""
        self._stopped = True
        self._thread.join(timeout=2 * READ_MS / 1000)

    def after(self, moment: float) -> DecodedFrame:
        """The first frame that was taken after a moment."""
        deadline = max(moment, time.monotonic()) + self._stall_seconds
        with self._changed:
            while self._newest is None or self._newest.taken <= moment:
                if self._ended:
                    raise CameraError(f"{self._name}: {self._ended}")
                if not self._changed.wait(deadline - time.monotonic()):
                    raise CameraError(
                        f"{self._name}: the video has stalled: no new frame in "
                        f"{self._stall_seconds:g} s; check the camera and its network"
                    )
            return self._newest

    def _run(self) -> None:
        number, last_stamp = 0, -1.0
        while not self._stopped:
            ok, pixels = self._video.read()
            arrived = time.monotonic()
            if not ok or pixels is None:
                self._end("the video ended or gave no frame in time; check the camera")
                break
            stamp = float(self._video.get(POSITION_MS)) / 1000.0
            number += 1
            if stamp > 0 and stamp <= last_stamp:
                continue  # the same frame again: a frozen camera
            last_stamp = stamp
            taken = self._taken(arrived, stamp)
            if arrived - self._opened >= WARM_UP_SECONDS:
                self._put(DecodedFrame(pixels, taken, stamp, number))
        self._video.release()

    def _taken(self, arrived: float, stamp: float) -> float:
        """Arrival minus the frame's delay relative to the fastest one, by its time stamp."""
        if stamp <= 0:
            return arrived
        self._lags.append((arrived, arrived - stamp))
        while self._lags[0][0] < arrived - WINDOW_SECONDS:
            self._lags.popleft()
        return stamp + min(lag for _, lag in self._lags)

    def _put(self, frame: DecodedFrame) -> None:
        with self._changed:
            self._newest = frame
            self._changed.notify_all()

    def _end(self, reason: str) -> None:
        with self._changed:
            self._ended = reason
            self._changed.notify_all()


def open_video(source: str, name: str, api: int, parameters: list[int]) -> Video:
    """Open a video through OpenCV, with time limits; the source may hold a password."""
    import cv2

    limits = (
        [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_MS]
        if api == cv2.CAP_FFMPEG
        else []
    )
    video = cv2.VideoCapture(source, api, limits + parameters)
    if not video.isOpened():
        video.release()
        raise CameraNotFoundError(
            f"{name}: the video cannot be opened; check address, password and camera"
        )
    return video


class VideoSource:
    """A video that is opened on first use, and again after a loss."""

    def __init__(self, open_it: Callable[[], Video], name: str) -> None:
        self._open_it, self._name = open_it, name
        self._reader: NewestFrameReader | None = None

    def frame(self) -> DecodedFrame:
        """A frame of the present view."""
        wanted = time.monotonic() + LATENCY_SECONDS
        if self._reader is not None:
            try:
                return self._reader.after(wanted)
            except CameraError as error:
                say(f"{error}; opening it again")
                self.close()
        self._reader = NewestFrameReader(self._open_it, self._name, stall_seconds=STALL_SECONDS)
        return self._reader.after(wanted)

    def close(self) -> None:
        """Stop reading."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def encoded(frame: DecodedFrame, suffix: str) -> bytes:
    """Encode a frame as ``.png``, without loss, or as ``.jpg``."""
    import cv2

    if frame.pixels.size == 0:
        raise CameraError("the video gave an empty frame; check the camera")
    _, content = cv2.imencode(suffix, frame.pixels)
    return content.tobytes()
