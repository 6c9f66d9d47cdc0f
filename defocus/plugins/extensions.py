"""Extensions of the package: plug-in files and entry points.

Registries look among a file's public names for objects of their type; child processes load it too.
"""

import hashlib
import os
import re
import sys
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from defocus.errors import FAULTS, RegistryError
from defocus.processes.isolation import PLUGIN, plugin_fault
from defocus.progress import warn_once

if TYPE_CHECKING:  # it parses Python: imported when there is a plug-in
    from defocus.plugins.plugin_modules import PluginModules

T = TypeVar("T")

PROGRAMS = ("capture", "data", "bench")
"""The programs ``defocus-capture`` and so on, with which names of commands begin."""

ENVIRONMENT = "DEFOCUS_PLUGINS"
"""Variable with the paths of this process's plug-in files, joined as those of ``PATH``."""

HASHES = "DEFOCUS_PLUGIN_HASHES"
"""Variable with hash and path of each plug-in file, as ``HASH=PATH``: other processes load the same
files or nothing."""

_FUNCTIONS = {"open_camera", "read"}
"""Names of functions that make a file a camera or a reader without further declaration."""


@dataclass(frozen=True, eq=False)
class Plugin:
    """A loaded plug-in file."""

    path: Path  # absolute
    module: ModuleType
    modules: "PluginModules"
    # SHA-256 hash of the syntax of each of its files, by the path below its folder
    files: dict[str, str]
    source_hash: str  # of them all


_loaded: dict[Path, Plugin] = {}


def load_plugin(path: Path | str) -> Plugin:
    """Load a plug-in file; what it defines can then be used by name everywhere."""
    # Loading the same file again changes nothing; an edited file replaces its earlier version.
    if not isinstance(path, str | Path):
        raise RegistryError(
            f"the plug-in is of type {type(path).__name__}; give the path of a file"
        )
    return _load(Path(path).expanduser().absolute())


def _load(path: Path, expected: str = "") -> Plugin:
    """Load a plug-in file; one with another hash than the expected is refused before it runs."""
    from defocus.plugins.plugin_code import digest_of, hashes_of, read_sources

    earlier = _loaded.get(path)
    try:
        sources = read_sources(path)
    except OSError as error:
        raise RegistryError(
            f"plug-in {error.filename or path} cannot be read ({error.strerror}); check the path"
        ) from error
    files = hashes_of(sources)
    source_hash = digest_of(files)
    if expected not in {"", source_hash}:
        raise RegistryError(
            f"plug-in {path} has changed since the command began; give the command again"
        )
    if earlier is not None and earlier.modules.counted == sources:
        return earlier
    plugin = _run(path, sources, files, source_hash)
    module = plugin.module
    if not any(_is_ours(module, value) for value in public_values(module)):
        plugin.modules.forget()
        raise RegistryError(
            f"plug-in {path} defines no Baseline, Loss, Objective, Metric, Reader, Section, "
            "open_camera or command such as bench_mine at its top level; define one"
        )
    _warn_of_uncounted(plugin)
    _loaded[path] = plugin
    _name_loaded()
    return plugin


def _name_loaded() -> None:
    """Let the environment name the loaded files, so that other processes load them, too."""
    paths = []
    hashes = []
    for path, plugin in _loaded.items():
        paths.append(str(path))
        hashes.append(f"{plugin.source_hash}={plugin.path}")
    os.environ[ENVIRONMENT] = os.pathsep.join(paths)
    os.environ[HASHES] = os.pathsep.join(hashes)


def plugins() -> tuple[Plugin, ...]:
    """All plug-in files of this process in loading order, those of a parent process first."""
    for path, source_hash in _named().items():
        if path not in _loaded:
            _load(path, source_hash)
    return tuple(_loaded.values())


def take_named_plugins() -> None:
    """Load the plug-in files that the environment names, as they are now; forget all others.

    For a process that works for one program after the other."""
    named = _named()
    forget_plugins(set(_loaded) - set(named))
    for path, source_hash in named.items():
        _load(path, source_hash)


def forget_plugins(paths: Collection[Path] | None = None) -> None:
    """Take loaded plug-in files, by default all, out of this process."""
    for path in list(_loaded) if paths is None else paths:
        _loaded.pop(path).modules.forget()


def _named() -> dict[Path, str]:
    """Absolute paths of the plug-in files that the environment names, with their hashes."""
    hashes = {}
    for given in os.environ.get(HASHES, "").split(os.pathsep):
        source_hash, _, path = given.partition("=")
        hashes[path] = source_hash
    names = os.environ.get(ENVIRONMENT, "").split(os.pathsep)
    return {Path(name): hashes.get(name, "") for name in names if name}


def plugin_arguments() -> list[str]:
    """``--plugin FILE`` for each plug-in file, for the command line of another process."""
    return [word for one in plugins() for word in ("--plugin", str(one.path))]


def plugin_of(source_hash: str) -> Plugin | None:
    """The loaded plug-in with that hash; None if there is none."""
    return next((one for one in plugins() if one.source_hash == source_hash), None)


def uncounted_files(source_hash: str) -> list[Path]:
    """Files that a plug-in imported, but not by an import statement or not from its folder."""
    plugin = plugin_of(source_hash)
    return sorted(plugin.modules.uncounted) if plugin else []


def public_values(loaded: object) -> list[Any]:
    """The public values at the top level of a module, those in tuples and lists one by one."""
    # What is no module, such as what an entry point gives, is a value itself.
    values = [loaded]
    if isinstance(loaded, ModuleType):
        values = [
            value for name, value in vars(loaded).items() if not name.startswith("_")
        ]
    flat: list[Any] = []
    for value in values:
        flat += value if isinstance(value, tuple | list) else [value]
    return flat


def guarded(
    plugin: Plugin,
    what: str,
    function: Callable[..., T],
    passing: tuple[type[Exception], ...] = (),
) -> Callable[..., T]:
    """Wrap a function of a plug-in file, so that its errors become one line that names the file."""
    outer = partial(_guarded, plugin.path, what, passing, function)
    return wrapping(function, outer)


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
    try:
        return function(*given, **named)
    except passing:
        raise
    except FAULTS as error:
        raise _failure(path, f"{what}: ", error) from error


def _run(
    path: Path,
    sources: dict[Path, bytes],
    files: dict[str, str],
    source_hash: str,
) -> Plugin:
    from defocus.plugins.plugin_modules import PluginModules

    digest = hashlib.sha256(f"{path} {source_hash}".encode()).hexdigest()
    stem = re.sub(r"\W", "_", path.stem)
    package = f"{PLUGIN}{stem}_{digest[:12]}"
    for one in _loaded.values():
        if one.module.__name__ == package:  # only its comments were edited
            one.modules.forget()
    modules = PluginModules(package, sources)
    try:
        module = modules.run()
    except (Exception, SystemExit) as error:
        raise _failure(path, "", error) from error
    return Plugin(path, module, modules, files, source_hash)


def _warn_of_uncounted(plugin: Plugin) -> None:
    """Name what was imported and does not count: if that changes, nothing is trained again."""
    from defocus.plugins.plugin_modules import package_of

    places = sorted({str(package_of(file)) for file in plugin.modules.uncounted})
    if places:
        warn_once(
            f"plug-in {plugin.path} imports {', '.join(places)} from outside its folder or by a "
            "computed name: if that changes, nothing is trained again; import it by name from "
            "below the folder, or give Baseline(..., revision=1) and raise it"
        )


def _failure(
    path: Path,
    what: str,
    error: BaseException,
) -> RegistryError:
    place = _place_of(path, error)
    return RegistryError(plugin_fault(error, place, what, path.parent))


def _place_of(path: Path, error: BaseException) -> str:
    """File and line of a plug-in where an error arose, or which cannot be parsed."""
    if isinstance(error, SyntaxError):
        parsed = Path(error.filename or "")
        if parsed.is_relative_to(path.parent):
            return f"{error.filename}:{error.lineno}"
    frames = list(traceback.walk_tb(error.__traceback__))
    for frame, line in reversed(frames):
        module = str(frame.f_globals.get("__name__"))
        if module.startswith(PLUGIN):
            return f"{frame.f_code.co_filename}:{line}"
    return str(path)


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
        """Do nothing: the module has been run."""


sys.meta_path.append(_OfParent())


def _is_ours(module: ModuleType, value: object) -> bool:
    """Whether a value of a file has a type of this package, or is a class derived from one."""
    if isinstance(value, tuple | list):
        return any(_is_ours(module, one) for one in value)
    if isinstance(value, type):
        defined_here = value.__module__ == module.__name__
        return defined_here and any(map(_of_package, value.__mro__))
    if _is_command(value):
        return True
    return _of_package(type(value)) or getattr(value, "__name__", "") in _FUNCTIONS


def _is_command(value: object) -> bool:
    """Whether a value is a click command whose name begins with that of a program."""
    kinds = [f"{one.__module__}.{one.__name__}" for one in type(value).__mro__]
    if "click.core.Command" not in kinds:
        return False
    name = str(getattr(value, "name", "")).replace("_", "-")
    program, dash, _ = name.partition("-")
    return bool(dash) and program in PROGRAMS


def _of_package(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "defocus"
