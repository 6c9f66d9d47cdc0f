"""What of a module's source decides a number: its statements, and which modules they import.

The syntax of the three hundred modules behind a training takes a third of a second to read, so what
was found is kept in the cache, by hash of the source.
"""

import ast
import functools
import hashlib
import itertools
import json
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from defocus.datasets.cache import cache_folder
from defocus.errors import StorageError
from defocus.files import write_bytes

__all__ = ["keep_read", "read_code"]

_FILE = "module-code.json"
_MOST = 4096
"""Sources that are kept; past that, those of this process alone."""

_Read = tuple[str, tuple[str, ...]]


@functools.cache
def _read_now() -> dict[str, _Read]:
    """What this process read, by hash of the source."""
    return {}


def read_code(source: bytes) -> _Read:
    """Hash of a module's code, and the names it imports.

    Comments, blank lines and docstrings do not count; an import inside a function does.

    Args:
        source: UTF-8 text of a Python module.

    Raises:
        SyntaxError: It is none.
    """
    key = hashlib.sha256(source).hexdigest()
    read = _kept().get(key) or _parsed(source.decode())
    _read_now()[key] = read
    return read


def keep_read() -> None:
    """Write what was read to the cache, where it does not have it yet.

    A cache that takes no file costs the next start a third of a second, and no result.
    """
    new = _read_now().keys() - _kept().keys()
    if not new:
        return
    entries = _kept() | _read_now()
    if len(entries) > _MOST:
        entries = _read_now()
    document = {"method": _method(), "modules": entries}
    try:
        write_bytes(cache_folder() / _FILE, json.dumps(document).encode())
    except StorageError:
        return
    _kept.cache_clear()


@functools.cache
def _kept() -> dict[str, _Read]:
    try:
        document = json.loads((cache_folder() / _FILE).read_bytes())
        if document["method"] != _method():
            return {}
        return {
            key: (str(digest), tuple(map(str, names)))
            for key, (digest, names) in document["modules"].items()
        }
    except (StorageError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # none yet, or no document of ours


@functools.cache
def _method() -> str:
    """Hash of this module: what another version of it found does not count."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def _parsed(source: str) -> _Read:
    blocks = list(_blocks(ast.parse(source).body))
    skipped = _docstring_lines(blocks)
    kept = [
        line.rstrip()
        for number, line in enumerate(source.splitlines(), start=1)
        if number not in skipped and line.strip() and not line.lstrip().startswith("#")
    ]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest(), tuple(_imported(blocks))


def _blocks(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Statements and those inside them; expressions, most of a tree, hold none."""
    waiting = deque([body] if body else [])  # a file may be empty
    while waiting:
        block = waiting.popleft()
        yield block
        for node in block:
            branches = (*getattr(node, "handlers", ()), *getattr(node, "cases", ()))
            for holder in (node, *branches):
                inner = (getattr(holder, name, None) for name in ("body", "orelse", "finalbody"))
                waiting.extend(each for each in inner if each)


def _docstring_lines(blocks: Iterable[list[ast.stmt]]) -> set[int]:
    lines: set[int] = set()
    for block in blocks:
        first = block[0]
        if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
            continue
        if isinstance(first.value.value, str):
            lines.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return lines


def _imported(blocks: Iterable[list[ast.stmt]]) -> Iterator[str]:
    for node in itertools.chain.from_iterable(blocks):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
