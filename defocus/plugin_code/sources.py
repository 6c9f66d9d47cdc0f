"""What a plug-in consists of: its file and the files of its folder tree that it imports.

They are parsed, not run. Imports inside functions count: a layer may be imported at its first use.
"""

import errno
import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path

from defocus.plugin_code.meaning import Imported, TopStatement, joined, statements_of

Root = tuple[str, int | None]
"""A name at the top level of a plug-in; if a tuple or list is bound to it, a place in that."""

_Import = tuple[str, bool, Imported]
"""An import, before it the module that it is in, and whether that is a package."""


@dataclass(frozen=True)
class PluginModule:
    """A module in a folder; ``file`` is None for a folder without ``__init__.py``."""

    file: Path | None
    folders: tuple[Path, ...] = ()


def find_in(folders: Iterable[Path], name: str) -> PluginModule | None:
    """The module of that name in one of the folders, in Python's own order; None if none is."""
    bare = None
    for folder in folders:
        inner = folder / name
        if (inner / "__init__.py").is_file():
            return PluginModule(inner / "__init__.py", (inner,))
        for suffix in (*EXTENSION_SUFFIXES, ".py"):
            if (file := folder / f"{name}{suffix}").is_file():
                return PluginModule(file)
        if bare is None and inner.is_dir():
            bare = PluginModule(None, (inner,))
    return bare


def find_top(folders: Sequence[Path], name: str) -> PluginModule | None:
    """The module that ``import NAME`` in a plug-in finds in its folders; None if elsewhere."""
    # A bare folder, such as one of pictures, does not hide a package that is installed.
    if name in sys.builtin_module_names or name == "defocus":
        return None
    module = find_in(folders, name)
    if module is not None and module.file is None:
        elsewhere = [one for one in sys.path if Path(one) not in folders]
        spec = PathFinder.find_spec(name, elsewhere)
        return module if spec is None or spec.origin is None else None
    return module


@dataclass(frozen=True)
class _File:
    """A file of a plug-in; ``module`` is its dotted name, empty for the plug-in itself."""

    module: str
    is_package: bool
    text: bytes
    statements: tuple[TopStatement, ...]

    @cached_property
    def meaning(self) -> str:
        """The meaning of the whole file."""
        return joined(self.statements)

    @property
    def imports(self) -> list[_Import]:
        """Its imports, each with the module that they are relative to."""
        return [
            (self.module, self.is_package, one) for each in self.statements for one in each.imports
        ]


@dataclass(frozen=True)
class PluginSources:
    """A plug-in, itself first, and what it imports from its folder tree."""

    # ``extra`` are files that no import statement names, but that were imported while it was
    # loaded.

    path: Path
    files: Mapping[Path, _File]
    extra: tuple[Path, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 hash of everything, 64 hexadecimal digits."""
        return self._digest(self._statements, self.files)

    @property
    def extra_names(self) -> tuple[str, ...]:
        """The extra files by their paths below the folder."""
        return tuple(map(self._name, self.extra))

    @property
    def texts(self) -> dict[Path, bytes]:
        """The bytes of each file."""
        return {path: file.text for path, file in self.files.items()}

    @property
    def by_name(self) -> dict[str, str]:
        """A short hash of each file's meaning, by its path below the folder."""
        return {
            self._name(path): hashlib.sha256(file.meaning.encode()).hexdigest()[:16]
            for path, file in self.files.items()
        }

    def digest_of(self, roots: Sequence[Root], others: Iterable[Sequence[Root]]) -> str:
        """SHA-256 hash of what an object, bound at ``roots``, needs."""
        # That is everything but what only the others need: what their names lead to.
        mine = self._begun(roots)
        bound, needed = set(self._bound(roots)), self._reach(mine)
        for other in others:
            bound |= self._bound(other)
            needed |= self._reach(self._begun(other))
        rest = [
            one
            for n, one in enumerate(self._statements)
            if not one.is_plain or not (self._waits(one) or n in bound | needed)
        ]
        kept = self._reach([*mine, *rest])
        chosen = [
            one
            for n, one in enumerate(self._statements)
            if n in kept or any(one is each for each in (*mine, *rest))
        ]
        elements = [one for one in mine if not any(one is each for each in chosen)]
        begun = [("", True, one) for each in (*chosen, *elements) for one in each.imports]
        begun += [one for path in self.extra for one in self.files[path].imports]
        paths = {*_reached(self.path.parent, begun, self._file), *self.extra}
        return self._digest([*chosen, *elements], paths)

    @property
    def _statements(self) -> tuple[TopStatement, ...]:
        return self.files[self.path].statements

    def _waits(self, one: TopStatement) -> bool:
        """Whether it does nothing before something uses it: its bases are not the plug-in's own."""
        return one.waits and not any(
            one.bases & each.binds and not (each.is_import and self._is_foreign(each))
            for each in self._statements
        )

    def _is_foreign(self, imported: TopStatement) -> bool:
        names = [name.partition(".")[0] for level, name, _ in imported.imports if not level]
        return all(names) and not any(find_top([self.path.parent], name) for name in names)

    def _begun(self, roots: Sequence[Root]) -> list[TopStatement]:
        """The statements that bind an object, or its element alone where they bind several."""
        statements = []
        for name, place in roots:
            for one in self._statements:
                if name in one.binds:
                    whole = place is None or len(one.elements) <= place
                    statements.append(one if whole or place is None else one.elements[place])
        return statements

    def _bound(self, roots: Sequence[Root]) -> set[int]:
        names = {name for name, _ in roots}
        return {n for n, one in enumerate(self._statements) if names & one.binds}

    def _reach(self, start: Iterable[TopStatement]) -> set[int]:
        """The statements that the names in some statements lead to."""
        reached: set[int] = set()
        waiting = list(start)
        while waiting:
            one = waiting.pop()
            for n, each in enumerate(self._statements):
                if n not in reached and (one.uses_any or one.uses & each.binds):
                    reached.add(n)
                    waiting.append(each)
        return reached

    def _file(self, path: Path, *_: object) -> _File | None:
        return self.files.get(path)

    def _digest(self, statements: Iterable[TopStatement], paths: Iterable[Path]) -> str:
        texts = [joined(statements)]
        named = {self._name(path): self.files[path] for path in paths if path != self.path}
        texts += [f"{name}\n{named[name].meaning}" for name in sorted(named)]
        return hashlib.sha256("\n\n".join(texts).encode()).hexdigest()

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path.parent).as_posix()


def read_sources(path: Path, extra: Sequence[Path] = ()) -> PluginSources:
    """Read a plug-in and what its import statements name below its folder."""
    files: dict[Path, _File] = {}

    def file_of(at: Path, module: str, is_package: bool) -> _File:
        if at not in files:
            text = at.read_bytes()
            files[at] = _File(module, is_package, text, statements_of(text))
        return files[at]

    begun = file_of(path, "", True).imports
    for one in extra:
        if not one.is_file():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(one))
        begun += file_of(one, *_module_of(path.parent, one)).imports
    _reached(path.parent, begun, file_of)
    return PluginSources(path, files, tuple(extra))


def _reached(
    folder: Path, imports: Iterable[_Import], file_of: Callable[[Path, str, bool], _File | None]
) -> set[Path]:
    """The files that some imports lead to, by path, dotted name and whether it is a package."""
    reached: set[Path] = set()
    waiting = list(imports)
    while waiting:
        for module, place in _modules(folder, waiting.pop()):
            if place.file is not None and place.file not in reached:
                reached.add(place.file)
                file = file_of(place.file, module, bool(place.folders))
                waiting += file.imports if file is not None else ()
    return reached


def _modules(folder: Path, imported: _Import) -> Iterator[tuple[str, PluginModule]]:
    """The modules below the folder that an import runs: packages, the module, named submodules."""
    module, is_package, (level, name, names) = imported
    base = name
    if level:
        package = module if is_package else module.rpartition(".")[0]
        parts = package.split(".") if package else []
        base = ".".join([*parts[: max(0, len(parts) - level + 1)], *([name] if name else [])])
    for dotted in [base, *(f"{base}.{one}".lstrip(".") for one in names if one != "*")]:
        folders: tuple[Path, ...] = (folder,)
        passed: list[str] = []
        for part in filter(None, dotted.split(".")):
            place = find_in(folders, part) if passed else find_top(folders, part)
            if place is None:
                break
            passed.append(part)
            yield ".".join(passed), place
            folders = place.folders


def _module_of(folder: Path, file: Path) -> tuple[str, bool]:
    """Dotted name of a file below the folder, and whether it is a package."""
    parts = file.relative_to(folder).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    return ".".join(parts[:-1] if is_package else parts), is_package
