"""The hint of a message about an unknown name: known names that are near it."""

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(name: str, known: Iterable[str], *, most: int = 3, nearness: float = 0.5) -> str:
    """``did you mean 'x' or 'y'?`` with known names near ``name``; empty where none is near.

    Args:
        name: What was typed; upper and lower case are the same.
        known: Names that exist, in lower case.
        most: How many names are told at most.
        nearness: How near a name must be, from 0 (any) to 1 (equal).
    """
    near = difflib.get_close_matches(name.lower(), list(known), n=most, cutoff=nearness)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""
