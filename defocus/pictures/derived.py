"""What the pictures of a dataset have of the files that they were made from, and what they lack."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, cast

from defocus.pictures.blocks import Block, kind_words, lost_blocks
from defocus.pictures.carried import png_with
from defocus.pictures.metadata import Metadata, inventory, read_metadata
from defocus.pictures.png import COLOUR, Chunk, PngParts, png_parts
from defocus.pictures.profiles import in_two_spaces
from defocus.pictures.raw import RAW_SUFFIXES
from defocus.pictures.tags import with_orientation, with_thumbnail
from defocus.progress import say
from defocus.reading import require_file

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
        count = (
            f"all {self.of}"
            if self.pictures == self.of
            else f"{self.pictures} of {self.of}"
        )
        return f"{kind_words(self.kind, self.names)} of {count} pictures"

    def to_json(self) -> dict[str, Any]:
        """The kind, names and number of pictures as plain values."""
        return {"kind": self.kind, "names": list(self.names), "pictures": self.pictures}


def give_blocks(
    source: Path, *pictures: Path, converted: bool = False, meaning_alone: bool = False
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
    converted = in_two_spaces(blurry, sharp)
    give = partial(give_blocks, converted=converted)
    return partial(give, blurry), partial(give, sharp)


def dressed(png: bytes, metadata: Metadata) -> bytes:
    """A PNG with what was read from the file that it was made from."""
    return png_with(
        png, metadata, with_thumbnail(with_orientation(metadata.exif, _AS_STORED), b"")
    )


def true_of_colours(metadata: Metadata, *, converted: bool) -> Metadata:
    """Without a profile of other values than RGB, and of converted colours without any meaning."""
    if not converted and metadata.icc[16:20] in {b"RGB ", b""}:
        return metadata
    gone = _MEANING if converted else {b"iCCP"}
    code = None if converted else metadata.colour_code
    parts = metadata.parts
    if isinstance(parts, PngParts):
        parts = _with_chunks(
            parts, [one for one in parts.chunks if one.name not in gone]
        )
    return replace(metadata, icc=b"", colour_code=code, parts=parts)


def meaning_of(metadata: Metadata, *, converted: bool) -> Metadata:
    """Only what says which colours the numbers mean; nothing if they are converted to sRGB."""
    true = true_of_colours(metadata, converted=converted)
    parts = None
    if isinstance(true.parts, PngParts):
        parts = _with_chunks(
            true.parts, [one for one in true.parts.chunks if one.name in _MEANING]
        )
    return Metadata(icc=true.icc, colour_code=true.colour_code, parts=parts)


def has_meaning(png: bytes) -> bool:
    """Whether a PNG says which colours its numbers mean."""
    return any(one.name in _MEANING for one in png_parts(png).chunks)


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
    """What pictures lack of the files that they were made from, by reading both again."""
    names: dict[str, dict[str, None]] = defaultdict(dict)
    counts: dict[str, int] = defaultdict(int)
    number = 0
    for source, picture in pictures:
        number += 1
        lost = [
            one
            for one in _lost(source, picture)
            if not converted or one.kind not in _COLOURS
        ]
        for kind in dict.fromkeys(one.kind for one in lost):
            counts[kind] += 1
        for one in lost:
            names[one.kind] |= {one.name: None} if one.name else {}
    by_count = sorted(counts, key=lambda kind: -counts[kind])
    return tuple(
        LeftBehind(kind, tuple(names[kind]), counts[kind], number) for kind in by_count
    )


def _lost(source: Path, picture: Path | bytes) -> list[Block]:
    if source.suffix.lower() in RAW_SUFFIXES:
        return [_OF_RAW]
    written = inventory(picture) if isinstance(picture, bytes) else _blocks(picture)
    return lost_blocks(_blocks(source), written)


def _blocks(path: Path) -> list[Block]:
    try:
        require_file(path)
        with (
            path.open("rb") as file,
            mmap(file.fileno(), 0, access=ACCESS_READ) as content,
        ):
            # mapped: of a large picture only the pages with its headers are read
            return inventory(cast(bytes, content))
    except (OSError, ValueError):
        return []
