"""Stop signals: from a scheduler near its time limit, the system or ``kill``."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["StopAsked", "stop_asked"]

SIGNALS = ("SIGTERM", "SIGUSR2")
"""The second is what SLURM sends some time before it ends a job; Windows does not have it."""


class StopAsked:
    """Whether this process has been told to stop since the block began; true or false."""

    def __init__(self) -> None:
        self.signal = ""

    def __bool__(self) -> bool:
        return bool(self.signal)

    def receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        """Note a signal."""
        self.signal = signal.Signals(number).name


@contextlib.contextmanager
def stop_asked() -> Iterator[StopAsked]:
    """While the block runs, signals to end are noted; the block must look, save and end.

    Outside the main thread nothing is recorded: Python delivers signals to the main thread only.
    """
    asked = StopAsked()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, asked.receive) for number in numbers}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
