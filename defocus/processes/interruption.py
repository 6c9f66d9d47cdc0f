"""Ctrl-C and SIGTERM: both end the work in the same way, and neither is lost."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

AGAIN_SECONDS = 0.05
"""Seconds after which a lost Ctrl-C is pressed again: what swallowed it has returned by then."""


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM and SIGUSR2 end the work like Ctrl-C does, so that all is put back."""
    # The second is what SLURM sends some time before it ends a job; Windows does not have it.

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    names = [name for name in ("SIGTERM", "SIGUSR2") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), interrupt) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


@contextlib.contextmanager
def heard_interrupts() -> Iterator[None]:
    """What a program does, so that no Ctrl-C is lost and SIGTERM ends it with the same words."""
    # Python prints what a callback or a destructor raises, and goes on. An interrupt that comes
    # there is sent once more. Outside the main thread there are no signals; who ignores SIGTERM,
    # or has a handler, keeps that.
    before = sys.unraisablehook

    def hear(unraisable: Any) -> None:  # noqa: ANN401 - the interpreter's, without a public name
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            before(unraisable)
            return
        left = threading.Event()
        threading.Thread(
            target=_press_again,
            args=(left,),
            daemon=True,
        ).start()
        left.set()

    sys.unraisablehook = hear
    try:
        with _terminated():
            yield
    finally:
        sys.unraisablehook = before


def _terminated() -> contextlib.AbstractContextManager[None]:
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        return terminated_as_interrupted()
    return contextlib.nullcontext()


def _press_again(left: threading.Event) -> None:
    left.wait()  # in the hook it would be lost as well
    time.sleep(AGAIN_SECONDS)
    os.kill(os.getpid(), signal.SIGINT)
