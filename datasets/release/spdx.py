"""Licence expressions of SPDX: identifiers of its list, joined by ``AND``, ``OR`` and ``WITH``."""

import json
import re
from functools import cache
from pathlib import Path

__all__ = ["canonical_expression"]

LIST = Path(__file__).with_name("spdx.json")
OWN = re.compile(r"LicenseRef-[A-Za-z0-9.-]+", re.IGNORECASE)


@cache
def _names(kind: str) -> dict[str, str]:
    """The identifiers of the list by their lower case: ``licences`` or ``exceptions``."""
    return {name.lower(): name for name in json.loads(LIST.read_text(encoding="utf-8"))[kind]}


def canonical_expression(text: str) -> str | None:
    """An expression with its identifiers as the list writes them; None if it is none.

    Example:
        >>> canonical_expression("mit or (apache-2.0 with llvm-exception)")
        'MIT OR (Apache-2.0 WITH LLVM-exception)'
        >>> canonical_expression("MIT OR")
    """
    written: list[str] = []
    before, depth = "OR", 0  # what stands before: an operator, "(", ")" or a name
    for word in text.replace("(", " ( ").replace(")", " ) ").split():
        wanted = before in {"AND", "OR", "WITH", "("}
        part: str | None = word.upper()
        if word == "(":
            depth += 1
            right = wanted and before != "WITH"
        elif word == ")":
            depth -= 1
            right = not wanted and depth >= 0
        elif part == "WITH":
            right = before == "licence"
        elif part in {"AND", "OR"}:
            right = not wanted
        else:
            part = _names("exceptions").get(word.lower()) if before == "WITH" else _licence(word)
            right = wanted
        if part is None or not right:
            return None
        written.append(part)
        kinds = {"AND", "OR", "WITH", "(", ")"}
        before = part if part in kinds else "exception" if before == "WITH" else "licence"
    if depth or before in {"AND", "OR", "WITH", "("}:
        return None
    return " ".join(written).replace("( ", "(").replace(" )", ")")


def _licence(word: str) -> str | None:
    """An identifier as the list writes it, a name of one's own as it stands; None if neither."""
    if OWN.fullmatch(word):
        return f"LicenseRef-{word[len('LicenseRef-') :]}"
    name = _names("licences").get(word.removesuffix("+").lower())
    return None if name is None else name + "+" * word.endswith("+")
