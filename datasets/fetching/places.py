"""Places that files are fetched from: folders, and servers with resumed range requests."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx

from defocus.datasets.deriving.originals import copy_file
from defocus.errors import DefocusError, InputError, storage_error
from defocus.files import make_folder, sha256_file, sync_folder
from defocus.progress import say
from defocus.reading import read_bytes

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
                for block in answer.iter_raw():
                    content += block
                    if len(content) > MOST_BYTES:
                        raise PlaceError(f"{self.address(path)}: larger than {MOST_BYTES} bytes")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PlaceError(f"{self.name}: cannot be reached ({error})") from error
        return bytes(content)

    def bring(self, path: str, part: Path, most: int | None) -> None:
        fruitless = 0
        most_there = part.stat().st_size if part.is_file() else 0
        while True:
            before = part.stat().st_size if part.is_file() else 0
            try:
                self._bring_on(path, part, before, most)
            except httpx.TransportError as error:  # cut, stalled, refused
                after = part.stat().st_size if part.is_file() else 0
                fruitless = 0 if after > most_there else fruitless + 1  # without ranges it shrinks
                most_there = max(after, most_there)
                if fruitless == TRIES:
                    raise UnreachableError(f"{self.name}: cannot be reached ({error})") from error
                if fruitless:
                    time.sleep(WAIT_SECONDS * 2 ** (fruitless - 1))
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise PlaceError(f"{self.address(path)}: {error}") from error
            else:
                return

    def _bring_on(self, path: str, part: Path, start: int, most: int | None) -> None:
        """One request for what is missing; a server without ranges sends all again."""
        with self._answer(path, start) as answer:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # nothing is missing, or the bytes are not those of this file
            goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            whole = answer.status_code != httpx.codes.PARTIAL_CONTENT
            if not whole and not goes_on:
                raise PlaceError(f"{self.address(path)}: the server sends another part")
            there = 0 if whole else start
            try:
                with part.open("wb" if whole else "ab") as file:
                    for block in answer.iter_raw():  # as they come: nothing is lost where it is cut
                        there += len(block)
                        if most is not None and there > most:
                            raise TooLargeError(f"{self.address(path)}: larger than {most} bytes")
                        file.write(block)
            except OSError as error:
                raise storage_error(error, part) from error

    @contextmanager
    def _answer(self, path: str, start: int) -> Iterator[httpx.Response]:
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        address = self.address(quote(path))
        with httpx.stream(
            "GET", address, headers=headers, timeout=STALLED_SECONDS, follow_redirects=True
        ) as answer:
            ranged = start and answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE
            if not answer.is_success and not ranged:
                raise PlaceError(f"{address}: the server answers {answer.status_code}")
            yield answer


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
