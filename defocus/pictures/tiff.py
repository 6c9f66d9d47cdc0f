"""Tags of TIFF files.

Source: TIFF 6.0; Exif 3.0, section 4.6.3 (pointers to directories); Adobe's TIFF notes (Photoshop).
"""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from defocus.pictures.blocks import (
    Block,
    resource_blocks,
    without_thumbnails,
    xmp_block,
)
from defocus.pictures.tags import (
    EXIF_DIRECTORY,
    GPS_DIRECTORY,
    INTEROP_DIRECTORY,
    LONG,
    LONG8,
    WHOLE,
    Directory,
    DirectoryEntry,
    Structure,
    entry_block,
    first_directory,
    pointer,
    read_structure,
    tag_name,
    type_fits,
)

XMP = 700
IPTC = 33723
PHOTOSHOP = 34377
ICC = 34675
LAYERS = 37724
_GONE = frozenset({LAYERS, 290, 291})
"""Tags that no written file has: layers, and the light of each grey value (GrayResponse)."""
_STRUCTURE = frozenset(
    {
        254,
        255,
        256,
        257,
        258,
        259,
        262,
        263,
        264,
        265,
        266,
        273,
        277,
        278,
        279,
        284,
        288,
        289,
    }
    | {
        292,
        293,
        317,
        320,
        322,
        323,
        324,
        325,
        326,
        327,
        328,
        330,
        332,
        334,
        336,
        337,
    }
    | {
        338,
        339,
        340,
        341,
        347,
        351,
        512,
        513,
        514,
        515,
        517,
        518,
        519,
        520,
        521,
        529,
        530,
        531,
    }
    | {532, 559, 32995, 32996, 32997, 32998, 33421, 33422, 34690, 37439, 50674, 50844}
)
"""Tags of the first directory that are about how its pixels are stored."""
_KIND = 254
_PHOTOMETRIC = 262
_INKS = 5
_DESCRIPTION = 270
_OME_HEAD_BYTES = 4000
"""Bytes in which an OME description shows its root element: comments may come before it."""
_BITS = 258
_VALUES = 277
_EXTRA = 338
_FORMAT = 339
_FLOATS = 3
_REDUCED = 1
_INSIDE = 330
_MOST_PICTURES = 10_000
"""Largest number of directories of a file that are looked at."""
_MOST_INSIDE = 100
"""Largest number of directories inside one that are looked at."""
_RESOLUTION = frozenset({282, 283, 296})
_DIRECTORIES = (EXIF_DIRECTORY, GPS_DIRECTORY)


@dataclass(frozen=True)
class TiffTags:
    """Tags of a file's first picture besides its pixels; byte order ``<`` or ``>``."""

    # ``directories`` are those of EXIF, position and interoperability, by the tag of the pointer;
    # ``unstated`` is whether the last value of a pixel has no stated meaning.

    order: str = "<"
    image: tuple[DirectoryEntry, ...] = ()
    directories: dict[int, tuple[DirectoryEntry, ...]] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()
    inks: bool = False
    unstated: bool = False
    half_floats: bool = False

    def content(self, tag: int) -> bytes:
        """The values of a tag of the first directory; empty if it has none."""
        for one in self.image:
            if one.tag == tag:
                return one.content
        return b""


def tiff_tags(data: bytes) -> TiffTags:
    """The tags of a TIFF file; none if it is damaged as a whole."""
    first = first_directory(data)
    if first is None:
        return TiffTags()
    structure, directory = first
    directories: dict[int, tuple[DirectoryEntry, ...]] = {}
    damaged = [tag_name(tag) for tag, _ in directory.damaged if tag not in _STRUCTURE]
    image = []
    for entry in directory.entries:
        if entry.tag in _DIRECTORIES:
            _add_directory(structure, entry, directories, damaged)
        elif entry.tag in _STRUCTURE or entry.tag == INTEROP_DIRECTORY:
            continue
        elif type_fits(entry.tag, entry.kind) or entry.kind == 16:
            image.append(entry)
        else:
            damaged.append(tag_name(entry.tag))
    tags = TiffTags(
        structure.order,
        tuple(image),
        directories,
        tuple(damaged),
    )
    return _with_layout(tags, structure, directory)


def _with_layout(
    tags: TiffTags, structure: Structure, directory: Directory
) -> TiffTags:
    """The tags with what they say of the values of a pixel."""
    asked = (_PHOTOMETRIC, _VALUES, _EXTRA, _FORMAT, _BITS)
    colours, values, extra, form, bits = (
        structure.number(directory.entry(tag)) for tag in asked
    )
    inks = colours == _INKS
    unstated = extra == 0 and values in {2, 4} and not inks
    return replace(
        tags,
        inks=inks,
        unstated=unstated,
        half_floats=form == _FLOATS and bits == 16,
    )


def tiff_pictures(data: bytes) -> int:
    """How many pictures a file has, with masks of transparency, but without smaller copies."""
    structure = read_structure(data)
    if structure is None:
        return 1
    whole = 0
    for page in _pages(structure):
        kind = structure.number(page.entry(_KIND)) or 0
        whole += not kind & _REDUCED
    return max(whole, 1)


def _pages(structure: Structure) -> Iterator[Directory]:
    """The directories of the pictures: each that follows the first, and those inside them."""
    seen: set[int] = set()
    waiting = [structure.first]
    while waiting and len(seen) < _MOST_PICTURES:
        place = waiting.pop(0)
        page = None if place in seen else structure.directory(place)
        seen.add(place)
        if page is None:
            continue
        yield page
        inside = page.entry(_INSIDE)
        if inside is not None and inside.kind in WHOLE:
            places = structure.numbers(inside)
            waiting += map(int, places[:_MOST_INSIDE])
        waiting.append(page.following)


def _add_directory(
    structure: Structure,
    pointer: DirectoryEntry,
    directories: dict[int, tuple[DirectoryEntry, ...]],
    damaged: list[str],
) -> None:
    """Add the directory that a pointer leads to, and the directory inside it."""
    directory = structure.directory(structure.number(pointer) or 0)
    if directory is None or pointer.tag in directories:
        damaged.append(tag_name(pointer.tag))
        return
    damaged += [tag_name(tag, pointer.tag) for tag, _ in directory.damaged]
    sound = []
    for entry in directory.entries:
        if not type_fits(entry.tag, entry.kind, pointer.tag):
            damaged.append(tag_name(entry.tag, pointer.tag))
        elif entry.tag != INTEROP_DIRECTORY:
            sound.append(entry)
    directories[pointer.tag] = tuple(sound)
    if (
        pointer.tag == EXIF_DIRECTORY
        and (inner := directory.entry(INTEROP_DIRECTORY)) is not None
    ):
        _add_directory(structure, inner, directories, damaged)


def tiff_blocks(data: bytes) -> list[Block]:
    """Everything that the first picture of a TIFF file has besides its pixels."""
    tags = tiff_tags(data)
    blocks = [Block("TIFF tags", name) for name in tags.damaged]
    for entry in tags.image:
        if entry.tag == XMP:
            blocks.append(xmp_block(entry.content))
        elif entry.tag == PHOTOSHOP:
            blocks += resource_blocks(entry.content)
        elif entry.tag == LAYERS:
            blocks.append(Block("Photoshop layers"))
        else:
            kind = {ICC: "colour profile", IPTC: "IPTC"}.get(entry.tag, "TIFF tags")
            name = tag_name(entry.tag) if kind == "TIFF tags" else ""
            blocks.append(entry_block(kind, name, entry, tags.order))
    for group, entries in tags.directories.items():
        for entry in entries:
            name = tag_name(entry.tag, group)
            blocks.append(entry_block("EXIF", name, entry, tags.order))
    return blocks


def kept_entries(
    tags: TiffTags, values: tuple[int, ...], *, profile: bool
) -> list[DirectoryEntry]:
    """The tags of the first directory that stay true with ``values`` values per pixel."""
    kept = []
    for entry in tags.image:
        unwanted = entry.tag == ICC and not profile
        if entry.tag in _GONE or unwanted:
            continue
        if entry.tag == _DESCRIPTION and _of_other_pixels(entry.content, values):
            continue
        if entry.tag != PHOTOSHOP:
            kept.append(entry)
            continue
        content = without_thumbnails(entry.content)
        if content:
            kept.append(replace(entry, count=len(content), content=content))
    return kept


def _of_other_pixels(description: bytes, values: tuple[int, ...]) -> bool:
    """Whether a description is a program's layout of pixels that are not written so."""
    # tifffile, microscopes (OME) and ImageJ have such descriptions.
    if b"<OME" in description[:_OME_HEAD_BYTES]:
        sizes = re.findall(rb"\bSize([CZT])=[\"'](\d+)[\"']", description)
        planes = {name: int(size) for name, size in sizes}
        colours = values[0] if values else 1
        return planes != {b"C": colours, b"Z": 1, b"T": 1}
    shape = re.match(rb'(?:{"shape": \[|shape=\()([\d, ]*)[\])]', description)
    if shape is not None:
        numbers = re.findall(rb"\d+", shape[1])
        sides = tuple(map(int, numbers))
        return sides[2:] != values
    several = re.match(rb"ImageJ=.*\nimages=(?!1\s)", description, re.DOTALL)
    return several is not None


def further_entries(xmp: bytes, resources: bytes) -> list[DirectoryEntry]:
    """XMP and Photoshop resources from another format as tags."""
    resources = without_thumbnails(resources)
    entries = []
    if xmp:
        entries.append(DirectoryEntry(XMP, 1, len(xmp), xmp))
    if resources:
        entries.append(DirectoryEntry(PHOTOSHOP, 7, len(resources), resources))
    return entries


def as_exif(tags: TiffTags) -> bytes:
    """The tags as an EXIF block, without what other blocks hold."""
    elsewhere = {XMP, IPTC, PHOTOSHOP, ICC, *_GONE}
    image = [one for one in tags.image if one.tag not in elsewhere]
    if not image and not tags.directories:
        return b""
    letters = b"II" if tags.order == "<" else b"MM"
    begin = letters + struct.pack(tags.order + "HI", 42, 8)
    empty = packed_directory([], 8, tags.order)
    return with_tags(begin + empty, image, tags.directories)


def with_tags(
    encoded: bytes,
    image: Iterable[DirectoryEntry],
    directories: dict[int, tuple[DirectoryEntry, ...]],
) -> bytes:
    """A TIFF file (not BigTIFF) with one picture and further tags in its own byte order."""
    first = first_directory(encoded)
    if first is None:
        return encoded
    structure, own = first
    content = bytearray(encoded)
    order = structure.order

    def leading(tag: int, members: Iterable[DirectoryEntry]) -> DirectoryEntry:
        return pointer(tag, _appended(content, members, order), order)

    groups = dict(directories)
    if inner := groups.pop(INTEROP_DIRECTORY, None):
        outer = groups.get(EXIF_DIRECTORY, ())
        groups[EXIF_DIRECTORY] = (*outer, leading(INTEROP_DIRECTORY, inner))
    entries = _joined(image, own.entries)
    entries += [leading(tag, members) for tag, members in groups.items()]
    place = _appended(content, entries, order)
    struct.pack_into(order + "I", content, 4, place)
    return bytes(content)


def _joined(
    image: Iterable[DirectoryEntry], own: Iterable[DirectoryEntry]
) -> list[DirectoryEntry]:
    """The entries of a picture, one of which may be there twice, and an encoder's other ones."""
    entries = list(image)
    tags = {one.tag for one in entries}
    if tags & _RESOLUTION:  # tifffile writes some of its own accord
        tags |= _RESOLUTION
    return entries + [one for one in own if one.tag not in tags]


def _appended(content: bytearray, entries: Iterable[DirectoryEntry], order: str) -> int:
    """Append a directory at an even place, and say where it is."""
    content += b"\0" * (len(content) % 2)
    place = len(content)
    content += packed_directory(entries, place, order)
    return place


def packed_directory(
    entries: Iterable[DirectoryEntry], place: int, order: str
) -> bytes:
    """A directory and its values, as bytes for an even place; none follows it."""
    classic = [_classic(entry, order) for entry in entries]
    classic.sort(key=lambda entry: entry.tag)
    table = struct.pack(order + "H", len(classic))
    values = b""
    values_place = place + 2 + 12 * len(classic) + 4
    for entry in classic:
        content = entry.content
        table += struct.pack(order + "HHI", entry.tag, entry.kind, entry.count)
        if len(content) <= 4:
            table += content.ljust(4, b"\0")
            continue
        place_of_value = values_place + len(values)
        table += struct.pack(order + "I", place_of_value)
        values += content + b"\0" * (len(content) % 2)
    return table + b"\0\0\0\0" + values


def _classic(entry: DirectoryEntry, order: str) -> DirectoryEntry:
    """An entry without the long numbers of BigTIFF, where they fit."""
    if entry.kind not in LONG8:
        return entry
    numbers = struct.unpack(f"{order}{entry.count}Q", entry.content)
    short = [min(one, 2**32 - 1) for one in numbers]
    content = struct.pack(f"{order}{entry.count}I", *short)
    return DirectoryEntry(entry.tag, LONG, entry.count, content)
