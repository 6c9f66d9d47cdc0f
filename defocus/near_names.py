"""Hint for an unknown name: similar known names."""

import difflib
from collections.abc import Iterable

SYNONYMS = {
    **dict.fromkeys(("baselines", "methods", "models", "networks"), "systems"),
    "format": "csv",
    "measure": "audit",
}
"""Our word for what others, and our own folders, call differently."""


def did_you_mean(name: str, names: Iterable[str], *, most: int = 3, nearness: float = 0.6) -> str:
    """``did you mean 'x' or 'y'?`` with known names similar to ``name``; empty without."""
    own = {one.lower().lstrip("-"): one for one in names}
    words = {**{word: own[ours] for word, ours in SYNONYMS.items() if ours in own}, **own}
    bare = name.lower().lstrip("-")
    near = difflib.get_close_matches(bare, words, n=most, cutoff=nearness)
    written = dict.fromkeys(repr(words[one]) for one in near)
    return f"did you mean {' or '.join(written)}?" if near else ""


def meant(name: object, choices: Iterable[str], listed_by: str = "", *, most: int = 3) -> str:
    """What to say of an unknown name: names like it, else all, or the command that lists them."""
    names = list(choices)
    every = f"'{listed_by}' shows all" if listed_by else f"there are {', '.join(names) or 'none'}"
    return did_you_mean(str(name), names, most=most) or every
