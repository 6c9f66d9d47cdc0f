"""What pictures made anew from others leave behind on purpose: said once, not for each."""

from collections import Counter
from collections.abc import Iterable
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import cast

from defocus.blocks.inventory import inventory
from defocus.progress import say
from defocus.raw import RAW_SUFFIXES
from defocus.reading import require_file

__all__ = ["left_behind", "say_left_behind"]

_PROFILE = "colour profile"


def say_left_behind(sources: Iterable[Path], *, converted: bool = False) -> None:
    """Say in one line what files hold that the pictures made of them do not."""
    if text := left_behind(sources, converted=converted):
        say(text)


def left_behind(sources: Iterable[Path], *, converted: bool = False) -> str:
    """What files hold that pictures made of their pixels do not; empty if that is nothing.

    They are for datasets, which are handed on: a position or an owner's name does not belong there,
    and a thumbnail would show another picture. Where the pictures are converted to sRGB they need
    no profile, else they keep it. RAW files and files that cannot be read are passed over.
    """
    found: Counter[str] = Counter()
    number = 0
    for path in sources:
        kinds = _kinds(path)
        number += 1
        found.update(kinds - {_PROFILE})
    if not found:
        return ""
    told = ", ".join(f"{kind} ({count} of {number})" for kind, count in found.most_common())
    kept = (
        "are in sRGB and keep nothing" if converted else "keep the colour profile and nothing else"
    )
    return f"the new pictures {kept} of their files, which is about the shots: {told}"


def _kinds(path: Path) -> set[str]:
    if path.suffix.lower() in RAW_SUFFIXES:
        return set()
    try:
        require_file(path)
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            # mapped: of a large picture only the pages with its headers are read
            return {one.kind for one in inventory(cast(bytes, content))}
    except (OSError, ValueError):
        return set()
