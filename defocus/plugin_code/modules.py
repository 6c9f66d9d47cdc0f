"""Modules of a plug-in under a package name, so that those of two plug-ins do not collide.

What its files import is searched in its folder first; only they see that folder."""

import builtins
import importlib.machinery
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from defocus.plugin_code.sources import PluginModule, find_in, find_top


class PluginModules(MetaPathFinder):
    """Finds and runs the files of one plug-in, by their bytes even if a file changes meanwhile."""

    # ``elsewhere`` are files of other folders that it imported, without those of installed
    # packages.

    def __init__(self, package: str, path: Path, texts: Mapping[Path, bytes]) -> None:
        self.package, self.path = package, path
        self.texts = dict(texts)
        self.imported: set[Path] = set()
        self.elsewhere: set[Path] = set()
        self.builtins = {**vars(builtins), "__import__": self._import}
        self._folders: tuple[Path, ...] = (path.parent,)
        self._path_before: list[str] | None = None

    def run(self) -> ModuleType:
        """Run the file as a module, with its folder on ``sys.path`` meanwhile."""
        # Whatever it raises comes out, and nothing of it is left in ``sys.modules``.
        sys.meta_path.insert(0, self)
        spec = self._spec(self.package, PluginModule(self.path, (self.path.parent,)))
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.package] = module  # dataclasses and pickle look the module up by its name
        try:
            with self.on_path():
                spec.loader.exec_module(module)  # type: ignore[union-attr]  # made above
        except BaseException:
            self.forget()
            raise
        return module

    def forget(self) -> None:
        """Take the modules out of ``sys.modules``."""
        sys.meta_path.remove(self)
        for name in [one for one in sys.modules if self._is_mine(one)]:
            del sys.modules[name]

    @property
    def packages_elsewhere(self) -> set[Path]:
        """The files of other folders; a package as a whole, and none that pip put there."""
        places = set(map(_package_of, self.elsewhere))
        return {one for one in places if not any(one.parent.glob("*.dist-info"))}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG002 - importlib's signature
    ) -> ModuleSpec | None:
        """The place of a module of the package."""
        parent, _, name = fullname.rpartition(".")
        if not self._is_mine(parent):
            return None
        own = parent == self.package
        module = find_top(self._places(), name) if own else find_in(map(Path, path or ()), name)
        return None if module is None else self._spec(fullname, module)

    def _import(
        self,
        name: str,
        names: Mapping[str, Any] | None = None,
        local: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """``__import__`` of the plug-in's files."""
        top = name.partition(".")[0]
        if level or find_top(self._places(), top) is None:
            return builtins.__import__(name, names, local, fromlist or (), level)
        inner = f"{self.package}.{name}"
        module = builtins.__import__(inner, names, local, fromlist or (), 0)
        return module if fromlist else sys.modules[f"{self.package}.{top}"]

    @contextmanager
    def on_path(self) -> Iterator[None]:
        """Search the folder too, as the last one, for ``importlib.import_module``."""
        # What the plug-in adds to ``sys.path`` below its folder, and modules from there, stay its
        # own. Inside another call of it, it changes nothing.
        if self._path_before is not None:
            yield
            return
        self._path_before, before = list(sys.path), set(sys.modules)
        writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        sys.path.append(str(self.path.parent))
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.dont_write_bytecode = writes
            self._folders = self._places()
            sys.path.remove(str(self.path.parent))
            kept, self._path_before = self._path_before, None
            sys.path[:] = [one for one in sys.path if one in kept or not self._is_below(one)]
            self._sort_out(set(sys.modules) - before)

    def _sort_out(self, modules: set[str]) -> None:
        """Take the plug-in's own ones among new modules away, and note those from other folders."""
        for name in modules:
            if not self._is_mine(name) and self._is_bare(sys.modules[name]):
                del sys.modules[name]
                continue
            file = Path(getattr(sys.modules[name], "__file__", None) or "")
            # torch has modules that are made by hand, with the name of a file that is nowhere
            if not file.is_absolute() or not file.is_file() or self._is_mine(name):
                continue
            if name.partition(".")[0] in {"__main__", "__mp_main__", "defocus"}:
                continue
            if self._is_below(str(file)):
                self.imported.add(file)
                del sys.modules[name]
            elif not _is_installed(file):
                self.elsewhere.add(file)

    def _places(self) -> tuple[Path, ...]:
        """Where the plug-in's own modules are looked for."""
        if self._path_before is None:
            return self._folders
        added = [one for one in sys.path if one not in self._path_before and self._is_below(one)]
        return tuple(dict.fromkeys([*self._folders, *map(Path, added)]))

    def _is_bare(self, module: ModuleType) -> bool:
        """Whether it is a folder of the plug-in without ``__init__.py``."""
        own = vars(module)  # what torch makes by hand answers to any further name
        places = list(own.get("__path__", ()))
        return bool(places) and not own.get("__file__") and all(map(self._is_below, places))

    def _is_mine(self, module: str) -> bool:
        return module == self.package or module.startswith(f"{self.package}.")

    def _is_below(self, place: str) -> bool:
        return is_below(self.path.parent, place)

    def _spec(self, name: str, module: PluginModule) -> ModuleSpec:
        folders = [str(one) for one in module.folders]
        if module.file is None:
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = folders
            return spec
        loader = _Source(name, module.file, self) if module.file.suffix == ".py" else None
        spec_of_file = importlib.util.spec_from_file_location(
            name, module.file, loader=loader, submodule_search_locations=folders or None
        )
        if spec_of_file is None:
            raise ImportError(f"{module.file} has not the suffix .py")
        self.imported.add(module.file)
        return spec_of_file


def is_below(folder: Path, place: str) -> bool:
    """Whether a file or folder is of a plug-in's folder tree, and of no environment inside it."""
    path = Path(place).absolute()
    return path.is_relative_to(folder) and not _is_installed(path)


def _package_of(file: Path) -> Path:
    """The folder of the outermost package that a file is of; the file itself if it is of none."""
    place = file
    while (place.parent / "__init__.py").is_file():
        place = place.parent
    return place


def _is_installed(file: Path) -> bool:
    library = Path(sysconfig.get_path("stdlib"))
    return file.is_relative_to(library) or bool({"site-packages", "dist-packages"} & {*file.parts})


class _Source(SourceFileLoader):
    """Runs exactly the text that is hashed, and leaves no ``__pycache__`` beside the file."""

    def __init__(self, name: str, path: Path, modules: PluginModules) -> None:
        super().__init__(name, str(path))
        self.modules = modules

    def get_data(self, path: str) -> bytes:
        file, texts = Path(path), self.modules.texts
        self.modules.imported.add(file)
        if file not in texts:
            texts[file] = file.read_bytes()
        return texts[file]

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - importlib's signature
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self.modules.builtins
        super().exec_module(module)
