"""What imports what: which tests lead to a module of the package, and on how short a way."""

import ast
import re
from collections import deque
from functools import cache
from pathlib import Path

import grimp

BESIDE = ("tests", "research")
"""Rooms beside the package; their files are named by path."""

EXTRAS = "defocus.extras."

NAMED = re.compile(r"""["']((?:defocus|tests)(?:\.\w+)+)["':]""")
"""A module or folder of modules that is named in a text: what is found at run time."""

COMMAND_FIXTURES = re.compile(
    r"^def test_\w+\([^)]*\b(?:run(?:_afresh)?|data)\b", re.MULTILINE
)
"""Tests that start a command; ``tests/conftest.py`` has the fixtures."""


class Imports:
    """The imports of a checkout and its tests, late ones too; a folder counts as all in it."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        graph = grimp.build_graph("defocus", "defocus.datasets", cache_dir=None)
        self.modules = set(graph.modules)
        self.importers: dict[str, set[str]] = {module: set() for module in self.modules}
        for module in self.modules:
            for importer in graph.find_modules_that_directly_import(module):
                self._import(importer, module)
        for path in _sources(checkout):
            self._add(self.module_of(path), path)

    def module_of(self, path: Path) -> str:
        """Its dotted name; for a file beside the package its path."""
        parts = path.relative_to(self.checkout).with_suffix("").parts
        if parts[0] in BESIDE:
            return path.relative_to(self.checkout).as_posix()
        parts = parts if parts[0] == "defocus" else ("defocus", *parts)
        return ".".join(parts).removesuffix(".__init__")

    def ways(self, module: str, *, through_core: bool = True) -> dict[str, int]:
        """Everything that leads to a module, by the number of imports between.

        The core imports no extra, and only finds each at run time: without ``through_core`` that
        does not count."""
        away, left = {module: 0}, deque([module])
        while left:
            way = left.popleft()
            for importer in self.importers.get(way, ()):
                core = importer.startswith("defocus") and not importer.startswith(
                    EXTRAS
                )
                if importer not in away and (through_core or not core):
                    away[importer] = away[way] + 1
                    left.append(importer)
        return away

    def _add(self, importer: str, path: Path) -> None:
        """The imports that the package's own graph lacks."""
        text = path.read_text(encoding="utf-8")
        names = set(NAMED.findall(text))
        if importer.endswith(".py"):
            names |= _imported(text)
            if COMMAND_FIXTURES.search(text):
                names.add("tests.command_process")
            folders = Path(importer).parents[:-2]  # that of the room counts for none
            names |= {
                f"{folder.as_posix().replace('/', '.')}.conftest" for folder in folders
            }
        for name in names:
            self._import(importer, name)

    def _import(self, importer: str, name: str) -> None:
        if name.partition(".")[0] in BESIDE:
            for path in (
                f"{part.replace('.', '/')}.py"
                for part in (name, name.rpartition(".")[0])
            ):
                if (self.checkout / path).is_file():
                    self.importers.setdefault(path, set()).add(importer)
            return
        while name not in self.modules:
            name = name.rpartition(".")[0]
        inside = f"{name}." if name != "defocus" else "-"
        for module in (
            name,
            *(each for each in self.modules if each.startswith(inside)),
        ):
            if not importer.startswith(f"{module}."):
                self.importers[module].add(importer)


def _sources(checkout: Path) -> list[Path]:
    """The Python files of the package and of the rooms beside it."""
    rooms = (
        "align", "baselines", "benchmark", "capture", "datasets", "defocus", "extras", "reports",
        "restoration", *BESIDE,
    )  # fmt: skip
    return [
        path
        for room in rooms
        for path in (checkout / room).rglob("*.py")
        if not any(folder.is_symlink() for folder in path.parents)
    ]


def _imported(text: str) -> set[str]:
    """Names that a file imports anywhere in it, each with the names taken from it."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name for name in names if name.startswith(("defocus", *BESIDE))}


@cache
def imports_of(checkout: Path) -> Imports:
    """The imports of a checkout, read once."""
    return Imports(checkout)
