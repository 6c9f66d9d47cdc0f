"""Stop signals: of a scheduler near its time limit, the system, a closed terminal or Ctrl-C."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from defocus.errors import InterruptedWorkError

SIGNALS = (
    "SIGTERM",
    "SIGHUP",
    "SIGUSR2",
    "SIGINT",
)
"""Signals that end a training. SLURM sends SIGUSR2 some time before it ends a job. Windows lacks
SIGHUP and SIGUSR2."""


class StopAsked:
    """Whether this process has received a stop signal, by its truth value."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.signal = ""

    def __bool__(self) -> bool:
        return bool(self.signal)

    def receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        """Record a signal; a second Ctrl-C ends the work at once."""
        self.signal = signal.Signals(number).name
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            # a print could be in the middle of another one
            with contextlib.suppress(OSError):
                os.write(2, f"\n{self.answer}\n".encode())


@contextlib.contextmanager
def stop_asked(answer: str) -> Iterator[StopAsked]:
    """Record stop signals while the block runs; the block must check, save and end."""
    # Outside the main thread nothing is recorded: Python delivers signals to the main thread only.
    # ``answer`` is said at the first Ctrl-C.
    stop = StopAsked(answer)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    existing = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    # ``nohup`` ignores the end of the terminal
    numbers = [one for one in existing if signal.getsignal(one) is not signal.SIG_IGN]
    foreign = signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    if foreign and signal.SIGINT in numbers:
        numbers.remove(signal.SIGINT)
    before = {number: signal.signal(number, stop.receive) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stop:
        raise InterruptedWorkError("stopped; run the same command again to continue")
