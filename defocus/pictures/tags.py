"""Directories of tags, in TIFF files and EXIF blocks; damage is recorded, never raised.

An EXIF block is carried whole; what is damaged, or shows the old picture, is changed in place,
because maker notes point into the block.
Source: TIFF 6.0, section 2; BigTIFF (Adobe 2007); Exif 3.0, sections 4.5 and 4.6."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from defocus.pictures.blocks import Block
from defocus.reading import FileBytes

LETTERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
LETTERS |= {16: "Q", 17: "q", 18: "Q"}
"""How ``struct`` reads a number by its type; 16 to 18 are of BigTIFF."""
FRACTIONS = {5: "I", 10: "i"}
"""Letters of the struct module for the two numbers of a fraction, by type."""
_SWAPPED = {
    3: "H",
    4: "I",
    8: "h",
    9: "i",
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
} | FRACTIONS
"""Letters for the parts of a value whose bytes have an order, by type."""
TEXT = (2, 129)
"""Types of text; 129 is that of Exif 3.0."""
UNDEFINED = 7
"""Type of bytes without a meaning that the type says."""
SIZES = dict.fromkeys((*TEXT, UNDEFINED), 1)
SIZES |= {kind: struct.calcsize(f"<{letter}") for kind, letter in LETTERS.items()}
SIZES |= {kind: struct.calcsize(f"<2{letter}") for kind, letter in FRACTIONS.items()}
"""Bytes of a value by its type."""
_INFINITE = 2**32 - 1
"""Numerator of a distance that a camera writes for infinity, whatever the denominator."""
WHOLE = (1, 3, 4, 13, 16, 18)
LONG = 4
LONG8 = (16, 17, 18)


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
        for one in self.entries:
            if one.tag == tag:
                return one
        return None


@dataclass(frozen=True)
class Structure:
    """A TIFF structure; ``order`` is ``<`` or ``>``, ``first`` the place of its first directory."""

    data: bytes | FileBytes
    order: str
    big: bool
    first: int

    def numbers(
        self, entry: DirectoryEntry | None
    ) -> tuple[int | float | Fraction, ...]:
        """The numbers of an entry; none if a fraction is infinite or has the denominator 0."""
        if entry is None:
            return ()
        if entry.kind in LETTERS:
            letter = LETTERS[entry.kind]
            form = f"{self.order}{entry.count}{letter}"
            return struct.unpack(form, entry.content)
        if entry.kind not in FRACTIONS:
            return ()
        letter = FRACTIONS[entry.kind]
        form = f"{self.order}{2 * entry.count}{letter}"
        values = struct.unpack(form, entry.content)
        above = values[::2]
        below = values[1::2]
        if _INFINITE in above or not all(below):
            return ()
        return tuple(map(Fraction, above, below))

    def number(self, entry: DirectoryEntry | None) -> int | None:
        """The first value of an entry of whole numbers; None if it has none."""
        if entry is None or entry.kind not in WHOLE or not entry.count:
            return None
        return int(
            struct.unpack_from(self.order + LETTERS[entry.kind], entry.content)[0]
        )

    def directory(self, place: int) -> Directory | None:
        """The directory at a place; None if there is none."""
        head, step, count, pointer = 2, 12, "H", "I"
        if self.big:
            head, step, count, pointer = 8, 20, "Q", "Q"
        if not 8 <= place <= len(self.data) - head:
            return None
        stated = self._unpacked(count, place)
        begin = place + head
        table_end = begin + step * stated
        table = self.data[begin:table_end]
        number = len(table) // step
        if not number and stated:
            return None
        end = begin + step * number
        entries, damaged = self._entries(range(begin, end, step))
        pointer_bytes = step // 3
        file_end = len(self.data)
        cut = number < stated or end + pointer_bytes > file_end
        following = 0 if cut else self._unpacked(pointer, end)
        return Directory(entries, damaged, place, following, cut)

    def _entries(
        self, places: range
    ) -> tuple[tuple[DirectoryEntry, ...], tuple[tuple[int, int], ...]]:
        """The sound entries at these places, and tags and places of the damaged ones."""
        entries = []
        damaged = []
        table = self.data[places.start : places.stop]
        for at in places:
            start = at - places.start
            packed = table[start:][: places.step]
            entry = self._entry(packed, at)
            if entry is None:
                tag = struct.unpack_from(self.order + "H", packed)[0]
                damaged.append((tag, at))
            else:
                entries.append(entry)
        return tuple(entries), tuple(damaged)

    def _unpacked(self, letter: str, place: int) -> int:
        """A whole number at a place; zero where nothing is read."""
        size = struct.calcsize("<" + letter)
        content = self.data[place : place + size]
        if len(content) != size:
            return 0
        (number,) = struct.unpack(self.order + letter, content)
        return int(number)

    def _entry(self, packed: bytes, at: int) -> DirectoryEntry | None:
        """The entry at a place; None if its type is unknown or its values lie outside the data."""
        form, room, value = ("HHQ", 8, 12) if self.big else ("HHI", 4, 8)
        tag, kind, count = struct.unpack_from(self.order + form, packed)
        unexpected = kind in LONG8 and not self.big
        if kind not in SIZES or unexpected:
            return None
        size = SIZES[kind] * count
        if size <= room:
            content = packed[value : value + size]
            return DirectoryEntry(
                tag,
                kind,
                count,
                content,
                at,
                at + value,
            )
        pointer_form = self.order + form[-1]
        (place,) = struct.unpack_from(pointer_form, packed, value)
        content = self.data[place : place + size]
        if len(content) != size:
            return None
        return DirectoryEntry(tag, kind, count, content, at, place)


def read_structure(data: bytes | FileBytes) -> Structure | None:
    """The TIFF structure in these bytes; None if they do not begin as one."""
    begin = data[:16]
    order = {b"II": "<", b"MM": ">"}.get(begin[:2])
    if order is None or len(begin) < 8:
        return None
    (magic,) = struct.unpack_from(order + "H", begin, 2)
    if magic == 43 and len(begin) == 16:
        first = struct.unpack_from(order + "Q", begin, 8)[0]
        return Structure(data, order, True, first)
    # RAW files of Olympus and Panasonic have their own numbers
    first = struct.unpack_from(order + "I", begin, 4)[0]
    return Structure(data, order, False, first)


def first_directory(data: bytes | FileBytes) -> tuple[Structure, Directory] | None:
    """The TIFF structure in these bytes with its first directory; None if there is none."""
    structure = read_structure(data)
    if structure is None:
        return None
    directory = structure.directory(structure.first)
    return None if directory is None else (structure, directory)


EXIF_DIRECTORY = 34665
GPS_DIRECTORY = 34853
INTEROP_DIRECTORY = 40965
ORIENTATION = 274
_POINTERS = (EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY)
_THUMBNAIL_PLACE = 513
_THUMBNAIL_BYTES = 514
_COMPATIBLE = {
    1: {1, 7},
    2: {2, 7, 129},
    3: {3, 4},
    4: {3, 4, 13},
    5: {3, 4, 5, 10, 11, 12},
    7: {1, 2, 4, 7, 129},
    10: {3, 4, 5, 8, 9, 10, 11, 12},
    11: {11, 12},
    12: {11, 12},
}
"""Types that are accepted instead of the standard's type, because programs write them: Pillow
writes fractions as floats; phones write texts without a type; libtiff, exiftool and Photoshop write
IPTC as whole numbers."""
_TYPES = {
    **dict.fromkeys(
        (33434, 33437, 37378, 37381, 37382, 37386, 41486, 41487, 41988, 42034), 5
    ),
    **dict.fromkeys((37377, 37379, 37380), 10),
    **dict.fromkeys(
        (36867, 36868, 36880, 36881, 36882, 37520, 37521, 37522, 42033, 42035), 2
    ),
    **dict.fromkeys((42032, 42036, 42037), 2),
    **dict.fromkeys(
        (34850, 34855, 34864, 37383, 37384, 37385, 40961, 41488, 41495, 41985), 3
    ),
    **dict.fromkeys((41986, 41987, 41989, 41990, 41991, 41992, 41993, 41994, 41996), 3),
    **dict.fromkeys((40962, 40963), 4),
    **dict.fromkeys((36864, 37121, 40960, 41728, 41729), 7),
}
"""Types of tags of the EXIF directory that Pillow's table lacks."""


@dataclass(frozen=True)
class _Part:
    """One directory of a block; ``group`` is the tag of its pointer, 0 or 1 without one."""

    group: int
    directory: Directory


def tag_name(tag: int, group: int = 0) -> str:
    """Name of a tag for people; its number if it has none."""
    from PIL.ExifTags import GPSTAGS, TAGS

    names = GPSTAGS if group == GPS_DIRECTORY else TAGS
    return str(names.get(tag, f"0x{tag:04x}"))


def type_fits(tag: int, kind: int, group: int = 0) -> bool:
    """Whether a tag may have values of a type; tags outside the standards may have any."""
    from PIL import TiffTags

    wanted = _TYPES.get(tag) if group == EXIF_DIRECTORY else None
    if wanted is None and group in {0, 1, *_POINTERS}:
        tag_info = TiffTags.lookup(tag, group if group in _POINTERS else None)
        wanted = tag_info.type
    if wanted is None:
        return True
    return kind in _COMPATIBLE.get(wanted, {wanted})


def exif_blocks(exif: bytes) -> list[Block]:
    """Every sound tag of an EXIF block; of a thumbnail only its presence counts."""
    structure = read_structure(exif)
    if structure is None:
        return [Block("EXIF", "", exif)] if exif else []
    blocks = []
    for part in _parts(structure):
        if part.group == 1:
            blocks.append(Block("EXIF thumbnail"))
            continue
        for entry in part.directory.entries:
            if entry.tag not in _POINTERS:
                name = tag_name(entry.tag, part.group)
                blocks.append(entry_block("EXIF", name, entry, structure.order))
        for tag, _ in part.directory.damaged:
            blocks.append(Block("EXIF", tag_name(tag, part.group)))
    return blocks


def entry_block(
    kind: str,
    name: str,
    entry: DirectoryEntry,
    order: str,
) -> Block:
    """The block of an entry; the same values are the same bytes in either order."""
    return Block(kind, name, _little(entry, order))


def _little(entry: DirectoryEntry, order: str) -> bytes:
    """The values of an entry as a little-endian structure of the usual numbers has them."""
    letter = _SWAPPED.get(entry.kind)
    if letter is None:
        return entry.content
    size = struct.calcsize("<" + letter)
    number = len(entry.content) // size
    form = f"{order}{number}{letter}"
    values = struct.unpack(form, entry.content)
    if entry.kind == 16 and all(one < 2**32 for one in values):
        letter = "I"
    return struct.pack(f"<{number}{letter}", *values)


def pointer(tag: int, place: int, order: str) -> DirectoryEntry:
    """An entry that points at a directory."""
    return DirectoryEntry(tag, 4, 1, struct.pack(order + "I", place))


def number_of_tag(exif: bytes, tag: int) -> int | None:
    """The whole number that a tag of the first directory has, if its type is right."""
    structure, entry = _first_entry(exif, tag)
    if structure is None or entry is None:
        return None
    if not type_fits(tag, entry.kind):
        return None
    return structure.number(entry)


def _first_entry(
    exif: bytes, tag: int
) -> tuple[Structure | None, DirectoryEntry | None]:
    """The structure of a block, and the entry of a tag in its first directory."""
    first = first_directory(exif)
    if first is None:
        return None, None
    structure, directory = first
    return structure, directory.entry(tag)


def with_orientation(exif: bytes, orientation: int) -> bytes:
    """A block with another orientation, if it has one at all."""
    structure, entry = _first_entry(exif, ORIENTATION)
    if structure is None or entry is None:
        return exif
    if entry.kind not in {3, 4} or not entry.count:
        return exif
    form = structure.order + ("H" if entry.kind == 3 else "I")
    value = struct.pack(form, orientation)
    end = entry.value_place + len(value)
    return exif[: entry.value_place] + value + exif[end:]


def mended_exif(exif: bytes) -> tuple[bytes, list[str]]:
    """An EXIF block without its damaged tags, empty if all of it is damaged; and their names."""
    structure = read_structure(exif)
    whole = exif[2:4] in {b"*\0", b"\0*"}
    if structure is None or not whole or structure.directory(structure.first) is None:
        return b"", ["all of it"] if exif else []
    content = bytearray(exif)
    names: list[str] = []
    parts = list(_parts(structure))
    reached = {part.directory.place for part in parts}
    for part in parts:
        names += _mend(content, structure, part, reached)
    return bytes(content), names


def _mend(
    content: bytearray,
    structure: Structure,
    part: _Part,
    reached: set[int],
) -> list[str]:
    """Take entries out that are damaged, lead nowhere, or have a wrong type; return their names."""
    directory = part.directory
    group = part.group
    gone = list(directory.damaged)
    kept = []
    for entry in directory.entries:
        unreached = structure.number(entry) not in reached
        lost = entry.tag in _POINTERS and unreached
        if lost or not type_fits(entry.tag, entry.kind, group):
            gone.append((entry.tag, entry.place))
        else:
            kept.append(entry.place)
    names = [tag_name(tag, group) for tag, _ in gone]
    leads_nowhere = bool(directory.following) and directory.following not in reached
    if gone or directory.cut or (leads_nowhere and group == 0):
        following = 0 if leads_nowhere else directory.following
        _rewrite(
            content,
            structure.order,
            directory,
            kept,
            following,
        )
        names += ["the end of a directory"] if directory.cut else []
    return names


def _rewrite(
    content: bytearray,
    order: str,
    directory: Directory,
    kept: list[int],
    following: int,
) -> None:
    """Write a directory's table again with some of its entries; their values stay in place."""
    table = struct.pack(order + "H", len(kept))
    for place in kept:
        table += content[place : place + 12]
    table += struct.pack(order + "I", following)
    number = len(directory.entries) + len(directory.damaged)
    whole = table.ljust(2 + 12 * number + 4, b"\0")
    end = directory.place + len(whole)
    content[directory.place : end] = whole


def _parts(structure: Structure) -> Iterator[_Part]:
    """The directories of a block, each once."""
    first = structure.directory(structure.first)
    if first is None:
        return
    seen = {first.place}
    waiting = [_Part(0, first)]
    while waiting:
        part = waiting.pop(0)
        yield part
        entries = part.directory.entries
        further = []
        for entry in entries:
            if entry.tag in _POINTERS:
                place = structure.number(entry)
                further.append((entry.tag, place))
        if part.group == 0:
            further.append((1, part.directory.following))
        for group, place in further:
            directory = structure.directory(place or 0)
            if directory is not None and directory.place not in seen:
                seen.add(directory.place)
                waiting.append(_Part(group, directory))


def thumbnail_of(exif: bytes) -> bytes:
    """The JPEG thumbnail of a block; empty if it has none, or one in another format."""
    place, size, _ = _thumbnail(exif)
    return exif[place : place + size]


def with_thumbnail(exif: bytes, thumbnail: bytes) -> bytes:
    """A block with another thumbnail of no larger size; an empty thumbnail removes it."""
    structure = read_structure(exif)
    if structure is None:
        return exif
    content = bytearray(exif)
    place, size, entry = _thumbnail(exif)
    if thumbnail and entry is not None and len(thumbnail) <= size:
        padded = thumbnail.ljust(size, b"\0")
        content[place : place + size] = padded
        form = structure.order + ("H" if entry.kind == 3 else "I")
        struct.pack_into(form, content, entry.value_place, len(thumbnail))
        return bytes(content)
    first = structure.directory(structure.first)
    if first is not None and not first.cut and first.following:
        kept = [one.place for one in first.entries]
        kept += [at for _, at in first.damaged]
        _rewrite(
            content,
            structure.order,
            first,
            sorted(kept),
            0,
        )
        content[place : place + size] = bytes(size)
    return bytes(content)


def _thumbnail(exif: bytes) -> tuple[int, int, DirectoryEntry | None]:
    """Place and size of the JPEG thumbnail, and the entry that says its size."""
    structure = read_structure(exif)
    if structure is None:
        return 0, 0, None
    for part in _parts(structure):
        if part.group != 1:
            continue
        entry = part.directory.entry(_THUMBNAIL_BYTES)
        place = structure.number(part.directory.entry(_THUMBNAIL_PLACE)) or 0
        size = structure.number(entry) or 0
        is_jpeg = exif[place : place + 2] == b"\xff\xd8"
        if is_jpeg and place + size <= len(exif):
            return place, size, entry
        break
    return 0, 0, None
