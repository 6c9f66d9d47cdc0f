"""Ctrl-C, SIGTERM and a closed terminal end the work in the same way, and none is lost."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

AGAIN_SECONDS = 0.05
"""Seconds after which a lost Ctrl-C is pressed again: what swallowed it has returned by then."""


ENDING = ("SIGTERM", "SIGHUP", "SIGUSR2")
"""Signals that end a program: of other programs, of a terminal that is closed, and of SLURM some
time before it ends a job. Windows has the first alone."""


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let the other ending signals end the work like Ctrl-C does, so that all is put back."""
    # What is ignored stays ignored: ``nohup`` does that with SIGHUP.

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    heard = [one for one in numbers if signal.getsignal(one) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def heard_interrupts() -> Iterator[None]:
    """Run a program so that no Ctrl-C is lost and SIGTERM ends it with the same words."""
    # Outside the main thread there are no signals; who ignores SIGTERM, or has a handler, keeps
    # that.
    with lost_interrupts_again(), _terminated():
        yield


def nothing() -> None:
    """Prepare nothing."""


@contextlib.contextmanager
def lost_interrupts_again(prepare: Callable[[], None] = nothing) -> Iterator[None]:
    """Send an interrupt that was lost once more, after a preparation in the main thread."""
    # Python prints what a callback or a destructor raises, and goes on.
    before = sys.unraisablehook

    def hear(unraisable: Any) -> None:  # noqa: ANN401 - the interpreter's, without a public name
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            before(unraisable)
            return
        prepare()
        left = threading.Event()
        threading.Thread(
            target=_press_again,
            args=(left,),
            daemon=True,
        ).start()
        left.set()

    sys.unraisablehook = hear
    try:
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
    os.kill(os.getpid(), signal.SIGINT if _hears_ctrl_c() else signal.SIGTERM)


def _hears_ctrl_c() -> bool:
    """Whether Ctrl-C ends this program; if not, SIGTERM does."""
    # A shell ignores it for what it starts in the background, and workers have it blocked.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return False
    mask = getattr(signal, "pthread_sigmask", None)  # Windows has none
    return mask is None or signal.SIGINT not in mask(signal.SIG_BLOCK, ())
