"""Hint for an unknown name: similar known names."""

import difflib
from collections.abc import Callable, Iterable
from functools import wraps
from inspect import signature
from typing import Any

SYNONYMS = {
    **dict.fromkeys(
        (
            "baselines",
            "methods",
            "models",
            "networks",
        ),
        "systems",
    ),
    "format": "csv",
    "measure": "audit",
    "pairs": "repeat",
}
"""Our word for each word that others, or our own folders, use for the same thing."""


def did_you_mean(
    name: str,
    names: Iterable[str],
    *,
    most: int = 3,
    nearness: float = 0.6,
) -> str:
    """``did you mean 'x' or 'y'?`` with known names similar to ``name``; empty if none is."""
    own = {one.lower().lstrip("-"): one for one in names}
    words = {
        **{word: own[target] for word, target in SYNONYMS.items() if target in own},
        **own,
    }
    bare = name.lower().lstrip("-")
    near = difflib.get_close_matches(
        bare,
        words,
        n=most,
        cutoff=nearness,
    )
    written = dict.fromkeys(repr(words[one]) for one in near)
    return f"did you mean {' or '.join(written)}?" if near else ""


def meant(
    name: object,
    choices: Iterable[str],
    listed_by: str = "",
    *,
    most: int = 3,
) -> str:
    """Words for an unknown name: names like it, else all, or the command that lists them."""
    names = list(choices)
    listed = f"there {'is' if len(names) == 1 else 'are'} {', '.join(names) or 'none'}"
    every = f"'{listed_by}' shows all" if listed_by else listed
    return did_you_mean(str(name), names, most=most) or every


def with_hint(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function; a call with a keyword that it lacks is an error that names the likely one."""
    parameters = signature(function).parameters
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return function  # it knows them itself

    @wraps(function)
    def hinting(*values: Any, **named: Any) -> Any:  # noqa: ANN401 - those of the function
        for name in named:
            if name not in parameters:
                hint = meant(name, parameters)
                raise TypeError(
                    f"{function.__name__}() has no argument '{name}'; {hint}"
                )
        return function(*values, **named)

    return hinting
