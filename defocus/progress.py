"""Messages on stderr, and progress: bars on a terminal or in a notebook, else a line a minute."""

import contextlib
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

from defocus.quiet_decoders import QUIET
from defocus.storage.files import storing
from defocus.terminal import cell_width, cut, padded

T = TypeVar("T")

FEW = 3
"""Number of findings of one kind that get a line each; more are counted in one line."""
LINE_EVERY_S = 60.0
"""Seconds between two lines of progress where stderr is not a terminal."""
DRAWN_EVERY_S = 0.1
BAR_CELLS = 24


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


@dataclass(eq=False)
class _Task:
    """Work that is under way."""

    description: str
    total: int | None
    began: float
    position: int = 0

    @property
    def count(self) -> str:
        """How much is done of how much, and how long the rest takes."""
        if self.total is None:
            return str(self.position)
        count = f"{self.position} of {self.total}"
        left = self.total - self.position
        if not self.position or left <= 0:
            return count
        seconds = time.monotonic() - self.began
        return f"{count}, {span(seconds / self.position * left)} left"

    def bar(self, cells: int, name_cells: int) -> str:
        """A line of a terminal, its name as wide as all names are; the name gives way first."""
        share = min(self.position / self.total, 1.0) if self.total else 0.0
        width = min(BAR_CELLS, cells // 4)
        full = "━" * round(width * share)
        empty = "─" * (width - len(full))
        rest = f" {full}{empty} {self.count}"
        name = padded(printable(self.description), name_cells)
        line = cut(_fitting(f"{name}{rest}", name, cells), cells)
        colours = telling.color != "never" and not os.environ.get("NO_COLOR")
        if full and colours:
            return line.replace(full, f"\x1b[32m{full}\x1b[0m", 1)
        return line


_TASKS: list[_Task] = []
"""Tasks that are under way now, the outermost first."""


def open_log(path: Path) -> None:
    """Append a copy of all further messages to a file."""
    telling.log_file = path.absolute()
    with storing(path), path.open("a", encoding="utf-8"):
        pass


def log(text: str) -> None:
    """Write lines to the log file, if there is one; a full disk does not stop the work."""
    if telling.log_file is None:
        return
    time = datetime.now().astimezone().isoformat(timespec="milliseconds")
    with (
        contextlib.suppress(OSError),
        telling.log_file.open(
            "a",
            encoding="utf-8",
            errors="backslashreplace",
        ) as stream,
    ):
        stream.writelines(f"{time} {line}\n" for line in text.splitlines())


def track(
    items: Iterable[T],
    description: str,
    total: int | None = None,
    *,
    lines: bool = True,
) -> Iterator[T]:
    """Yield ``items`` while a bar on stderr shows the progress and the time left."""
    # Work inside of other work has its bar below that one's. Where stderr is not a terminal, the
    # outermost work prints a line every ``LINE_EVERY_S`` seconds, unless ``lines`` is off.
    size = total if total is not None or not isinstance(items, Sized) else len(items)
    if not telling.bars or size == 0:
        yield from items
        return
    task = _Task(description, size, time.monotonic())
    _TASKS.append(task)
    lines = lines and len(_TASKS) == 1 and not _has_bars()
    spoken = task.began
    try:
        _draw()
        for item in items:
            yield item
            task.position += 1
            now = time.monotonic()
            if now - _drawn[0] >= DRAWN_EVERY_S:
                _draw()
            if lines and now - spoken >= LINE_EVERY_S and task.position != size:
                spoken = now
                say(f"{description}: {task.count}")
    finally:
        if task in _TASKS:
            _TASKS.remove(task)
            _draw()


def span(seconds: float) -> str:
    """A length of time in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def describe(text: str) -> None:
    """Change the words of the innermost bar, if there is one."""
    if _TASKS:
        _TASKS[-1].description = text


def end_bars() -> None:
    """Take the bars of failed work off the screen."""
    # The error's traceback holds the variables of that work, an iterator of ``track`` among
    # them, which would end with the error only.
    _TASKS.clear()
    _draw()


def grouped(
    findings: Iterable[tuple[str, str]],
    of: int,
    thing: str,
) -> list[str]:
    """Lines ``NAME: TEXT``; texts that differ in numbers alone share a line that counts them."""
    alike: dict[str, list[tuple[str, str]]] = {}
    for name, text in findings:
        without_numbers = re.sub(r"\d+(\.\d+)?", "#", text)
        alike.setdefault(without_numbers, []).append((name, text))
    lines = []
    for members in alike.values():
        if len(members) <= FEW:
            lines += [f"{name}: {text}" if text else name for name, text in members]
        else:
            lines.append(_shared_line(members, of, thing))
    return lines


def _shared_line(
    members: Sequence[tuple[str, str]],
    of: int,
    thing: str,
) -> str:
    """One line for many findings whose texts differ in numbers alone."""
    name, text = members[0]
    ending = f": {text}" if text else ""
    if len(members) < of:
        return f"{len(members)} of {counted(of, thing)}, such as {name}{ending}"
    if text and len(members) == of and len({text for _, text in members}) == 1:
        return f"all {of}{ending}"
    return f"{counted(of, thing)}, such as {name}{ending}"


def several(names: Sequence[str]) -> str:
    """The first few names, and how many more there are: ``a, b, c and 2 more``."""
    listed = ", ".join(names[:FEW])
    more = len(names) - FEW
    if more <= 0:
        return listed
    return f"{listed} and {more} more"


def counted(number: int, thing: str) -> str:
    """A number with its noun, in singular or with an s in plural."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def tally(counts: Mapping[Any, int]) -> str:
    """Numbers with their names: ``3 train, 1 test``."""
    return ", ".join(f"{number} {name}" for name, number in counts.items())


def printable(text: str) -> str:
    r"""A text in one line; control characters are escaped, such as ``\n``."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def say(message: str, *, error: bool = False) -> None:
    """Print one line on stderr, with control characters escaped; errors even with ``--quiet``."""
    import click

    safe = printable(message)
    log(safe)
    if telling.quiet and not error:
        return
    # the work goes on when nobody reads of it, as where the terminal was closed
    with contextlib.suppress(OSError), QUIET.lifted(), _LOCK:
        shown = list(_SHOWN)
        if not _in_notebook():
            _show([])
        click.echo(safe, err=True)
        _show(shown)


said_once: set[Hashable] = set()
"""What this process has said and does not say again."""


def say_once(key: Hashable, line: str) -> None:
    """Print one line on stderr, for each key once; a worker leaves that to who gave it work."""
    if key in said_once:
        return
    said_once.add(key)
    if _HELD:
        _HELD[-1].append((key, line))
    else:
        say(line)


def warn_once(text: str) -> None:
    """Print a warning on stderr; the same warning is printed once."""
    say_once(text, f"warning: {text}")


SaidOnce: TypeAlias = tuple[Hashable, str]
"""A line that is said once, and its key."""

_HELD: list[list[SaidOnce]] = []
"""Lines that this worker leaves to the process that gave it work."""


@contextlib.contextmanager
def holding_once() -> Iterator[list[SaidOnce]]:
    """Hold back lines that are said once, as others do the same work; an error lets them out."""
    held: list[SaidOnce] = []
    _HELD.append(held)
    try:
        yield held
    except BaseException:
        for _, line in held:
            say(line)
        raise
    finally:
        _HELD.pop()


def say_held(held: Iterable[SaidOnce]) -> None:
    """Print the lines that a worker has held back, each once."""
    for key, line in held:
        say_once(key, line)


_SHOWN: list[str] = []
"""Lines that are shown below all messages now."""
_STATUS = [""]
_drawn = [0.0]
_LOCK = threading.RLock()


SHORTEST_NAME_CELLS = 10


def _fitting(
    text: str,
    name: str,
    cells: int,
) -> str:
    """A text that fits ``cells`` cells of a terminal, if shortening a name in it is enough."""
    too_many = cell_width(text) - cells
    of_name = cell_width(name)
    if too_many > 0 and of_name > SHORTEST_NAME_CELLS:
        kept = cut(name, max(of_name - too_many, SHORTEST_NAME_CELLS) - 1)
        text = text.replace(name, f"{kept.rstrip()}…", 1)
    return text


def status(text: str, name: str = "") -> None:
    """Show a line below all messages, in place of the one before; only on a terminal."""
    # It is cut at the terminal's width; ``name`` in it is shortened first.
    cells = _columns()
    fitting = _fitting(printable(text), printable(name), cells)
    _STATUS[0] = cut(fitting, cells)
    _draw()


def _columns() -> int:
    return shutil.get_terminal_size().columns - 1


def _on_terminal() -> bool:
    return (
        not telling.quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    )


def _in_notebook() -> bool:
    """Whether this process is the kernel of a Jupyter notebook, which shows what cells display."""
    interactive = sys.modules.get("IPython")  # a kernel has loaded it
    if interactive is None or "ipykernel" not in sys.modules:
        return False
    return getattr(interactive.get_ipython(), "kernel", None) is not None


def _has_bars() -> bool:
    return _on_terminal() or (_in_notebook() and not telling.quiet)


def _draw() -> None:
    """Show the bars and the line of :func:`status`."""
    _drawn[0] = time.monotonic()
    if _has_bars():
        widths = [cell_width(printable(task.description)) for task in _TASKS]
        widest = max(widths, default=0)
        bars = [task.bar(_columns(), widest) for task in _TASKS]
        _show([*bars, *filter(None, _STATUS)])


def _show(lines: list[str]) -> None:
    """Show lines below all messages, in place of those before."""
    import click

    with contextlib.suppress(OSError), _LOCK:
        if lines == _SHOWN:
            return
        if _in_notebook():
            _SHOWN[:] = lines
            _display(lines)
        else:
            back = "\x1b[K" if len(_SHOWN) < 2 else f"\x1b[{len(_SHOWN) - 1}A\x1b[J"
            _SHOWN[:] = lines
            text = "\n".join(lines)
            click.echo(f"\r{back}{text}", nl=False, err=True, color=True)


_CELL: list[Any] = []
"""The display of the notebook's cell that has the lines now."""


def _display(lines: list[str]) -> None:
    """Show lines in the output of a notebook's cell, in place of those before."""
    display = sys.modules["IPython.display"].display
    content = {"text/plain": "\n".join(lines)}
    if _CELL:
        _CELL[0].update(content, raw=True)
    else:
        _CELL.append(display(content, raw=True, display_id=True))
    if not lines:
        _CELL.clear()
