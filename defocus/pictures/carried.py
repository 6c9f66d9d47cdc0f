"""What a written picture carries of the file that it was made from, and what it lacks."""

import struct
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from defocus.pictures import PICTURE_SUFFIX
from defocus.pictures.blocks import (
    Block,
    Remark,
    kind_words,
    left_out,
    lost_blocks,
    without_pointers,
    without_thumbnails,
)
from defocus.pictures.jpeg import PREVIEW, JpegParts, behind
from defocus.pictures.metadata import Metadata, inventory, read_metadata
from defocus.pictures.png import (
    BITS,
    COLOUR,
    COLOUR_TYPE,
    XMP_WORDS,
    Chunk,
    PngParts,
    colour_chunk,
    comment_chunk,
    has_pixels_alone,
    kept_chunks,
    png_parts,
    resource_chunk,
    with_chunks,
)
from defocus.pictures.raw import is_raw
from defocus.pictures.tags import with_orientation, with_thumbnail
from defocus.progress import say
from defocus.reading import mapped

_POINTERS = Remark("XMP no longer points at what is left out", frozenset({"XMP"}))


def remarks_after(written: bytes, metadata: Metadata, kind: str) -> tuple[str, ...]:
    """Remarks on metadata that a written file of a kind lacks."""
    remarks = list(metadata.remarks)
    if kind == "JPEG" and isinstance(metadata.parts, JpegParts):
        kinds = [block.kind for block in behind(metadata.parts)]
        names = dict.fromkeys(kinds)
        names.pop(PREVIEW, None)
        remarks += [Remark(f"its {name} stays as it was") for name in names]
    if pointing(metadata, kind) != metadata.xmp:
        remarks.append(_POINTERS)
    spoken = frozenset().union(*(one.kinds for one in remarks))
    lost = []
    for block in lost_blocks(metadata.blocks, inventory(written)):
        named = f"{block.kind} {block.name}"
        if block.kind not in spoken and named not in spoken:
            lost.append(block)
    said = [remark.text for remark in remarks]
    if lost:
        said.append(left_out(lost))
    return tuple(said)


def pointing(metadata: Metadata, kind: str) -> bytes:
    """The XMP packet without what points at bytes that the written file does not have."""
    kinds = {one.kind for one in metadata.blocks}
    gone = ["credentials"] if "content credentials (C2PA)" in kinds else []
    if kind != metadata.kind:
        gone += ["film", "gain map"]
    return without_pointers(metadata.xmp, *gone)


def png_with(encoded: bytes, metadata: Metadata, exif: bytes) -> bytes:
    """A PNG with what a file holds besides its pixels, and with this EXIF block."""
    parts = metadata.parts
    if not isinstance(parts, PngParts):
        return with_chunks(encoded, _chunks_of(metadata, exif))
    written_head = (encoded[BITS], encoded[COLOUR_TYPE])
    kept = kept_chunks(parts, written_head)
    chunks = [chunk for chunk in kept if chunk.name != b"eXIf"]
    had_exif = any(chunk.name == b"eXIf" for chunk in parts.chunks)
    if exif and had_exif:
        chunks.append(Chunk(b"eXIf", exif))
    return with_chunks(encoded, chunks)


def _chunks_of(metadata: Metadata, exif: bytes) -> list[Chunk]:
    """Metadata from another format as chunks."""
    chunks = []
    if metadata.icc:
        packed = zlib.compress(metadata.icc)
        chunks.append(Chunk(b"iCCP", b"profile\0\0" + packed))
    if metadata.colour_code is not None:
        chunks.append(colour_chunk(*metadata.colour_code))
    if metadata.per_metre is not None and all(metadata.per_metre):
        packed = struct.pack(">2I", *map(round, metadata.per_metre))
        chunks.append(Chunk(b"pHYs", packed + b"\1"))
    xmp = pointing(metadata, "PNG")
    if xmp:
        content = XMP_WORDS + bytes(4) + xmp
        chunks.append(Chunk(b"iTXt", content))
    resources = without_thumbnails(metadata.resources)
    if resources:
        chunks.append(resource_chunk(resources))
    chunks += map(comment_chunk, metadata.comments)
    if exif:
        chunks.append(Chunk(b"eXIf", exif))
    return chunks


_AS_STORED = 1
_COLOURS = frozenset({"colour profile", "colour chunks"})
_MEANING = COLOUR | {b"iCCP"}
_OF_RAW = Block("maker notes and XMP of RAW files")


@dataclass(frozen=True)
class LeftBehind:
    """A kind of block that files hold and ``pictures`` of the ``of`` made from them do not."""

    kind: str
    names: tuple[str, ...]
    pictures: int
    of: int

    def __str__(self) -> str:
        """For people: the kind, its names and the count."""
        count = f"{self.pictures} of {self.of}"
        if self.pictures == self.of:
            count = f"all {self.of}"
        return f"{kind_words(self.kind, self.names)} of {count} pictures"

    def to_json(self) -> dict[str, Any]:
        """The kind, names and number of pictures as plain values."""
        return {"kind": self.kind, "names": list(self.names), "pictures": self.pictures}


def give_blocks(
    source: Path,
    *pictures: Path,
    converted: bool = False,
    meaning_alone: bool = False,
) -> None:
    """Give PNG files of RGB what the file holds whose pixels they show, as far as it is true."""
    # The orientation is that of the stored pixels, because masks and arrays have the same grid; a
    # thumbnail would show another picture.
    if not pictures:
        return
    given = read_metadata(source)
    metadata = (meaning_of if meaning_alone else true_of_colours)(
        given, converted=converted
    )
    for path in pictures:
        path.write_bytes(dressed(path.read_bytes(), metadata))


def carried(
    blurry: Path, sharp: Path
) -> tuple[Callable[[Path], None], Callable[[Path], None]]:
    """What gives the written members of a pair what their files hold; see :func:`give_blocks`."""
    from defocus.pictures.profiles import in_two_spaces  # not needed to write a picture

    converted = in_two_spaces(blurry, sharp)
    give = partial(give_blocks, converted=converted)
    return partial(give, blurry), partial(give, sharp)


def dressed(png: bytes, metadata: Metadata) -> bytes:
    """A PNG with what was read from the file that it was made from."""
    return png_with(
        png, metadata, with_thumbnail(with_orientation(metadata.exif, _AS_STORED), b"")
    )


def true_of_colours(metadata: Metadata, *, converted: bool) -> Metadata:
    """Metadata without profiles for other values than RGB; for converted colours, without any."""
    if not converted and metadata.icc[16:20] in {b"RGB ", b""}:
        return metadata
    gone = _MEANING if converted else {b"iCCP"}
    code = None if converted else metadata.colour_code
    parts = metadata.parts
    if isinstance(parts, PngParts):
        kept = [one for one in parts.chunks if one.name not in gone]
        parts = _with_chunks(parts, kept)
    return replace(metadata, icc=b"", colour_code=code, parts=parts)


def meaning_of(metadata: Metadata, *, converted: bool) -> Metadata:
    """Only what says which colours the numbers mean; nothing if they are converted to sRGB."""
    true = true_of_colours(metadata, converted=converted)
    parts = None
    if isinstance(true.parts, PngParts):
        kept = [one for one in true.parts.chunks if one.name in _MEANING]
        parts = _with_chunks(true.parts, kept)
    return Metadata(icc=true.icc, colour_code=true.colour_code, parts=parts)


def _has_meaning(png: bytes) -> bool:
    """Whether a PNG says which colours its numbers mean."""
    chunks = png_parts(png).chunks
    return any(chunk.name in _MEANING for chunk in chunks)


LIGHT = Chunk(b"gAMA", struct.pack(">I", 100_000))
SRGB = Chunk(b"sRGB", b"\0")


def saying_colours(content: bytes, *, linear: bool) -> bytes:
    """A picture that says its colours: linear light, else those of its file, or sRGB."""
    # PNG 3, 11.3.2
    if linear:
        return with_chunks(content, [LIGHT])
    return content if _has_meaning(content) else with_chunks(content, [SRGB])


def with_exif(metadata: Metadata, exif: bytes) -> Metadata:
    """Metadata with another EXIF block, which the written picture gets whatever it had."""
    parts = metadata.parts
    if exif and isinstance(parts, PngParts):
        parts = _with_chunks(parts, (*parts.chunks, Chunk(b"eXIf", exif)))
    return replace(metadata, exif=exif, parts=parts)


def bare_file(path: Path) -> bytes:
    """The file of a picture that holds nothing but its pixels, as it is written; else empty."""
    if path.suffix.lower() != PICTURE_SUFFIX:
        return b""
    content = path.read_bytes()
    return content if has_pixels_alone(content) else b""


def _with_chunks(parts: PngParts, chunks: Iterable[Chunk]) -> PngParts:
    return replace(parts, chunks=tuple(chunks))


def say_left_behind(
    pictures: Iterable[tuple[Path, Path | bytes]], *, converted: bool = False
) -> tuple[LeftBehind, ...]:
    """Say in one line what pictures lack of the files that they were made from; return it."""
    lacking = left_behind(pictures, converted=converted)
    if lacking:
        say(f"the new pictures are without {', '.join(map(str, lacking))}")
    return lacking


def left_behind(
    pictures: Iterable[tuple[Path, Path | bytes]], *, converted: bool = False
) -> tuple[LeftBehind, ...]:
    """Metadata that pictures lack of the files they were made from, by reading both again."""
    # The names of each kind are kept in the order in which they come.
    names: dict[str, dict[str, None]] = defaultdict(dict)
    counts: dict[str, int] = defaultdict(int)
    number = 0
    for source, picture in pictures:
        number += 1
        kinds = set()
        for block in _lost(source, picture):
            if converted and block.kind in _COLOURS:
                continue
            if block.kind not in kinds:
                kinds.add(block.kind)
                counts[block.kind] += 1
            if block.name:
                names[block.kind][block.name] = None
    by_count = sorted(counts, key=lambda kind: -counts[kind])
    lacking = []
    for kind in by_count:
        of_kind = tuple(names[kind])
        lacking.append(LeftBehind(kind, of_kind, counts[kind], number))
    return tuple(lacking)


def _lost(source: Path, picture: Path | bytes) -> list[Block]:
    if is_raw(source):
        return [_OF_RAW]
    written = inventory(picture) if isinstance(picture, bytes) else _blocks(picture)
    return lost_blocks(_blocks(source), written)


def _blocks(path: Path) -> list[Block]:
    try:
        with mapped(path) as content:
            return inventory(content)
    except (OSError, ValueError):
        return []
