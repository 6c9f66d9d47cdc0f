"""Python source by meaning: comments, docstrings, formatting and order of imports do not count.

Nothing is run. Texts are the same under all versions of Python, as far as these parse alike."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

_IGNORED = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields of the parsed tree that mean nothing by themselves."""

_REACHES_ALL = frozenset({"globals", "locals", "vars", "eval", "exec"})
"""What uses one of these may use any name of its file."""

Imported = tuple[int, str, tuple[str, ...]]
"""Level, module and names of an import; without names for ``import a.b``."""


@dataclass(frozen=True)
class TopStatement:
    """A statement at the top level of a file; of an import, one name."""

    # ``uses`` and ``imports`` include the bodies of functions. ``is_plain`` binds its names and
    # does nothing else; ``waits`` does nothing before something uses it, as far as ``bases`` do
    # nothing.

    meaning: str
    binds: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    imports: tuple[Imported, ...] = ()
    is_import: bool = False
    is_plain: bool = False
    waits: bool = False
    bases: frozenset[str] = frozenset()
    uses_any: bool = False
    elements: tuple["TopStatement", ...] = ()


def statements_of(text: bytes) -> tuple[TopStatement, ...]:
    """The statements of a file; a single one, its bytes, where they are not Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return (TopStatement(f"bytes {hashlib.sha256(text).hexdigest()}"),)
    return tuple(one for node in _kept(tree.body) for one in _statements(node))


def joined(statements: Iterable[TopStatement]) -> str:
    """The meaning of several statements: imports first, by name, then the others in their order."""
    several = list(statements)
    imports = sorted({one.meaning for one in several if one.is_import})
    return "\n".join([*imports, *(one.meaning for one in several if not one.is_import)])


def _statements(node: ast.stmt) -> Iterator[TopStatement]:
    if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
        return
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            one = (
                ast.ImportFrom(node.module, [alias], node.level)
                if isinstance(node, ast.ImportFrom)
                else ast.Import([alias])
            )
            name = alias.asname or alias.name.partition(".")[0]
            plain = alias.name != "*"
            yield _statement(one, frozenset({name}), is_import=True, is_plain=plain)
        return
    stored = frozenset(
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    )
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        changed = frozenset(
            n for one in ast.walk(node) if isinstance(one, ast.Global) for n in one.names
        )
        bases, keywords = (
            (node.bases, node.keywords) if isinstance(node, ast.ClassDef) else ([], [])
        )
        waits = not (node.decorator_list or keywords)
        statement = _statement(node, changed | {node.name}, is_plain=True, waits=waits)
        yield replace(statement, bases=frozenset(name for one in bases for name in _names(one)))
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        plain = all(map(_is_name, targets))
        waits = plain and _is_constant(node.value)
        elements = _elements(node.value)
        yield _statement(node, stored, is_plain=plain, waits=waits, elements=elements)
    else:
        yield _statement(node, stored, is_plain=type(node).__name__ == "TypeAlias")


def _statement(
    node: ast.AST,
    binds: frozenset[str],
    *,
    is_import: bool = False,
    is_plain: bool = False,
    waits: bool = False,
    elements: tuple[TopStatement, ...] = (),
) -> TopStatement:
    names = _names(node)
    return TopStatement(
        _meaning(node),
        binds,
        names,
        tuple(_imports(node)),
        is_import,
        is_plain,
        waits,
        uses_any=bool(names & _REACHES_ALL) or any(map(_is_modules, ast.walk(node))),
        elements=elements,
    )


def _names(node: ast.AST) -> frozenset[str]:
    return frozenset(one.id for one in ast.walk(node) if isinstance(one, ast.Name))


def _is_modules(node: ast.AST) -> bool:
    """Whether it is ``sys.modules``, of which a file may look up its own names."""
    if not isinstance(node, ast.Attribute) or node.attr != "modules":
        return False
    return isinstance(node.value, ast.Name) and node.value.id == "sys"


def _is_constant(value: ast.expr | None) -> bool:
    try:
        ast.literal_eval(value or "None")
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _elements(value: ast.expr | None) -> tuple[TopStatement, ...]:
    if not isinstance(value, ast.Tuple | ast.List):
        return ()
    if any(isinstance(one, ast.Starred) for one in value.elts):
        return ()
    return tuple(_statement(one, frozenset()) for one in value.elts)


def _is_name(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return all(map(_is_name, target.elts))
    return isinstance(target, ast.Name)


def _imports(node: ast.AST) -> Iterator[Imported]:
    for one in ast.walk(node):
        if isinstance(one, ast.Import):
            yield from ((0, alias.name, ()) for alias in one.names)
        elif isinstance(one, ast.ImportFrom):
            yield one.level, one.module or "", tuple(alias.name for alias in one.names)


def _kept(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that do something: no docstrings, bare constants and ``pass``."""
    return [
        one
        for one in body
        if not isinstance(one, ast.Pass)
        and not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
    ]


def _meaning(node: ast.AST) -> str:
    """A tree as text; without recursion, for long sums are deep trees."""
    texts: list[str] = []
    waiting: list[str | ast.AST | list[object]] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            texts.append(one)
        elif isinstance(one, list):
            waiting += ["]", *reversed([_piece(each) for each in one]), "["]
        else:
            waiting.append(")")
            for name, value in reversed(list(_fields(one))):
                waiting += [_piece(value), f" {name}="]
            waiting.append(f"{type(one).__name__}(")
    return "".join(texts)


def _fields(node: ast.AST) -> Iterator[tuple[str, object]]:
    """The fields with a meaning; empty ones are left out, as older versions lack them."""
    for name in sorted(node._fields):
        value = getattr(node, name, None)
        if isinstance(value, list) and name in {"body", "orelse", "finalbody"}:
            value = _kept(value)
        if isinstance(node, ast.JoinedStr) and name == "values":
            value = list(_joined_constants(node.values))
        if name not in _IGNORED and value is not None and value != []:
            yield name, value


def _joined_constants(values: list[ast.expr]) -> Iterator[ast.expr]:
    """The pieces of an f-string, of which versions cut the constant ones differently."""
    for constant, group in groupby(values, lambda one: isinstance(one, ast.Constant)):
        if constant:
            text = "".join(str(one.value) for one in group if isinstance(one, ast.Constant))
            yield from [ast.Constant(text)] if text else []
        else:
            yield from group


def _piece(value: object) -> "str | ast.AST | list[object]":
    if isinstance(value, ast.AST | list):
        return value
    shown = hex(value) if type(value) is int else ascii(value)  # a decimal one has a limit
    return f"{type(value).__name__}:{shown},"
