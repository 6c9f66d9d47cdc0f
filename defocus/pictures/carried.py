"""What a written file carries of the file that it was made from, and what is said of the rest."""

import struct
import zlib

from defocus.pictures.blocks import (
    Remark,
    left_out,
    lost_blocks,
    without_pointers,
    without_thumbnails,
)
from defocus.pictures.jpeg import PREVIEW, JpegParts, behind
from defocus.pictures.metadata import Metadata, inventory
from defocus.pictures.png import (
    XMP_WORDS,
    Chunk,
    PngParts,
    colour_chunk,
    comment_chunk,
    kept_chunks,
    resource_chunk,
    with_chunks,
)

_POINTERS = Remark("XMP no longer points at what is left out", frozenset({"XMP"}))


def remarks_after(written: bytes, metadata: Metadata, kind: str) -> tuple[str, ...]:
    """What a written file of a kind lacks of the metadata of the file that it was made from."""
    remarks = list(metadata.remarks)
    if kind == "JPEG" and isinstance(metadata.parts, JpegParts):
        staying = dict.fromkeys(
            one.kind for one in behind(metadata.parts) if one.kind != PREVIEW
        )
        remarks += [Remark(f"its {name} stays as it was") for name in staying]
    if pointing(metadata, kind) != metadata.xmp:
        remarks.append(_POINTERS)
    spoken = frozenset().union(*(one.kinds for one in remarks))
    lost = [
        one
        for one in lost_blocks(metadata.blocks, inventory(written))
        if one.kind not in spoken and f"{one.kind} {one.name}" not in spoken
    ]
    said = [one.text for one in remarks]
    return tuple([*said, left_out(lost)] if lost else said)


def pointing(metadata: Metadata, kind: str) -> bytes:
    """The XMP packet without what points at bytes that the written file does not have."""
    kinds = {one.kind for one in metadata.blocks}
    gone = ["credentials"] if "content credentials (C2PA)" in kinds else []
    if kind != metadata.kind:
        gone += ["film", "gain map"]
    return without_pointers(metadata.xmp, *gone)


def png_with(encoded: bytes, metadata: Metadata, exif: bytes) -> bytes:
    """A PNG with what a file holds besides its pixels, and with this EXIF block."""
    if isinstance(metadata.parts, PngParts):
        kept = kept_chunks(metadata.parts, (encoded[24], encoded[25]))
        chunks = [one for one in kept if one.name != b"eXIf"]
        own = any(one.name == b"eXIf" for one in metadata.parts.chunks)
        chunks += [Chunk(b"eXIf", exif)] if exif and own else []
        return with_chunks(encoded, chunks)
    return with_chunks(encoded, _chunks_of(metadata, exif))


def _chunks_of(metadata: Metadata, exif: bytes) -> list[Chunk]:
    """Metadata from another format as chunks."""
    chunks = []
    if metadata.icc:
        chunks.append(Chunk(b"iCCP", b"profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.colour_code is not None:
        chunks.append(colour_chunk(*metadata.colour_code))
    if metadata.dpi:
        per_metre = (min(round(one / 0.0254), 2**31 - 1) for one in metadata.dpi)
        chunks.append(Chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if xmp := pointing(metadata, "PNG"):
        chunks.append(Chunk(b"iTXt", XMP_WORDS + bytes(4) + xmp))
    if resources := without_thumbnails(metadata.resources):
        chunks.append(resource_chunk(resources))
    chunks += [comment_chunk(one) for one in metadata.comments]
    return [*chunks, Chunk(b"eXIf", exif)] if exif else chunks
