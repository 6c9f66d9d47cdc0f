"""Progress of long work on the terminal: on stderr, silent where stderr is no terminal."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["counted", "say", "track"]

T = TypeVar("T")


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yield ``items`` while a bar on stderr shows how far the work is.

    Args:
        items: What is worked on.
        description: What the work is, a few words.
        total: How many items, where ``items`` has no length.
    """
    from rich.console import Console
    from rich.progress import track as rich_track

    console = Console(stderr=True)
    yield from rich_track(
        items,
        description=description,
        total=total,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def counted(number: int, thing: str) -> str:
    """A number of things as people say it.

    Args:
        number: How many.
        thing: Its singular; the plural is formed by an s.

    Example:
        >>> counted(1, "pair"), counted(2, "pair")
        ('1 pair', '2 pairs')
    """
    return f"{number} {thing}{'' if number == 1 else 's'}"


def say(message: str) -> None:
    """Write one line for people to stderr; control characters are shown, not obeyed."""
    import click

    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
    with contextlib.suppress(BrokenPipeError):  # the work goes on when nobody reads of it
        click.echo(safe, err=True)
