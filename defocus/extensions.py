"""Extensions of the package: plug-in files and entry points.

A plug-in is one Python file. It is not installed: ``--plugin FILE`` and ``defocus.plugin(FILE)``
load it, and each registry looks among its module-level names for objects of its type. Names that
begin with ``_`` are ignored. Child processes load the same files through the environment variable
:data:`ENVIRONMENT`.
"""

import hashlib
import importlib.abc
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from defocus.errors import DefocusError, RegistryError
from defocus.progress import say

__all__ = [
    "ENVIRONMENT",
    "FAULTS",
    "Plugin",
    "entry_points_of",
    "guarded",
    "load_plugin",
    "offered",
    "offered_classes",
    "plugin_arguments",
    "plugin_of",
    "plugins",
    "refuse",
    "warn_once",
    "wrapping",
]

T = TypeVar("T")

ENVIRONMENT = "DEFOCUS_PLUGINS"
"""Paths of the plug-in files of this process, joined as those of ``PATH``."""

_POINT = "entry point "


@dataclass(frozen=True)
class Plugin:
    """A loaded plug-in file.

    Attributes:
        path: Absolute path of the file.
        source_hash: SHA-256 hash of the loaded text, 64 hexadecimal digits.
        module: The module made from the file.
    """

    path: Path
    source_hash: str
    module: ModuleType


class _OneFile(importlib.abc.InspectLoader):
    """Loader that runs exactly the hashed text, and leaves no ``__pycache__`` beside the file."""

    def __init__(self, path: Path, text: bytes) -> None:
        self.path, self.text = path, text

    def is_package(self, fullname: str) -> bool:  # noqa: ARG002 - importlib's signature
        return False

    def get_source(self, fullname: str) -> str:  # noqa: ARG002 - importlib's signature
        return importlib.util.decode_source(self.text)

    def get_code(self, fullname: str) -> object:  # type: ignore[override]  # noqa: ARG002
        return self.source_to_code(self.text, str(self.path))


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

_loaded: dict[Path, Plugin] = {}
_warned: set[str] = set()


def load_plugin(path: Path | str) -> Plugin:
    """Load a plug-in file; what it defines can then be used by name everywhere.

    Loading the same file again changes nothing; an edited file replaces its earlier version.

    Args:
        path: A Python file.

    Raises:
        RegistryError: The file does not exist, running it failed (the message names the line), or
            it defines nothing that this package can use.
    """
    if not isinstance(path, str | Path):
        raise RegistryError(
            f"the plug-in is of type {type(path).__name__}; give the path of a file"
        )
    path = Path(path).expanduser().absolute()
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RegistryError(
            f"plug-in {path} cannot be read ({error.strerror}); check the path"
        ) from error
    digest = hashlib.sha256(text).hexdigest()
    known = _loaded.get(path)
    if known is not None and known.source_hash == digest:
        return known
    found = Plugin(path, digest, _run(path, text, digest))
    if not any(_is_ours(found.module, value) for value in _public(found.module)):
        del sys.modules[found.module.__name__]
        raise RegistryError(
            f"plug-in {path} defines no Baseline, Loss, Objective, Metric or Reader at its top "
            "level; define one"
        )
    _loaded[path] = found
    os.environ[ENVIRONMENT] = os.pathsep.join(str(one) for one in _loaded)
    return found


def plugins() -> tuple[Plugin, ...]:
    """All plug-in files of this process in loading order, those of a parent process first.

    Raises:
        RegistryError: See :func:`load_plugin`, for a file of the parent process.
    """
    for name in filter(None, os.environ.get(ENVIRONMENT, "").split(os.pathsep)):
        if Path(name) not in _loaded:
            load_plugin(name)
    return tuple(_loaded.values())


def plugin_arguments() -> list[str]:
    """``--plugin FILE`` for each plug-in file, for the command line of another process."""
    return [word for one in plugins() for word in ("--plugin", str(one.path))]


def plugin_of(source_hash: str) -> Plugin | None:
    """The loaded plug-in file with that hash; None if there is none."""
    return next((one for one in plugins() if one.source_hash == source_hash), None)


def offered(kind: type[T]) -> Iterator[tuple[Plugin, T]]:
    """The objects of a type that plug-in files define, directly or in tuples and lists."""
    for plugin in plugins():
        seen: set[int] = set()
        for value in _public(plugin.module):
            for one in value if isinstance(value, tuple | list) else (value,):
                if isinstance(one, kind) and id(one) not in seen:
                    seen.add(id(one))
                    yield plugin, one


def offered_classes(kind: type[T]) -> Iterator[tuple[Plugin, type[T]]]:
    """The subclasses of a class that plug-in files define; those they import are left out."""
    for plugin in plugins():
        for value in dict.fromkeys(v for v in _public(plugin.module) if isinstance(v, type)):
            if issubclass(value, kind) and value.__module__ == plugin.module.__name__:
                yield plugin, value


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


def guarded(plugin: Plugin, what: str, function: Callable[..., T]) -> Callable[..., T]:
    """Wrap a function of a plug-in file, so that its errors become one line that names the file.

    Args:
        plugin: The plug-in with the function.
        what: Description of its result for the message, such as ``recipe of 'my-net'``.
        function: The function.
    """
    return wrapping(function, partial(_guarded, plugin, what, function))


def wrapping(inner: Callable[..., object], outer: "partial[T]") -> "partial[T]":
    """A function that calls another with its own arguments, so that its signature is that one's.

    Args:
        inner: What is called in the end; :func:`inspect.unwrap` finds it.
        outer: What calls it; as a ``partial`` it can be pickled.
    """
    vars(outer)["__wrapped__"] = inner
    return outer


def _guarded(
    plugin: Plugin, what: str, function: Callable[..., T], *given: object, **named: object
) -> T:
    try:
        return function(*given, **named)
    except FAULTS as error:
        raise _failure(plugin.path, f"{what}: ", error) from error


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


def _run(path: Path, text: bytes, digest: str) -> ModuleType:
    name = f"defocus_plugin_{path.stem}_{digest[:12]}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_OneFile(path, text))
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} cannot be loaded as a module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look the module up by its name
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _failure(path, "", error) from error
    return module


def _failure(path: Path, what: str, error: BaseException) -> RegistryError:
    from pydantic_core import ValidationError

    where = f"{path}:{line}" if (line := _line_of(path, error)) else str(path)
    reason = str(error.msg if isinstance(error, SyntaxError) else error)
    if isinstance(error, ValidationError):  # its own text has many lines
        reason = error.errors()[0]["msg"]
    reason = " ".join(reason.split())
    return RegistryError(
        f"plug-in {where}: {what}{type(error).__name__}: {reason}; correct it there"
    )


def _line_of(path: Path, error: BaseException) -> int | None:
    """The line of the file in which an error arose, or which cannot be parsed."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if f.filename == str(path)), None)


def _public(module: ModuleType) -> list[object]:
    return [value for name, value in vars(module).items() if not name.startswith("_")]


def _is_ours(module: ModuleType, value: object) -> bool:
    """Whether a value of a file has a type of this package, or is a class derived from one."""
    if isinstance(value, tuple | list):
        return any(_is_ours(module, one) for one in value)
    if isinstance(value, type):
        return value.__module__ == module.__name__ and any(map(_of_package, value.__mro__))
    return _of_package(type(value)) or getattr(value, "__name__", "") == "read"


def _of_package(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "defocus"
