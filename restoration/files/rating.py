"""Ratings in XMP sidecars: the number changes, every other byte stays as it was."""

import re
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from defocus.capture.sidecars import lowest_rating
from defocus.errors import FileError
from defocus.pictures.metadata import Metadata
from defocus.pictures.raw import RAW_SUFFIXES, is_raw
from defocus.pictures.tags import number_of_tag
from defocus.reading import read_bytes
from defocus.storage.files import write_bytes

SCHEMA = "http://ns.adobe.com/xap/1.0/"
SYNTAX = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

LARGEST = 16 * 2**20
"""Size of the largest sidecar that is read, in bytes; one with a long history and many masks has 2
MiB."""

UNDECIDED = frozenset({0, 1})
"""Ratings that nobody gave: darktable gives 1 to each new picture, other programs give 0."""

EXIF_RATING = 18246
"""Tag of the first directory in which Windows and some cameras keep a rating of 0 to 5."""

NEW = f"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{SYNTAX}">
  <rdf:Description rdf:about="" xmlns:xmp="{SCHEMA}" xmp:Rating="RATING"/>
 </rdf:RDF>
</x:xmpmeta>
"""

_START_TAG = re.compile(rb"<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*/?>")
_NUMBER = re.compile(rb"\s*(-?\d)(?:\.0*)?\s*")


class _Rating(NamedTuple):
    """A rating, and which bytes of the sidecar say it."""

    value: int
    place: slice


def sidecars_of(image: Path) -> list[Path]:
    """The sidecars that a rating of a picture goes into; one that does not exist is to be made."""
    # darktable and digiKam read IMG.JPG.xmp. Of a RAW file Lightroom and Capture One read IMG.xmp,
    # as darktable does when it imports the file. Where both exist, both are changed.
    whole = image.with_name(f"{image.name}.xmp")
    short = image.with_suffix(".xmp")
    raw = is_raw(image)
    if not raw and short.exists() and _raw_beside(image):
        return [whole]  # IMG.xmp belongs to the RAW file
    there = [one for one in (whole, short) if one.exists()]
    return there or [short if raw else whole]


def _raw_beside(image: Path) -> bool:
    """Whether a RAW file beside a picture has its name but for the suffix."""
    for suffix in RAW_SUFFIXES:
        named = (image.with_suffix(suffix), image.with_suffix(suffix.upper()))
        if any(one.exists() for one in named):
            return True
    return False


def rating_beside(image: Path) -> int | None:
    """The rating that a person gave in RawTherapee, which has no XMP; None without one."""
    profiles = (image.with_name(f"{image.name}.pp3"), image.with_suffix(".pp3"))
    value = lowest_rating(profiles)
    return None if value in UNDECIDED else value


def write_rating(sidecar: Path, rating: int) -> int:
    """Write a rating into a sidecar and return the rating it has then; a person's rating stays."""
    if not (sidecar.exists() or sidecar.is_symlink()):
        write_bytes(sidecar, NEW.replace("RATING", str(rating)).encode())
        return rating
    content = read_bytes(sidecar, LARGEST)
    packet = _Packet(content, sidecar)
    if packet.ratings:
        earlier = packet.ratings[0].value
        if earlier == rating or earlier not in UNDECIDED:
            return earlier
    changed = packet.with_rating(rating)
    if [one.value for one in _Packet(changed, sidecar).ratings] != [rating]:
        raise FileError(f"{sidecar}: its rating cannot be changed; change it by hand")
    write_bytes(sidecar.resolve(), changed)  # a link stays a link
    return rating


def rating_within(metadata: Metadata) -> int | None:
    """The rating that a person gave in the picture's own file; None without one."""
    value = number_of_tag(metadata.exif, EXIF_RATING)
    if metadata.xmp:
        try:
            ratings = _Packet(metadata.xmp.strip(b"\0"), Path("XMP")).ratings
        except FileError:  # no packet that has a rating
            ratings = []
        value = ratings[0].value if ratings else value
    return None if value in UNDECIDED else value


class _Packet:
    """An XMP packet: its ratings, and where one can be added."""

    def __init__(self, content: bytes, sidecar: Path) -> None:
        self.ratings: list[_Rating] = []
        self._content = content
        self._room = -1  # end of the attributes of the first description
        self._prefix = ""  # what stands for the schema of ratings there
        self._elements: list[str] = []  # those that are open, the outermost first
        self._begin = 0  # of the content of the element that was opened last
        self._schemas: dict[str, list[str]] = {}  # by prefix, the innermost last
        try:
            self._parse()
        except (expat.ExpatError, ValueError) as error:
            raise FileError(
                f"{sidecar}: no sidecar that can be changed ({error}); move it away, or rate the "
                "picture by hand"
            ) from error

    def with_rating(self, rating: int) -> bytes:
        """The bytes of the packet with another rating."""
        number = str(rating)
        if self.ratings:
            place = self.ratings[0].place
        else:
            place = slice(self._room, self._room)
            number = f' {self._prefix or "xmp"}:Rating="{rating}"'
            if not self._prefix:
                number = f' xmlns:xmp="{SCHEMA}"{number}'
        return (
            self._content[: place.start] + number.encode() + self._content[place.stop :]
        )

    def _parse(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.namespace_prefixes = True
        self._parser.XmlDeclHandler = _require_utf8
        self._parser.StartDoctypeDeclHandler = _refuse_type
        self._parser.StartNamespaceDeclHandler = self._begin_schema
        self._parser.EndNamespaceDeclHandler = self._end_schema
        self._parser.StartElementHandler = self._begin_element
        self._parser.EndElementHandler = self._end_element
        self._parser.Parse(self._content, True)
        if len(self.ratings) > 1:
            raise ValueError(f"it has {len(self.ratings)} ratings")
        if self._room < 0:
            raise ValueError("it has no rdf:Description")

    def _begin_schema(self, prefix: str | None, schema: str) -> None:
        self._schemas.setdefault(prefix or "", []).append(schema)

    def _end_schema(self, prefix: str | None) -> None:
        self._schemas[prefix or ""].pop()

    def _begin_element(self, name: str, attributes: dict[str, str]) -> None:
        self._elements.append(_without_prefix(name))
        begin = self._parser.CurrentByteIndex
        tag = _START_TAG.match(self._content, begin)
        if tag is None:
            raise ValueError("it is not in UTF-8")
        self._begin = tag.end()
        if self._elements[-2:] != _DESCRIPTION:
            return
        for attribute in attributes:
            if _without_prefix(attribute) == _RATING:
                self._add_attribute(tag, attribute.rpartition(" ")[2])
        if self._room < 0:
            self._room = tag.end() - len(b"/>" if tag[0].endswith(b"/>") else b">")
            self._choose_prefix()

    def _add_attribute(self, tag: re.Match[bytes], prefix: str) -> None:
        """Note the rating that an attribute of a description gives."""
        form = rb"\s%s:Rating\s*=\s*[\"']([^\"']*)[\"']" % re.escape(prefix.encode())
        attribute = re.search(form, tag[0])
        if attribute is None:
            raise ValueError("its rating is not written as usual")
        self._add(tag.start() + attribute.start(1), tag.start() + attribute.end(1))

    def _end_element(self, _name: str) -> None:
        if self._elements[-3:] == [*_DESCRIPTION, _RATING]:
            self._add(self._begin, self._parser.CurrentByteIndex)
        self._elements.pop()

    def _add(self, begin: int, end: int) -> None:
        number = _NUMBER.fullmatch(self._content, begin, end)
        if number is None:
            raise ValueError("its rating is not a whole number")
        self.ratings.append(_Rating(int(number[1]), slice(begin, end)))

    def _choose_prefix(self) -> None:
        for prefix, schemas in self._schemas.items():
            if prefix and schemas and schemas[-1] == SCHEMA:
                self._prefix = prefix
        if not self._prefix and self._schemas.get("xmp"):
            raise ValueError("the prefix xmp means something else in it")


_RATING = f"{SCHEMA} Rating"
_DESCRIPTION = [f"{SYNTAX} RDF", f"{SYNTAX} Description"]


def _without_prefix(name: str) -> str:
    """Schema and name of an element or an attribute; expat gives the prefix behind them."""
    return " ".join(name.split(" ")[:2])


def _require_utf8(
    _version: str,
    encoding: str | None,
    _standalone: int,
) -> None:
    if encoding is not None and encoding.lower() != "utf-8":
        raise ValueError(f"it is in {encoding}, not in UTF-8")


def _refuse_type(*_: object) -> None:
    raise ValueError("it declares a document type")
