"""Messages and progress bars on stderr; bars only if stderr is a terminal."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

from defocus.errors import storage_error

__all__ = ["Telling", "counted", "log", "open_log", "printable", "say", "telling", "track"]

T = TypeVar("T")


@dataclass
class Telling:
    """How this process tells people things; the command line sets it once.

    Attributes:
        quiet: Whether to print only errors.
        verbose: Whether an error shows where it came from.
        color: Whether there are colours; ``auto`` asks the terminal.
        log_file: Receives a copy of all messages, quiet or not.
    """

    quiet: bool = False
    verbose: bool = False
    color: Literal["auto", "always", "never"] = "auto"
    log_file: Path | None = None


telling = Telling()


def open_log(path: Path) -> None:
    """Append a copy of all further messages to a file.

    Raises:
        StorageError: It cannot be written.
    """
    telling.log_file = path.absolute()
    try:
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise storage_error(error, path) from error


def log(text: str) -> None:
    """Write lines to the log file, where there is one; a full disk stops no work."""
    if telling.log_file is None:
        return
    time = datetime.now().astimezone().isoformat(timespec="milliseconds")
    with contextlib.suppress(OSError), telling.log_file.open("a", encoding="utf-8") as stream:
        stream.writelines(f"{time} {line}\n" for line in text.splitlines())


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yield ``items`` while a bar on stderr shows how far the work is.

    Args:
        items: What is worked on.
        description: What the work is, a few words.
        total: How many items, where ``items`` has no length.
    """
    from rich.console import Console
    from rich.progress import track as rich_track

    console = Console(stderr=True, no_color=telling.color == "never" or None)
    yield from rich_track(
        items,
        description=description,
        total=total,
        console=console,
        transient=True,
        disable=telling.quiet or not console.is_terminal,
    )


def counted(number: int, thing: str) -> str:
    """A number of things as people say it.

    Args:
        number: Number of items.
        thing: Its singular; the plural is formed by an s.

    Example:
        >>> counted(1, "pair"), counted(2, "pair")
        ('1 pair', '2 pairs')
    """
    return f"{number} {thing}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    r"""A text in one line; control characters are escaped, such as ``\n``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(message: str, *, error: bool = False) -> None:
    """Write one line for people to stderr; control characters are shown, not obeyed.

    Args:
        message: The line.
        error: Whether it is an error, which is printed with ``--quiet`` too.
    """
    import click

    safe = printable(message)
    log(safe)
    if telling.quiet and not error:
        return
    with contextlib.suppress(BrokenPipeError):  # the work goes on when nobody reads of it
        click.echo(safe, err=True)
