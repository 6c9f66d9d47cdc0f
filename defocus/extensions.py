"""Extensions of the package: plug-in files and entry points.

Registries look among a file's public names for objects of their type; child processes load it too.
"""

import hashlib
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from defocus.discovery import FAULTS, values_of, warn_once
from defocus.errors import RegistryError
from defocus.isolation import PLUGIN, plugin_fault

if TYPE_CHECKING:  # they parse Python: imported when there is a plug-in
    from defocus.plugin_code.modules import PluginModules
    from defocus.plugin_code.sources import PluginSources, Root

T = TypeVar("T")

PROGRAMS = ("capture", "data", "bench")
"""The programs ``defocus-capture`` and so on, with which names of commands begin."""

ENVIRONMENT = "DEFOCUS_PLUGINS"
"""Paths of the plug-in files of this process, joined as those of ``PATH``."""

_FUNCTIONS = {"open_camera", "read"}
"""A file with such a function is a camera or a reader by itself."""


@dataclass(frozen=True, eq=False)
class Plugin:
    """A loaded plug-in file."""

    path: Path  # absolute
    module: ModuleType
    sources: "PluginSources"  # the file and what it imports from its folder tree
    modules: "PluginModules"
    # SHA-256 hash of the sources of each object that it defines, by the object's id
    hashes: Mapping[int, str]

    @property
    def source_hash(self) -> str:
        """SHA-256 hash of everything that it consists of, compared by meaning."""
        return self.sources.digest

    def hash_of(self, value: object) -> str:
        """The same of what one of its objects needs."""
        return self.hashes.get(id(value), self.source_hash)


_loaded: dict[Path, Plugin] = {}


def load_plugin(path: Path | str) -> Plugin:
    """Load a plug-in file; what it defines can then be used by name everywhere."""
    # Loading the same file again changes nothing; an edited file replaces its earlier version.
    if not isinstance(path, str | Path):
        raise RegistryError(
            f"the plug-in is of type {type(path).__name__}; give the path of a file"
        )
    from defocus.plugin_code.sources import read_sources

    path = Path(path).expanduser().absolute()
    earlier = _loaded.get(path)
    try:
        sources = read_sources(path, earlier.sources.extra if earlier else ())
    except OSError as error:
        raise RegistryError(
            f"plug-in {error.filename or path} cannot be read ({error.strerror}); check the path"
        ) from error
    if earlier is not None and earlier.sources.texts == sources.texts:
        return earlier
    plugin = _run(path, sources)
    if not any(_is_ours(plugin.module, value) for value in _public(plugin.module)):
        plugin.modules.forget()
        raise RegistryError(
            f"plug-in {path} defines no Baseline, Loss, Objective, Metric, Reader, Section, "
            "open_camera or command such as bench_mine at its top level; define one"
        )
    if places := sorted(map(str, plugin.modules.packages_elsewhere)):
        warn_once(
            f"plug-in {path} imports {', '.join(places)} from outside its folder: if that changes, "
            "nothing is trained again; put it below the folder, or give Baseline(..., revision=1) "
            "and raise it"
        )
    _loaded[path] = plugin
    os.environ[ENVIRONMENT] = os.pathsep.join(str(one) for one in _loaded)
    return plugin


def plugins() -> tuple[Plugin, ...]:
    """All plug-in files of this process in loading order, those of a parent process first."""
    for name in filter(None, os.environ.get(ENVIRONMENT, "").split(os.pathsep)):
        if Path(name) not in _loaded:
            load_plugin(name)
    return tuple(_loaded.values())


def plugin_arguments() -> list[str]:
    """``--plugin FILE`` for each plug-in file, for the command line of another process."""
    return [word for one in plugins() for word in ("--plugin", str(one.path))]


def plugin_of(source_hash: str) -> Plugin | None:
    """The loaded plug-in with that hash, or with an object of that hash; None if there is none."""
    return next((p for p in plugins() if source_hash in {p.source_hash, *p.hashes.values()}), None)


def uncounted_files(source_hash: str) -> list[Path]:
    """Files of a plug-in's folder tree that it imported after it was loaded, unseen before."""
    plugin = plugin_of(source_hash)
    return sorted(plugin.modules.imported - plugin.sources.files.keys()) if plugin else []


def offered(kind: type[T]) -> Iterator[tuple[Plugin, T]]:
    """The objects of a type that plug-in files define, directly or in tuples and lists."""
    for plugin in plugins():
        yield from ((plugin, one) for one in values_of(plugin.module, kind))


def offered_classes(kind: type[T]) -> Iterator[tuple[Plugin, type[T]]]:
    """The subclasses of a class that plug-in files define; those they import are left out."""
    for plugin in plugins():
        for value in dict.fromkeys(v for v in _public(plugin.module) if isinstance(v, type)):
            if issubclass(value, kind) and value.__module__ == plugin.module.__name__:
                yield plugin, value


def guarded(
    plugin: Plugin, what: str, function: Callable[..., T], passing: tuple[type[Exception], ...] = ()
) -> Callable[..., T]:
    """Wrap a function of a plug-in file, so that its errors become one line that names the file."""
    return wrapping(function, partial(_guarded, plugin.path, what, passing, function))


def wrapping(inner: Callable[..., object], outer: "partial[T]") -> "partial[T]":
    """A function that calls another by ``outer``, with the signature of ``inner``."""
    # ``unwrap`` finds ``inner``; as a ``partial``, ``outer`` can be pickled.
    vars(outer)["__wrapped__"] = inner
    return outer


def _guarded(
    path: Path,
    what: str,
    passing: tuple[type[Exception], ...],
    function: Callable[..., T],
    *given: object,
    **named: object,
) -> T:
    plugin = _loaded.get(path)
    try:
        with plugin.modules.on_path() if plugin else nullcontext():
            return function(*given, **named)
    except passing:
        raise
    except FAULTS as error:
        raise _failure(path, f"{what}: ", error) from error


def _run(path: Path, sources: "PluginSources") -> Plugin:
    from defocus.plugin_code.modules import PluginModules
    from defocus.plugin_code.sources import read_sources

    digest = hashlib.sha256(f"{path} {sources.digest}".encode()).hexdigest()
    stem = re.sub(r"\W", "_", path.stem)
    package = f"{PLUGIN}{stem}_{digest[:12]}"
    for one in _loaded.values():
        if one.module.__name__ == package:  # only its comments were edited
            one.modules.forget()
    modules = PluginModules(package, path, sources.texts)
    try:
        module = modules.run()
    except (Exception, SystemExit) as error:
        raise _failure(path, "", error) from error
    extra = sorted(modules.imported - sources.files.keys())
    whole = read_sources(path, extra) if extra else sources
    roots = _roots(module)
    others = {one: [roots[each] for each in roots if each != one] for one in roots}
    hashes = {one: whole.digest_of(roots[one], others[one]) for one in roots}
    return Plugin(path, module, whole, modules, hashes)


def _roots(module: ModuleType) -> dict[int, "list[Root]"]:
    """Where the objects of this package's types are bound, by their id."""
    roots: dict[int, list[Root]] = {}
    for name, value in vars(module).items():
        if isinstance(value, tuple | list):
            for place, one in enumerate(value):
                if _is_ours(module, one):
                    roots.setdefault(id(one), []).append((name, place))
        elif _is_ours(module, value):
            roots.setdefault(id(value), []).append((name, None))
    return roots


def _failure(path: Path, what: str, error: BaseException) -> RegistryError:
    return RegistryError(plugin_fault(error, _place_of(path, error), what, path.parent))


def _place_of(path: Path, error: BaseException) -> str:
    """File and line of a plug-in where an error arose, or which cannot be parsed."""
    from defocus.plugin_code.modules import is_below

    if isinstance(error, SyntaxError) and Path(error.filename or "").is_relative_to(path.parent):
        return f"{error.filename}:{error.lineno}"
    frames = reversed(traceback.extract_tb(error.__traceback__))
    own = [one for one in frames if is_below(path.parent, one.filename)]
    return f"{own[0].filename}:{own[0].lineno}" if own else str(path)


class _OfParent(MetaPathFinder, Loader):
    """Loads the plug-ins of a parent process when something of theirs is unpickled."""

    def find_spec(
        self,
        fullname: str,
        path: object = None,  # noqa: ARG002 - importlib's signature
        target: object = None,  # noqa: ARG002 - importlib's signature
    ) -> ModuleSpec | None:
        if not fullname.startswith(PLUGIN) or "." in fullname:
            return None
        plugins()
        return ModuleSpec(fullname, self) if fullname in sys.modules else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """It has been run."""


sys.meta_path.append(_OfParent())


def _public(module: ModuleType) -> list[object]:
    return [value for name, value in vars(module).items() if not name.startswith("_")]


def _is_ours(module: ModuleType, value: object) -> bool:
    """Whether a value of a file has a type of this package, or is a class derived from one."""
    if isinstance(value, tuple | list):
        return any(_is_ours(module, one) for one in value)
    if isinstance(value, type):
        return value.__module__ == module.__name__ and any(map(_of_package, value.__mro__))
    if _is_command(value):
        return True
    return _of_package(type(value)) or getattr(value, "__name__", "") in _FUNCTIONS


def _is_command(value: object) -> bool:
    """Whether it is a click command whose name begins with that of a program."""
    kinds = [f"{one.__module__}.{one.__name__}" for one in type(value).__mro__]
    name = str(getattr(value, "name", "")).replace("_", "-")
    return "click.core.Command" in kinds and name.startswith(tuple(f"{one}-" for one in PROGRAMS))


def _of_package(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "defocus"
