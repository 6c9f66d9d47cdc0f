"""Places that files are fetched from: folders, and servers with resumed range requests."""

import hashlib
import time
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import quote, urlsplit

from defocus.datasets.deriving.parts import copy_file
from defocus.errors import DefocusError, InputError
from defocus.files import make_folder, sha256_file, storing, sync_folder
from defocus.progress import say
from defocus.reading import read_bytes
from defocus.web import WebError, answer_of, blocks_of

__all__ = ["MOST_BYTES", "Place", "PlaceError", "fetch_file", "is_address", "place_of"]

MOST_BYTES = 256 * 2**20
"""Of a manifest."""
STALLED_SECONDS = 30.0
TRIES = 5
"""Attempts in a row at one place that bring no byte."""
WAIT_SECONDS = 0.5
"""Before the second such attempt; it doubles with each."""


class PlaceError(DefocusError):
    """A place does not have a file, cannot be reached, or gives other bytes."""


class UnreachableError(PlaceError):
    """A server does not answer, or stops answering, after several attempts."""


class TooLargeError(PlaceError):
    """A file has more bytes than it may have."""


class Place:
    """A folder or a server with the files of a release, named as the user wrote it."""

    def __init__(self, name: str) -> None:
        self.name = name.rstrip("/") or "/"

    def address(self, path: str) -> str:
        """The full name of a file; an empty path is the place itself."""
        return f"{self.name}/{path}" if path else self.name

    def content(self, path: str) -> bytes:
        """A small file by its relative POSIX path, of at most :data:`MOST_BYTES`."""
        raise NotImplementedError

    def bring(self, path: str, part: Path, most: int | None) -> None:
        """Write a file of at most ``most`` bytes into ``part``, going on after what is there."""
        raise NotImplementedError


class Folder(Place):
    """A copy on a disk."""

    def content(self, path: str) -> bytes:
        try:
            return read_bytes(Path(self.name) / path, MOST_BYTES)
        except OSError as error:
            raise PlaceError(f"{self.address(path)}: {error.strerror}") from error

    def bring(self, path: str, part: Path, most: int | None) -> None:
        source = Path(self.name) / path
        if not source.is_file():
            raise PlaceError(f"{source}: missing")
        if most is not None and source.stat().st_size > most:
            raise TooLargeError(f"{source}: larger than {most} bytes")
        part.unlink(missing_ok=True)
        copy_file(source, part)


class Server(Place):
    """A server that speaks HTTP; interrupted transfers go on with range requests."""

    def content(self, path: str) -> bytes:
        content = bytearray()
        try:
            with self._answer(path, 0) as answer:
                for block in blocks_of(answer):
                    content += block
                    if len(content) > MOST_BYTES:
                        raise PlaceError(f"{self.address(path)}: larger than {MOST_BYTES} bytes")
        except WebError as error:
            raise self._problem(path, error) from error
        return bytes(content)

    def bring(self, path: str, part: Path, most: int | None) -> None:
        fruitless = 0
        most_there = part.stat().st_size if part.is_file() else 0
        while True:
            before = part.stat().st_size if part.is_file() else 0
            try:
                self._bring_on(path, part, before, most)
            except WebError as error:
                if error.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and before:
                    return  # nothing is missing, or the bytes are not those of this file
                if not error.passing:
                    raise self._problem(path, error) from error
                # cut, stalled, refused
                after = part.stat().st_size if part.is_file() else 0
                fruitless = 0 if after > most_there else fruitless + 1  # without ranges it shrinks
                most_there = max(after, most_there)
                if fruitless == TRIES:
                    raise UnreachableError(f"{self.name}: cannot be reached ({error})") from error
                if fruitless:
                    time.sleep(WAIT_SECONDS * 2 ** (fruitless - 1))
            else:
                return

    def _bring_on(self, path: str, part: Path, start: int, most: int | None) -> None:
        """One request for what is missing; a server without ranges sends all again."""
        with self._answer(path, start) as answer:
            goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            whole = answer.status != HTTPStatus.PARTIAL_CONTENT
            if not whole and not goes_on:
                raise PlaceError(f"{self.address(path)}: the server sends another part")
            there = 0 if whole else start
            with storing(part), part.open("wb" if whole else "ab") as file:
                for block in blocks_of(answer):  # as they come: nothing is lost where it is cut
                    there += len(block)
                    if most is not None and there > most:
                        raise TooLargeError(f"{self.address(path)}: larger than {most} bytes")
                    file.write(block)

    def _answer(self, path: str, start: int) -> HTTPResponse:
        headers = {"Range": f"bytes={start}-"} if start else {}
        return answer_of(self.address(quote(path)), STALLED_SECONDS, headers)

    def _problem(self, path: str, error: WebError) -> PlaceError:
        if error.status:
            address = self.address(quote(path))
            return PlaceError(f"{address}: the server answers {error.status}")
        return PlaceError(f"{self.name}: cannot be reached ({error})")


def is_address(text: str) -> bool:
    """Whether a source is the address of a server."""
    return text.startswith(("https://", "http://"))


def place_of(source: str) -> Place:
    """The place of a source: a folder, or an address without password, query and fragment."""
    if not is_address(source):
        if not Path(source).is_dir():
            raise InputError(f"{source}: no such folder; give a folder or an https address")
        return Folder(source)
    parts = urlsplit(source)
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise InputError(
            f"{parts.scheme}://{parts.hostname}: give an address without user and query"
        )
    return Server(source)


def fetch_file(
    places: list[Place],
    path: str,
    target: Path,
    is_right: Callable[[str], bool],
    most: int | None = None,
) -> None:
    """Fetch a file from the first place with its bytes, going on after an interruption."""
    # A place that cannot be reached becomes the last one: the next file does not wait for it.
    make_folder(target.parent)
    part = target.with_name(f".{hashlib.sha256(target.name.encode()).hexdigest()[:16]}.part")
    reasons = []
    for place in tuple(places):
        for resumed in (part.is_file(), False):
            try:
                place.bring(path, part, most)
            except TooLargeError as error:
                part.unlink(missing_ok=True)
                reasons.append(str(error))
                break
            except PlaceError as error:
                reasons.append(str(error))
                if isinstance(error, UnreachableError) and place is not places[-1]:
                    say(f"{error}; the other sources come first from now on")
                    places.remove(place)
                    places.append(place)
                break
            if part.is_file() and is_right(sha256_file(part)):
                part.replace(target)
                sync_folder(target.parent)
                return
            part.unlink(missing_ok=True)
            if not resumed:
                reasons.append(f"{place.address(path)}: has other bytes")
                break
            say(f"{path}: what had arrived does not fit; it is fetched again")
    raise PlaceError("; ".join(reasons))
