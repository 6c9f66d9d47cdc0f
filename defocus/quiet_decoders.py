"""Silence for the libraries that decode pictures: a damaged file is reported once."""

import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _QuietDecoders:
    """Silences OpenCV and the libraries below it, which write to the process's standard error."""

    # Several threads may decode at once: the first takes the standard error away, the last one
    # gives it back.

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._kept = -1
        self._level = 0

    def __enter__(self) -> None:
        import cv2

        log = cv2.utils.logging
        with self._lock:
            if self._inside == 0:
                self._level = log.getLogLevel()
                log.setLogLevel(log.LOG_LEVEL_SILENT)
                self._kept = _standard_error_to_nothing()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        import cv2

        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                cv2.utils.logging.setLogLevel(self._level)
                if self._kept >= 0:
                    os.dup2(self._kept, 2)
                    os.close(self._kept)

    @contextmanager
    def heard(self) -> Iterator[list[str]]:
        """The lines that decoders print in the block, complete at its end; other threads wait."""
        import cv2

        log = cv2.utils.logging
        lines = list[str]()
        with self._lock, tempfile.TemporaryFile() as said:
            level = log.getLogLevel()
            kept = _standard_error_to_nothing()
            try:
                if kept >= 0:
                    log.setLogLevel(log.LOG_LEVEL_WARNING)
                    os.dup2(said.fileno(), 2)
                yield lines
            finally:
                log.setLogLevel(level)
                if kept >= 0:
                    os.dup2(kept, 2)
                    os.close(kept)
                said.seek(0)
                lines += said.read().decode(errors="replace").splitlines()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Let this program print a message: standard error leads meanwhile where it led before."""
        # Else what one thread says would be lost while another one decodes.
        with self._lock:
            silenced = self._inside > 0 and self._kept >= 0
            if silenced:
                os.dup2(self._kept, 2)
            try:
                yield
            finally:
                if silenced:
                    lead_to_nothing(2)


def _standard_error_to_nothing() -> int:
    """A copy of the standard error, which leads nowhere from now on; -1 if there is none."""
    try:
        kept = os.dup(2)
    except OSError:  # a process that was started without one
        return -1
    lead_to_nothing(2)
    return kept


def lead_to_nothing(descriptor: int) -> None:
    """Let a descriptor, open or not, lead to an empty file that takes all and keeps nothing."""
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing != descriptor:
        os.dup2(nothing, descriptor)
        os.close(nothing)
    os.set_inheritable(descriptor, True)


QUIET = _QuietDecoders()
"""The only instance of this process."""

# else its lines go there too
logging.getLogger("tifffile").addHandler(logging.NullHandler())
