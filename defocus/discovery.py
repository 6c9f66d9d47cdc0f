"""What is available by location: modules of a folder and of the extras, others' entry points.

What is broken among the extras and in other packages is a warning, never the end of a program."""

import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, TypeVar

from defocus.errors import DefocusError, RegistryError
from defocus.progress import say

T = TypeVar("T")

_EXTRAS = "defocus.extras"
_EXTRA, _POINT = "extra ", "entry point "
"""Begin the origins of what is brought."""

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
    SystemExit,
    TypeError,
    ValueError,
)
"""What a faulty module or function of another person raises."""


class Offer(NamedTuple):
    """Something that is available by name, not loaded yet."""

    # ``load`` prints one warning on stderr and returns None where it fails.

    name: str
    origin: str
    load: Callable[[], object]


def at_hand(thing: T) -> Callable[[], T]:
    """How something is loaded that is loaded already."""
    return lambda: thing


def brought(kind: str, inside: str = "") -> Iterator[Offer]:
    """What extras and other packages bring of a kind, such as ``metrics``."""
    # Those are the modules in the folder ``metrics`` of each folder of ``extras``, and
    # the entry points of the group ``defocus.metrics``. A folder with a module ``inside`` gives
    # that one.
    for extras in import_module(_EXTRAS).__path__:
        for folder in sorted(Path(extras).glob(f"[!._]*/{kind}")):
            extra = folder.parent.name
            yield from _modules([folder], f"{_EXTRAS}.{extra}.{kind}", inside, extra)
    for point in _entry_points(tuple(sys.path)).select(group=f"defocus.{kind}"):
        dist = point.dist.name if point.dist is not None else "unknown distribution"
        origin = f"{_POINT}{point.name!r} ({dist}: {point.value})"
        yield Offer(point.name, origin, partial(_loaded, point.load, origin))


def brought_values(kind: str, wanted: type[T], name: str = "") -> Iterator[tuple[str, T]]:
    """The values of a type that are brought, by all or by a name, each with its origin."""
    for offer in brought(kind):
        if name and offer.name.replace("_", "-") != name:
            continue
        loaded = offer.load()
        values = values_of(loaded, wanted)
        if loaded is not None and not values:
            warn_once(f"{offer.origin} has no {wanted.__name__} and is left out; mend or remove it")
        yield from ((offer.origin, value) for value in values)


def values_of(loaded: object, wanted: type[T]) -> list[T]:
    """The public values of a type at the top of a module, or what is given alone or in a tuple."""
    values: list[object] = [loaded]
    if isinstance(loaded, ModuleType):
        values = [value for name, value in vars(loaded).items() if not name.startswith("_")]
    flat = [one for v in values for one in (v if isinstance(v, tuple | list) else (v,))]
    return list({id(one): one for one in flat if isinstance(one, wanted)}.values())


def modules_in(package: str, inside: str = "") -> Iterator[Offer]:
    """The modules of a package of our own; ``inside`` as of :func:`brought`."""
    return _modules(map(Path, import_module(package).__path__), package, inside)


def _modules(
    folders: Iterable[Path], package: str, inside: str = "", extra: str = ""
) -> Iterator[Offer]:
    """The public modules in folders of a package, sorted by name; none is imported."""
    paths: dict[str, str] = {}
    for folder in folders:
        paths |= {one.name: one.name for one in pkgutil.iter_modules([str(folder)])}
        for file in folder.glob(f"*/{inside}.py"):  # with or without an __init__.py
            paths[file.parent.name] = f"{file.parent.name}.{inside}"
    for name, below in sorted(paths.items()):
        if not name.startswith("_"):
            path = f"{package}.{below}"
            origin = f"{_EXTRA}{extra!r} ({path})" if extra else path
            yield Offer(name, origin, partial(_loaded, partial(import_module, path), origin))


@lru_cache
def _entry_points(_path: tuple[str, ...]) -> metadata.EntryPoints:
    """Those of all distributions on ``sys.path``, read once: a command asks some twenty times."""
    return metadata.entry_points()  # type: ignore[return-value]  # Python 3.11: another with select


def refuse(origin: str, problem: str) -> None:
    """Refuse what somebody has brought: ours or a plug-in file's is an error, else a warning."""
    if not origin.startswith((_EXTRA, _POINT)):
        raise RegistryError(problem)
    warn_once(f"{problem}; {origin} is left out")


def warn_once(text: str) -> None:
    """Print a warning on stderr; the same warning is printed once per process."""
    if text not in _warned:
        _warned.add(text)
        say(f"warning: {text}")


def _loaded(load: Callable[[], object], origin: str) -> object:
    try:
        return load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's module raises
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        warn_once(f"{origin} cannot be loaded and is left out: {reason}; mend or remove it")
        return None
