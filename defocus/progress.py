"""Messages and progress on stderr: bars on a terminal, elsewhere a line a minute."""

import contextlib
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from defocus.errors import storage_error
from defocus.quiet_decoders import QUIET

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = [
    "MessageSettings",
    "counted",
    "describe",
    "end_bars",
    "grouped",
    "log",
    "open_log",
    "printable",
    "say",
    "several",
    "status",
    "telling",
    "track",
]

T = TypeVar("T")

FEW = 3
"""So many findings of one kind have a line each."""
LINE_EVERY_S = 60.0
"""Where stderr is no terminal."""


@dataclass
class MessageSettings:
    """Settings for messages of this process, set once by the command line."""

    # ``bars`` is whether ``track`` shows the progress; worker processes leave that to their
    # parent.

    quiet: bool = False
    verbose: bool = False
    color: Literal["auto", "always", "never"] = "auto"
    log_file: Path | None = None
    bars: bool = True


telling = MessageSettings()

_BARS: "list[Progress]" = []
_TASKS: "list[TaskID]" = []
"""What is shown now, the outermost first."""


def open_log(path: Path) -> None:
    """Append a copy of all further messages to a file."""
    telling.log_file = path.absolute()
    try:
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise storage_error(error, path) from error


def log(text: str) -> None:
    """Write lines to the log file, if there is one; a full disk does not stop the work."""
    if telling.log_file is None:
        return
    time = datetime.now().astimezone().isoformat(timespec="milliseconds")
    with (
        contextlib.suppress(OSError),
        telling.log_file.open("a", encoding="utf-8", errors="backslashreplace") as stream,
    ):
        stream.writelines(f"{time} {line}\n" for line in text.splitlines())


def track(
    items: Iterable[T], description: str, total: int | None = None, *, lines: bool = True
) -> Iterator[T]:
    """Yield ``items`` while a bar on stderr shows the progress and the time left."""
    # Work inside of other work has its bar below that one's. Where stderr is no terminal, the
    # outermost work prints a line every ``LINE_EVERY_S`` seconds, unless ``lines`` is off.
    if not telling.bars:
        yield from items
        return
    size = total if total is not None or not isinstance(items, Sized) else len(items)
    with _shown() as bars:
        task = bars.add_task(description, total=size)
        _TASKS.append(task)
        counted_items = _advancing(items, bars, task)
        if lines and bars.disable and len(_TASKS) == 1:
            counted_items = _in_lines(counted_items, description, size)
        try:
            yield from counted_items
        finally:
            if task in _TASKS:
                _TASKS.remove(task)
                bars.remove_task(task)


def _advancing(items: Iterable[T], bars: "Progress", task: "TaskID") -> Iterator[T]:
    """Yield ``items`` and advance a bar."""
    # rich's own way has a thread that is waited for in the end. Work that fails ends when Python
    # collects it, perhaps inside of a call that holds the bars' lock, and then both waited for
    # ever.
    for item in items:
        yield item
        bars.advance(task)


def _in_lines(items: Iterable[T], description: str, total: int | None) -> Iterator[T]:
    """Yield ``items``; now and then a line says how many are done and how long the rest takes."""
    began = told = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - told >= LINE_EVERY_S and done != total:
            told = now
            rest = ""
            if total is not None:
                rest = f" of {total}, {_span((now - began) / done * (total - done))} left"
            say(f"{description}: {done}{rest}")


def _span(seconds: float) -> str:
    """A length of time in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def describe(text: str) -> None:
    """Change the words of the innermost bar, if there is one."""
    if _BARS and _TASKS:
        _BARS[-1].update(_TASKS[-1], description=text)


@contextlib.contextmanager
def _shown() -> "Iterator[Progress]":
    """The bars on the screen: those that are there already, else new ones."""
    if _BARS:
        yield _BARS[-1]
        return
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, no_color=telling.color == "never" or None)
    hidden = telling.quiet or not console.is_terminal
    with Progress(console=console, transient=True, disable=hidden) as bars:
        _BARS.append(bars)
        try:
            yield bars
        finally:
            if bars in _BARS:
                _BARS.remove(bars)
                _TASKS.clear()  # also those of work that was left in the middle


def end_bars() -> None:
    """Take the bars of failed work off the screen."""
    # The error's traceback holds the variables of that work, an iterator of ``track`` among
    # them, which would end with the error only.
    while _BARS:
        _BARS.pop().stop()
    _TASKS.clear()


def grouped(findings: Iterable[tuple[str, str]], of: int, thing: str) -> list[str]:
    """Lines ``NAME: TEXT``; texts that differ in numbers alone share a line that counts them."""
    alike: dict[str, list[tuple[str, str]]] = {}
    for name, text in findings:
        alike.setdefault(re.sub(r"\d+(\.\d+)?", "#", text), []).append((name, text))
    lines = []
    for members in alike.values():
        name, text = members[0]
        told = f": {text}" if text else ""
        if len(members) <= FEW:
            lines += [f"{name}: {text}" if text else name for name, text in members]
        elif text and len(members) == of and len({text for _, text in members}) == 1:
            lines.append(f"all {of}{told}")
        else:
            share = f"{len(members)} of " if len(members) < of else ""
            lines.append(f"{share}{counted(of, thing)}, such as {name}{told}")
    return lines


def several(names: Sequence[str]) -> str:
    """The first few names, and how many more there are: ``a, b, c and 2 more``."""
    more = len(names) - FEW
    return ", ".join(names[:FEW]) + (f" and {more} more" if more > 0 else "")


def counted(number: int, thing: str) -> str:
    """A number with its noun, in singular or with an s in plural."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    r"""A text in one line; control characters are escaped, such as ``\n``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(message: str, *, error: bool = False) -> None:
    """Print one line on stderr, with control characters escaped; errors even with ``--quiet``."""
    import click

    safe = printable(message)
    log(safe)
    if telling.quiet and not error:
        return
    # the work goes on when nobody reads of it
    with contextlib.suppress(BrokenPipeError), QUIET.lifted():
        shown = _STATUS[0]
        status("")
        click.echo(safe, err=True)
        status(shown)


_STATUS = [""]
"""The line that stands below all messages now."""


SHORTEST_NAME_CELLS = 10


def _fitting(text: str, name: str, cells: int) -> str:
    """A text of at most so many cells of a terminal; characters of East Asia take two."""
    from rich.cells import cell_len, set_cell_size

    too_many, of_name = cell_len(text) - cells, cell_len(name)
    if too_many > 0 and of_name > SHORTEST_NAME_CELLS:
        kept = set_cell_size(name, max(of_name - too_many, SHORTEST_NAME_CELLS) - 1)
        text = text.replace(name, f"{kept.rstrip()}…", 1)
    return text if cell_len(text) <= cells else set_cell_size(text, cells)


def status(text: str, name: str = "") -> None:
    """Show a line below all messages, in place of the one before; only on a terminal."""
    # It is cut at the terminal's width; ``name`` in it is shortened first.
    import click

    shown = _fitting(printable(text), printable(name), shutil.get_terminal_size().columns - 1)
    if shown == _STATUS[0] or telling.quiet or not sys.stderr.isatty():
        return
    _STATUS[0] = shown
    with contextlib.suppress(BrokenPipeError):
        click.echo(f"\r\x1b[K{shown}", nl=False, err=True)
