"""A block: something that a picture's file holds besides its pixels."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_NAMES = 6


@dataclass(frozen=True)
class Block:
    """Something that a file holds besides its pixels, in its container's bytes."""

    # ``kind`` is for people (``EXIF``, ``XMP``, ``comment``): blocks of one kind are reported
    # together.

    kind: str
    name: str = ""
    content: bytes = b""


@dataclass(frozen=True)
class Remark:
    """What is said of blocks that a written picture lacks; a kind alone means all of its names."""

    text: str
    kinds: frozenset[str] = frozenset()


def resolution_block(across: float, down: float) -> Block:
    """Pixels per metre, which each kind of file says in its own way."""
    return Block("resolution", "", struct.pack("<dd", round(across), round(down)))


def lost_blocks(before: Iterable[Block], after: Iterable[Block]) -> list[Block]:
    """Blocks of the first file that the second one lacks or has with another content."""
    remaining = list(after)
    lost = []
    for block in before:
        if block in remaining:
            remaining.remove(block)
        else:
            lost.append(block)
    return lost


def left_out(blocks: Sequence[Block]) -> str:
    """A remark that names blocks; empty if there are none."""
    names: dict[str, list[str]] = {}
    for block in blocks:
        names.setdefault(block.kind, []).append(block.name)
    words = [kind_words(kind, [one for one in members if one]) for kind, members in names.items()]
    return f"left out: {', '.join(words)}" if words else ""


def kind_words(kind: str, names: Sequence[str]) -> str:
    """A kind with its names, of which there may be many."""
    if not names:
        return kind
    more = len(names) - MOST_NAMES
    listed = " ".join(names[:MOST_NAMES])
    return f"{kind} ({listed}{f' and {more} more' if more > 0 else ''})"
