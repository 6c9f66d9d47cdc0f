"""A block: something that a picture's file holds besides its pixels; resources, XMP packets.

Source: Adobe's file formats (Photoshop resources, of which IPTC is one); Google's camera and
container schemas, Adobe's gain map 1.0, C2PA 2.1 (pointers in XMP)."""

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from mmap import mmap

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
    """What is said about blocks that a written picture lacks; a kind without names means all."""

    text: str
    kinds: frozenset[str] = frozenset()


def big_number(data: bytes | mmap, place: int, length: int) -> int:
    """The number of some bytes, the highest first; bytes beyond the end are left out."""
    return int.from_bytes(data[place : place + length], "big")


def resolution_block(across: float, down: float) -> Block:
    """Pixels per metre, which each kind of file says in its own way."""
    packed = struct.pack("<dd", round(across), round(down))
    return Block("resolution", "", packed)


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
    words = []
    for kind, members in names.items():
        named = list(filter(None, members))
        words.append(kind_words(kind, named))
    return f"left out: {', '.join(words)}" if words else ""


def printable_name(name: bytes) -> str:
    """The name of a part of a file for people; others may have control characters in it."""
    text = name.decode("latin-1")
    return "".join(one for one in text if one.isprintable())


def kind_words(kind: str, names: Sequence[str]) -> str:
    """A kind of block with the first of its names."""
    if not names:
        return kind
    more = len(names) - MOST_NAMES
    listed = " ".join(names[:MOST_NAMES])
    further = f" and {more} more" if more > 0 else ""
    return f"{kind} ({listed}{further})"


_IPTC = 0x0404
_THUMBNAILS = (0x0409, 0x040C)
_RESOURCE_KINDS = {b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR"}


def resource_blocks(resources: bytes) -> list[Block]:
    """The resources of a block; one block of unknown content if they are damaged."""
    parts = _parts(resources)
    if parts is None:
        return [Block("Photoshop resources", "", resources)] if resources else []
    blocks = []
    for number, begin, end, at in parts:
        if number in _THUMBNAILS:
            blocks.append(Block("Photoshop thumbnail"))
        elif number == _IPTC:
            blocks.append(Block("IPTC", "", resources[at:end]))
        else:
            name = f"0x{number:04x}"
            blocks.append(Block("Photoshop resources", name, resources[begin:end]))
    return blocks


def without_thumbnails(resources: bytes) -> bytes:
    """The resources without small pictures, which show the picture as it was."""
    parts = _parts(resources)
    if parts is None:
        return resources
    kept = b""
    for number, begin, end, _ in parts:
        if number not in _THUMBNAILS:
            kept += resources[begin:end]
    return kept


def iptc_resource(record: bytes) -> bytes:
    """An IPTC record, wrapped as the resource that a JPEG holds."""
    head = struct.pack(">4sHHI", b"8BIM", _IPTC, 0, len(record))
    return head + record + bytes(len(record) % 2)


def _parts(resources: bytes) -> list[tuple[int, int, int, int]] | None:
    """Number, start, end and start of the content of each resource; None if they are damaged."""
    parts = []
    place = 0
    while place + 12 <= len(resources):
        if resources[place : place + 4] not in _RESOURCE_KINDS:
            return None
        number = big_number(resources, place + 4, 2)
        name = resources[place + 6] + 1
        size_place = place + 6 + name + name % 2
        size = big_number(resources, size_place, 4)
        content_place = size_place + 4
        end = content_place + size
        if end > len(resources):
            return None
        padded_end = end + size % 2
        parts.append((number, place, min(padded_end, len(resources)), content_place))
        place = padded_end
    if resources[place:].strip(b"\0"):
        return None
    return parts


_CAMERA = rb"http://ns\.google\.com/photos/1\.0/camera/"
_CONTAINER = rb"http://ns\.google\.com/photos/1\.0/container/"
_GAIN_MAP = rb"http://ns\.adobe\.com/hdr-gain-map/1\.0/"
_APPLE_MAP = rb"http://ns\.apple\.com/HDRGainMap/1\.0/"
_TERMS = rb"http://purl\.org/dc/terms/"
_FILM = rb"(?:MotionPhoto|MicroVideo)\w*"
POINTERS = {
    "film": ((_CAMERA, _FILM), (_CONTAINER, rb"Directory")),
    "gain map": (
        (_GAIN_MAP, rb"\w+"),
        (_APPLE_MAP, rb"\w+"),
        (_CONTAINER, rb"Directory"),
    ),
    "credentials": ((_TERMS, rb"provenance"),),
}
"""Attributes that point at each kind of bytes: the address of a schema, and names in it."""


def xmp_block(packet: bytes) -> Block:
    """The block of a packet; the room that is left for changes at its end is not content."""
    words = packet.strip(b"\0 \r\n\t").split()
    return Block("XMP", "", b" ".join(words))


def without_pointers(packet: bytes, *kinds: str) -> bytes:
    """A packet without what points at bytes of some kinds, which are keys of :data:`POINTERS`."""
    for kind in kinds:
        for address, names in POINTERS[kind]:
            declaration = rb"xmlns:([\w.-]+)\s*=\s*[\"']" + address
            for prefix in set(re.findall(declaration, packet)):
                property_name = re.escape(prefix) + b":" + names
                packet = _without(packet, property_name)
    return packet


def _without(packet: bytes, name: bytes) -> bytes:
    """A packet without the attributes and elements of a name, which is a regular expression."""
    packet = re.sub(rb"\s+" + name + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')", b"", packet)
    packet = re.sub(rb"<(" + name + rb")(?:\s[^<>]*)?/>\s*", b"", packet)
    element = rb"<(" + name + rb")(?:\s[^<>]*)?>.*?</\1\s*>\s*"
    return re.sub(element, b"", packet, flags=re.DOTALL)
