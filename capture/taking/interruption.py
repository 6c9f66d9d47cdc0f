"""Messages for a session that ends before its last pair."""

import contextlib
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.journal import Listener, Record
from defocus.errors import InterruptedWorkError, StorageError
from defocus.progress import say

__all__ = ["continuation_hint", "until_pipe_closes"]


@contextlib.contextmanager
def continuation_hint(folder: SessionFolder, path: Path) -> Iterator[None]:
    """At an interruption or on a full disk, print the command that continues the session.

    ``InterruptedWorkError`` replaces ``KeyboardInterrupt``; an import repeats the same command."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort) as stop:
        advice = _advice(folder, path)
        if advice is None:
            raise
        raise InterruptedWorkError(f"interrupted; {advice}") from stop
    except StorageError:
        advice = _advice(folder, path)
        if advice is not None:
            say(advice)
        raise


def _advice(folder: SessionFolder, path: Path) -> str | None:
    """Advice for continuing a session; None if 'resume' does not apply."""
    state = folder.state
    resume = f"'defocus-capture resume {shlex.quote(str(path))}'"
    if any(chart.read is None for chart in state.charts.values()):
        return f"{resume} reads the chart that was shot"
    if not state.shoots or any(state.shoots[p.shoot].imported for p in state.incomplete):
        return None
    if not state.incomplete:
        return None if state.shoots[-1].imported else "every planned pair is complete"
    left = len(state.incomplete)
    return f"{resume} shoots the {'pair that is' if left == 1 else f'{left} pairs that are'} left"


def until_pipe_closes(write: Callable[[Record], None]) -> Listener:
    """Write journal lines until the pipe is closed, as by ``| head``; shooting continues."""
    reading = True

    def tell(record: Record) -> None:
        nonlocal reading
        if not reading:
            return
        try:
            write(record)
        except BrokenPipeError:
            reading = False
            say("stdout was closed; the session's journal.jsonl has every line")

    return tell
