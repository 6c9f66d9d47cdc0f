"""What other packages bring: entry points; a broken one is a warning."""

import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import metadata

from defocus.errors import DefocusError, RegistryError
from defocus.progress import say

__all__ = ["FAULTS", "entry_points_of", "refuse", "warn_once"]

_POINT = "entry point "
_warned: set[str] = set()

FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    DefocusError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What a faulty module or function of another person raises."""


def entry_points_of(group: str) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """The entry points of a group in other packages.

    Yields:
        The name, its origin for messages, and a function that loads it. For a broken package that
        function returns None and prints one warning on stderr.
    """
    for point in _entry_points(tuple(sys.path)).select(group=group):
        dist = point.dist.name if point.dist is not None else "unknown distribution"
        origin = f"{_POINT}{point.name!r} ({dist}: {point.value})"
        yield point.name, origin, lambda point=point, origin=origin: _point_loaded(point, origin)  # type: ignore[misc]


@lru_cache
def _entry_points(_path: tuple[str, ...]) -> metadata.EntryPoints:
    """Those of all distributions on ``sys.path``, read once: a command asks some twenty times."""
    return metadata.entry_points()  # type: ignore[return-value]  # Python 3.11: another with select


def refuse(origin: str, problem: str) -> None:
    """Refuse what somebody has brought; another's package is left out and does not end a command.

    Args:
        origin: Where it comes from, as :func:`entry_points_of` says it.
        problem: What is wrong, and what to do.

    Raises:
        RegistryError: It comes from no entry point.
    """
    if not origin.startswith(_POINT):
        raise RegistryError(problem)
    warn_once(f"{problem}; {origin} is left out")


def warn_once(text: str) -> None:
    """Print a warning on stderr; the same warning is printed once per process."""
    if text not in _warned:
        _warned.add(text)
        say(f"warning: {text}")


def _point_loaded(point: metadata.EntryPoint, origin: str) -> object:
    try:
        return point.load()
    except FAULTS as error:
        warn_once(
            f"{origin} cannot be loaded and is left out: {type(error).__name__}: {error}; "
            "mend or uninstall that distribution"
        )
        return None
