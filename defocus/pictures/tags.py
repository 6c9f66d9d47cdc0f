"""Directories of tags, in TIFF files and EXIF blocks; damage is recorded, never raised.

Source: TIFF 6.0, section 2; BigTIFF (Adobe 2007)."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from defocus.reading import FileBytes

LETTERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
LETTERS |= {16: "Q", 17: "q", 18: "Q"}
"""How ``struct`` reads a number by its type; 16 to 18 are of BigTIFF."""
FRACTIONS = {5: "I", 10: "i"}
"""Letters of the struct module for the two numbers of a fraction, by type."""
TEXT, UNDEFINED = (2, 129), 7
"""Types whose values are bytes; 129 is text of Exif 3.0."""
SIZES = dict.fromkeys((*TEXT, UNDEFINED), 1)
SIZES |= {kind: struct.calcsize(f"<{letter}") for kind, letter in LETTERS.items()}
SIZES |= {kind: struct.calcsize(f"<2{letter}") for kind, letter in FRACTIONS.items()}
"""Bytes of a value by its type."""
WHOLE = (1, 3, 4, 13, 16, 18)
LONG, LONG8 = 4, (16, 17, 18)


@dataclass(frozen=True)
class DirectoryEntry:
    """An entry of a directory; its bytes are in the structure's byte order."""

    tag: int
    kind: int
    count: int
    content: bytes
    place: int = 0
    value_place: int = 0


@dataclass(frozen=True)
class Directory:
    """A directory: its sound entries, tags and places of the damaged ones, place of the next."""

    entries: tuple[DirectoryEntry, ...]
    damaged: tuple[tuple[int, int], ...]
    place: int
    following: int
    cut: bool

    def entry(self, tag: int) -> DirectoryEntry | None:
        """The first entry of a tag."""
        return next((one for one in self.entries if one.tag == tag), None)


@dataclass(frozen=True)
class Structure:
    """A TIFF structure; ``order`` is ``<`` or ``>``, ``first`` the place of its first directory."""

    data: bytes | FileBytes
    order: str
    big: bool
    first: int

    def number(self, entry: DirectoryEntry | None) -> int | None:
        """The first value of an entry of whole numbers; None if it has none."""
        if entry is None or entry.kind not in WHOLE or not entry.count:
            return None
        return int(struct.unpack_from(self.order + LETTERS[entry.kind], entry.content)[0])

    def directory(self, place: int) -> Directory | None:
        """The directory at a place; None if there is none."""
        head, step, count, pointer = (8, 20, "Q", "Q") if self.big else (2, 12, "H", "I")
        if not 8 <= place <= len(self.data) - head:
            return None
        stated = self._unpacked(count, place)
        begin = place + head
        table = self.data[begin : begin + step * stated]
        number = len(table) // step
        if not number and stated:
            return None
        entries, damaged = [], []
        for at in range(0, step * number, step):
            entry = self._entry(table[at : at + step], begin + at)
            if entry is None:
                damaged.append((struct.unpack_from(self.order + "H", table, at)[0], begin + at))
            else:
                entries.append(entry)
        end = begin + step * number
        cut = number < stated or end + step // 3 > len(self.data)
        following = 0 if cut else self._unpacked(pointer, end)
        return Directory(tuple(entries), tuple(damaged), place, following, cut)

    def _unpacked(self, letter: str, place: int) -> int:
        """A whole number at a place; zero where nothing is read."""
        size = struct.calcsize("<" + letter)
        content = self.data[place : place + size]
        return struct.unpack(self.order + letter, content)[0] if len(content) == size else 0

    def _entry(self, packed: bytes, at: int) -> DirectoryEntry | None:
        """The entry at a place; None if its type is unknown or its values are nowhere."""
        form, room, value = ("HHQ", 8, 12) if self.big else ("HHI", 4, 8)
        tag, kind, count = struct.unpack_from(self.order + form, packed)
        if kind not in SIZES or (kind in LONG8 and not self.big):
            return None
        size, place = SIZES[kind] * count, at + value
        if size <= room:
            return DirectoryEntry(tag, kind, count, packed[value : value + size], at, place)
        (place,) = struct.unpack_from(self.order + ("Q" if self.big else "I"), packed, value)
        content = self.data[place : place + size]
        return (
            DirectoryEntry(tag, kind, count, content, at, place) if len(content) == size else None
        )


def read_structure(data: bytes | FileBytes) -> Structure | None:
    """The TIFF structure in these bytes; None if they do not begin as one."""
    begin = data[:16]
    order = {b"II": "<", b"MM": ">"}.get(begin[:2])
    if order is None or len(begin) < 8:
        return None
    (magic,) = struct.unpack_from(order + "H", begin, 2)
    if magic == 43 and len(begin) == 16:
        return Structure(data, order, True, struct.unpack_from(order + "Q", begin, 8)[0])
    # RAW files of Olympus and Panasonic have their own numbers
    return Structure(data, order, False, struct.unpack_from(order + "I", begin, 4)[0])


def first_directory(data: bytes | FileBytes) -> tuple[Structure, Directory] | None:
    """The TIFF structure in these bytes with its first directory; None if there is none."""
    structure = read_structure(data)
    directory = structure.directory(structure.first) if structure is not None else None
    return None if structure is None or directory is None else (structure, directory)


def packed_directory(entries: Iterable[DirectoryEntry], place: int, order: str) -> bytes:
    """A directory and its values, as bytes for an even place; none follows it."""
    kept = sorted((_classic(one, order) for one in entries), key=lambda one: one.tag)
    table, values = struct.pack(order + "H", len(kept)), b""
    behind = place + 2 + 12 * len(kept) + 4
    for one in kept:
        table += struct.pack(order + "HHI", one.tag, one.kind, one.count)
        if len(one.content) <= 4:
            table += one.content.ljust(4, b"\0")
        else:
            table += struct.pack(order + "I", behind + len(values))
            values += one.content + b"\0" * (len(one.content) % 2)
    return table + b"\0\0\0\0" + values


def _classic(entry: DirectoryEntry, order: str) -> DirectoryEntry:
    """An entry without the long numbers of BigTIFF, where they fit."""
    if entry.kind not in LONG8:
        return entry
    numbers = struct.unpack(f"{order}{entry.count}Q", entry.content)
    content = struct.pack(f"{order}{entry.count}I", *(min(one, 2**32 - 1) for one in numbers))
    return DirectoryEntry(entry.tag, LONG, entry.count, content)
