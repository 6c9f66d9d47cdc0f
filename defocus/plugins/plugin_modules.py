"""Modules of a plug-in under a package name, so that those of two plug-ins do not collide.

What its files import is searched in its folder first; only they see that folder."""

import builtins
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from defocus.plugins.plugin_code import local_file

SECOND_MAIN = "__mp_main__"
"""Name that multiprocessing gives the running program once it is imported; no plug-in imports
it."""


class PluginModules(MetaPathFinder):
    """Finds and runs the files of one plug-in, by their bytes even if a file changes meanwhile."""

    def __init__(self, package: str, sources: Mapping[Path, bytes]) -> None:
        self.package = package
        self.counted = dict(sources)
        self.texts = dict(sources)
        self.path = next(iter(sources))
        self.uncounted: set[Path] = set()
        self.added: list[
            Path
        ] = []  # folders below its own that it has put on ``sys.path``
        self.builtins = {**vars(builtins), "__import__": self._import}

    def run(self) -> ModuleType:
        """Run the file; its errors are raised, and nothing of it is left in ``sys.modules``."""
        sys.meta_path.insert(0, self)
        present = set(sys.modules)
        path_before = list(sys.path)
        spec = self._spec(self.package, self.path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.package] = (
            module  # dataclasses and pickle look the module up by its name
        )
        try:
            spec.loader.exec_module(module)  # type: ignore[union-attr]  # made above
        except BaseException:
            self.forget()
            raise
        finally:
            self.added = self._added()
            sys.path[:] = [
                one for one in sys.path if one in path_before or not self._is_below(one)
            ]
        self.uncounted |= set(self._files_elsewhere(set(sys.modules) - present))
        return module

    def forget(self) -> None:
        """Take the modules out of ``sys.modules``."""
        sys.meta_path.remove(self)
        for name in list(sys.modules):
            if f"{name}.".startswith(f"{self.package}."):
                del sys.modules[name]

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - importlib's signature
        target: ModuleType | None = None,  # noqa: ARG002 - importlib's signature
    ) -> ModuleSpec | None:
        """The place of a module of the package; that of a bare folder Python itself finds."""
        if not fullname.startswith(f"{self.package}."):
            return None
        file = local_file(self._folders(), fullname.removeprefix(f"{self.package}."))
        return None if file is None else self._spec(fullname, file)

    def _import(
        self,
        name: str,
        names: Mapping[str, Any] | None = None,
        local: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """``__import__`` of the plug-in's files: ``import layers`` is that beside the plug-in."""
        top = name.partition(".")[0]
        wanted = [top, name, *(f"{name}.{one}" for one in fromlist or ())]
        is_local = any(local_file(self._folders(), one) for one in wanted)
        if level or not is_local:
            return builtins.__import__(name, names, local, fromlist or (), level)
        inner = f"{self.package}.{name}"
        module = builtins.__import__(inner, names, local, fromlist or (), 0)
        return module if fromlist else sys.modules[f"{self.package}.{top}"]

    def _folders(self) -> list[Path]:
        """Folders in which the plug-in's own modules are looked for."""
        return [self.path.parent, *self.added, *self._added()]

    def _added(self) -> list[Path]:
        return [Path(place) for place in sys.path if self._is_below(place)]

    def _is_below(self, place: str) -> bool:
        path = Path(place)
        return path.is_relative_to(self.path.parent) and not _installed(path)

    def _spec(self, name: str, file: Path) -> ModuleSpec:
        loader = _Source(name, file, self) if file.suffix == ".py" else None
        is_package = file.name == "__init__.py" or name == self.package
        places = [str(file.parent)] if is_package else None
        spec = importlib.util.spec_from_file_location(
            name,
            file,
            loader=loader,
            submodule_search_locations=places,
        )
        if spec is None:
            raise ImportError(f"{file} has not the suffix .py")
        if file not in self.counted:
            self.uncounted.add(file)
        return spec

    def _files_elsewhere(self, names: set[str]) -> Iterator[Path]:
        """The files of modules that are neither the plug-in's own nor installed."""
        for name in names - {SECOND_MAIN}:
            file = Path(getattr(sys.modules[name], "__file__", None) or "")
            of_plugin = f"{name}.".startswith((f"{self.package}.", "defocus."))
            # torch has modules that are made by hand, with the name of a file that is nowhere
            exists = file.is_absolute() and file.is_file()
            if exists and not of_plugin and not _installed(file):
                yield file


def _installed(file: Path) -> bool:
    """Whether a file belongs to Python's library, or to a package that pip put where it is."""
    library = Path(sysconfig.get_path("stdlib"))
    if file.is_relative_to(library):
        return True
    if {"site-packages", "dist-packages"} & set(file.parts):
        return True
    return any(package_of(file).parent.glob("*.dist-info"))


def package_of(file: Path) -> Path:
    """The folder of the outermost package that a file belongs to; the file itself without one."""
    place = file
    while (place.parent / "__init__.py").is_file():
        place = place.parent
    return place


class _Source(SourceFileLoader):
    """Runs exactly the text that is hashed, and leaves no ``__pycache__`` beside the file."""

    def __init__(
        self,
        name: str,
        path: Path,
        modules: PluginModules,
    ) -> None:
        super().__init__(name, str(path))
        self.modules = modules

    def get_data(self, path: str) -> bytes:
        texts = self.modules.texts
        if Path(path) not in texts:
            texts[Path(path)] = Path(path).read_bytes()
        return texts[Path(path)]

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - importlib's signature
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self.modules.builtins
        super().exec_module(module)
