"""XMP packets: carried whole; what points at bytes that are not there is taken out.

Source: Google's camera and container schemas, Adobe's gain map 1.0, C2PA 2.1 (provenance)."""

import re

from defocus.pictures.blocks import Block

_CAMERA = rb"http://ns\.google\.com/photos/1\.0/camera/"
_CONTAINER = rb"http://ns\.google\.com/photos/1\.0/container/"
_GAIN_MAP = rb"http://ns\.adobe\.com/hdr-gain-map/1\.0/"
_APPLE_MAP = rb"http://ns\.apple\.com/HDRGainMap/1\.0/"
_TERMS = rb"http://purl\.org/dc/terms/"
_FILM = rb"(?:MotionPhoto|MicroVideo)\w*"
POINTERS = {
    "film": ((_CAMERA, _FILM), (_CONTAINER, rb"Directory")),
    "gain map": ((_GAIN_MAP, rb"\w+"), (_APPLE_MAP, rb"\w+"), (_CONTAINER, rb"Directory")),
    "credentials": ((_TERMS, rb"provenance"),),
}
"""Attributes that point at each kind of bytes: the address of a schema, and names in it."""


def xmp_block(packet: bytes) -> Block:
    """The block of a packet; the room that is left for changes at its end is not content."""
    return Block("XMP", "", b" ".join(packet.strip(b"\0 \r\n\t").split()))


def without_pointers(packet: bytes, *kinds: str) -> bytes:
    """A packet without what points at bytes of some kinds, which are keys of :data:`POINTERS`."""
    for kind in kinds:
        for address, names in POINTERS[kind]:
            for prefix in set(re.findall(rb"xmlns:([\w.-]+)\s*=\s*[\"']" + address, packet)):
                packet = _without(packet, re.escape(prefix) + b":" + names)
    return packet


def _without(packet: bytes, name: bytes) -> bytes:
    """A packet without the attributes and elements of a name, which is a regular expression."""
    packet = re.sub(rb"\s+" + name + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')", b"", packet)
    packet = re.sub(rb"<(" + name + rb")(?:\s[^<>]*)?/>\s*", b"", packet)
    return re.sub(rb"<(" + name + rb")(?:\s[^<>]*)?>.*?</\1\s*>\s*", b"", packet, flags=re.DOTALL)
