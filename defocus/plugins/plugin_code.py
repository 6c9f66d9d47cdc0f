"""What a plug-in consists of: its file and the files beside it that it imports, by their syntax.

Comments, docstrings and formatting do not count. Nothing is run."""

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

_SILENT = frozenset(
    {
        "ctx",
        "kind",
        "type_comment",
        "type_ignores",
    }
)
"""Fields of the syntax tree that follow from others and are left out of the hash."""

_NO_PYTHON = (
    SyntaxError,
    ValueError,
    RecursionError,
    MemoryError,
)
"""Errors that parsing raises for a compiled module or a damaged file."""


def local_file(folders: Iterable[Path], dotted: str) -> Path | None:
    """The file of a module below one of the folders; None if it is elsewhere."""
    parts = dotted.split(".")
    if parts[0] in {"defocus", *sys.builtin_module_names} or not all(parts):
        return None
    for folder in folders:
        place = folder.joinpath(*parts)
        suffixes = (*EXTENSION_SUFFIXES, ".py")
        modules = [place.with_name(f"{parts[-1]}{suffix}") for suffix in suffixes]
        for file in (place / "__init__.py", *modules):
            if file.is_file():
                return file
    return None


def read_sources(path: Path) -> dict[Path, bytes]:
    """A plug-in file, first, and the files of its folder tree that import statements lead to."""
    sources: dict[Path, bytes] = {}
    waiting: list[tuple[Path, list[str]]] = [(path, [])]
    while waiting:
        file, package = waiting.pop()
        if file in sources:
            continue
        sources[file] = file.read_bytes()
        for parts in _imported_names(sources[file], package):
            for length in range(1, len(parts) + 1):
                inner = local_file([path.parent], ".".join(parts[:length]))
                if inner is not None:
                    depth = length if inner.name == "__init__.py" else length - 1
                    waiting.append((inner, parts[:depth]))
    return sources


def hashes_of(sources: Mapping[Path, bytes]) -> dict[str, str]:
    """SHA-256 hash of the syntax of each file, by its path below the plug-in's folder."""
    folder = next(iter(sources)).parent
    return {
        file.relative_to(folder).as_posix(): _hash(text)
        for file, text in sources.items()
    }


def digest_of(hashes: Mapping[str, str]) -> str:
    """SHA-256 hash of a plug-in; the name of its own file, the first one, does not count."""
    (_, own), *others = hashes.items()
    lines = [own]
    for name, digest in sorted(others):
        lines.append(f"{name} {digest}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _hash(text: bytes) -> str:
    try:
        syntax = "\n".join(_lines(_without_docstrings(ast.parse(text)))).encode()
    except _NO_PYTHON:
        syntax = text
    return hashlib.sha256(syntax).hexdigest()


def _lines(tree: ast.AST) -> Iterator[str]:
    """The nodes level by level, without empty fields, which older versions of Python lack."""
    for node in ast.walk(tree):
        yield type(node).__name__
        for name, value in sorted(ast.iter_fields(node)):
            if name in _SILENT or value is None or value == []:
                continue
            if isinstance(value, list):
                words = [one for one in value if isinstance(one, str)]
                yield f" {name}: {len(value)} {words}"
            else:
                yield f" {name}: {'' if isinstance(value, ast.AST) else ascii(value)}"


def _without_docstrings(tree: ast.AST) -> ast.AST:
    """A tree without the bare constants in the bodies of files, classes and functions."""
    for node in list(ast.walk(tree)):
        body = getattr(node, "body", None)
        if not isinstance(body, list):  # that of a lambda is an expression
            continue
        for statement in list(body):
            if not isinstance(statement, ast.Expr):
                continue
            if isinstance(statement.value, ast.Constant):
                body.remove(statement)
    return tree


def _imported_names(text: bytes, package: Sequence[str]) -> Iterator[list[str]]:
    """The dotted names in the import statements of a file, those inside functions too."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except _NO_PYTHON:
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) + 1 - node.level]) if node.level else []
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                yield [*base, alias.name]
