"""Ctrl-C during a shot: the first lets it finish, the second stops at once."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["finished_first"]

SAID = b"finishing the shot that is being taken; Ctrl-C once more ends at once\n"
STDERR = 2


@contextlib.contextmanager
def finished_first() -> Iterator[None]:
    """Delay the first Ctrl-C until the block is finished; a second one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = False

    def press(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        with contextlib.suppress(OSError):
            os.write(STDERR, SAID)  # a handler may not wait for the locks of sys.stderr

    before = signal.signal(signal.SIGINT, press)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
