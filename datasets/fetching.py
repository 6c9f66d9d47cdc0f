"""Fetch a release or a file, going on where it was interrupted; its checksums are written first."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http import HTTPStatus
from http.client import HTTPResponse
from itertools import filterfalse
from pathlib import Path
from urllib.parse import quote, urlsplit

from defocus.cache import cache_folder
from defocus.datasets.checksums import (
    CHECKSUMS,
    MOST_BYTES,
    TAG_CHECKSUMS,
    Truth,
    check_paths,
    folder_hashes,
    hashed,
    parsed,
    tag_of,
)
from defocus.datasets.deriving.parts import copy_file
from defocus.datasets.differences import Verification, compared
from defocus.datasets.manifest import MANIFEST, manifest_files, read_manifest
from defocus.errors import DatasetError, DefocusError, InputError
from defocus.processes.machines import Where
from defocus.progress import say, track
from defocus.reading import intact, read_bytes, read_json
from defocus.storage.files import (
    make_folder,
    sha256_file,
    storing,
    sync_folder,
    unfinished,
    write_bytes,
    write_json,
)
from defocus.storage.staging import owned_folder
from defocus.web import WebError, answer_of, blocks_of

STALLED_SECONDS = 30.0
TRIES = 5
"""Number of attempts in a row that bring no byte, after which a place is given up."""
WAIT_SECONDS = 0.5
"""Seconds before the second attempt; the wait doubles with each."""


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


class _Folder(Place):
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


class _Server(Place):
    """A server that speaks HTTP; interrupted transfers go on with range requests."""

    def content(self, path: str) -> bytes:
        content = bytearray()
        try:
            with self._answer(path, 0) as answer:
                for block in blocks_of(answer):
                    content += block
                    if len(content) > MOST_BYTES:
                        raise PlaceError(
                            f"{self.address(path)}: larger than {MOST_BYTES} bytes"
                        )
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
                if (
                    error.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
                    and before
                ):
                    return  # nothing is missing, or the bytes are not those of this file
                if not error.passing:
                    raise self._problem(path, error) from error
                # cut, stalled, refused
                after = part.stat().st_size if part.is_file() else 0
                # without ranges it shrinks
                fruitless = 0 if after > most_there else fruitless + 1
                most_there = max(after, most_there)
                if fruitless == TRIES:
                    raise UnreachableError(
                        f"{self.name}: cannot be reached ({error})"
                    ) from error
                if fruitless:
                    time.sleep(WAIT_SECONDS * 2 ** (fruitless - 1))
            else:
                return

    def _bring_on(self, path: str, part: Path, start: int, most: int | None) -> None:
        """One request for what is missing; a server without ranges sends all again."""
        with self._answer(path, start) as answer:
            goes_on = answer.headers.get("Content-Range", "").startswith(
                f"bytes {start}-"
            )
            whole = answer.status != HTTPStatus.PARTIAL_CONTENT
            if not whole and not goes_on:
                raise PlaceError(f"{self.address(path)}: the server sends another part")
            there = 0 if whole else start
            with storing(part), part.open("wb" if whole else "ab") as file:
                # as they come: nothing is lost where it is cut
                for block in blocks_of(answer):
                    there += len(block)
                    if most is not None and there > most:
                        raise TooLargeError(
                            f"{self.address(path)}: larger than {most} bytes"
                        )
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
            raise InputError(
                f"{source}: no such folder; give a folder or an https address"
            )
        return _Folder(source)
    parts = urlsplit(source)
    if (
        not parts.hostname
        or parts.username
        or parts.password
        or parts.query
        or parts.fragment
    ):
        raise InputError(
            f"{parts.scheme}://{parts.hostname}: give an address without user and query"
        )
    return _Server(source)


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
    name = hashlib.sha256(target.name.encode()).hexdigest()[:16]
    part = target.with_name(f".{name}.part")
    reasons = []
    for place in tuple(places):
        try:
            if _arrived(place, path, part, is_right, most):
                with storing(target):
                    part.replace(target)
                    sync_folder(target.parent)
                return
            reasons.append(f"{place.address(path)}: has other bytes")
        except PlaceError as error:
            reasons.append(str(error))
            if isinstance(error, TooLargeError):
                part.unlink(missing_ok=True)
            if isinstance(error, UnreachableError) and place is not places[-1]:
                say(f"{error}; the other sources come first from now on")
                places.remove(place)
                places.append(place)
    raise PlaceError("; ".join(reasons))


def _arrived(
    place: Place,
    path: str,
    part: Path,
    is_right: Callable[[str], bool],
    most: int | None,
) -> bool:
    """Whether a place has the right bytes, tried once more without what had arrived before."""
    for resumed in (part.is_file(), False):
        place.bring(path, part, most)
        if part.is_file() and is_right(sha256_file(part)):
            return True
        part.unlink(missing_ok=True)
        if not resumed:
            break
        say(f"{path}: what had arrived does not fit; it is fetched again")
    return False


CROISSANT = "croissant.json"


@dataclass(frozen=True)
class Listing:
    """Content of a release: the bytes of its manifest, and SHA-256 by relative POSIX path."""

    manifest: bytes
    hashes: dict[str, str]

    @property
    def sha256(self) -> str:
        """SHA-256 of the manifest, which ``package`` prints."""
        return hashlib.sha256(self.manifest).hexdigest()


@dataclass(frozen=True)
class Fetched:
    """A fetched release: files that are new, were there already, or were not wanted (``left``)."""

    root: Path
    sha256: str  # of its manifest
    new: tuple[str, ...]
    kept: tuple[str, ...]
    left: tuple[str, ...]


def listing_of(places: Sequence[Place], sha256: str | None = None) -> Listing:
    """The manifest of a release, from the first place that has a sound one, or that hash."""
    reasons = []
    for place in places:
        try:
            return _listing(place, sha256)
        except DefocusError as error:
            reasons.append(str(error))
    raise DatasetError(f"{'; '.join(reasons)}; give the root of a release")


def _listing(place: Place, sha256: str | None) -> Listing:
    content = place.content(CHECKSUMS)
    tag = place.content(TAG_CHECKSUMS)
    hashes = parsed(content)
    if hashes is None or tag != tag_of(content):
        raise DatasetError(f"{place.name}/{CHECKSUMS}: damaged")
    listing = Listing(content, hashes)
    if sha256 is not None and listing.sha256 != sha256:
        raise DatasetError(
            f"{place.name}/{CHECKSUMS}: has SHA-256 {listing.sha256}, not {sha256}"
        )
    check_paths(hashes, Path(place.name) / CHECKSUMS)
    return listing


def fetch_release(
    places: list[Place], out: Path, only: Sequence[str] = (), sha256: str | None = None
) -> Fetched:
    """Fetch a release's files that are not there yet, each from the first place with its bytes."""
    # ``only`` has patterns of paths such as ``test-*.tar``, empty for all; documents always come.
    listing = listing_of(places, sha256)
    wanted = _wanted(listing, only)
    with owned_folder(out) as owned:
        if not owned:
            raise DatasetError(
                f"{out}: another process fetches into it; wait until it ends"
            )
        _claim(out, listing)
        whole = [name for name in wanted if (out / name).is_file()]
        there = hashed(out, whole)
        kept = [name for name in whole if there[name] == listing.hashes[name]]
        new = sorted(set(wanted).difference(kept))
        _bring(places, out, listing, new)
    left = dict.fromkeys(listing.hashes)
    for name in wanted:
        del left[name]
    return Fetched(out, listing.sha256, tuple(new), tuple(kept), tuple(left))


def _bring(
    places: list[Place], out: Path, listing: Listing, names: Sequence[str]
) -> None:
    """Fetch files of a release, the documents first."""
    sizes: dict[str, int] = {}
    for name in track(sorted(names, key=_is_content), f"fetching {out.name}"):
        if _is_content(name) and not sizes:
            sizes = release_sizes(out)  # by the documents, which are there now
        _require_inside(out, name)
        right = listing.hashes[name].__eq__
        fetch_file(places, name, out / name, right, sizes.get(name, MOST_BYTES))


def verify_against(root: Path, place: Place, where: Where = 1) -> Verification:
    """Read every byte of a folder and compare it with the checksums of a release elsewhere."""
    listing = listing_of([place])
    hashes = folder_hashes(root, where)
    tag = hashlib.sha256(tag_of(listing.manifest)).hexdigest()
    wanted = {**listing.hashes, CHECKSUMS: listing.sha256, TAG_CHECKSUMS: tag}
    findings = sorted(compared(wanted, hashes), key=lambda finding: finding.file)
    return Verification(tuple(findings), hashes, Truth(wanted, listing.manifest))


def _wanted(listing: Listing, only: Sequence[str]) -> list[str]:
    if not only:
        return sorted(listing.hashes)
    wanted = set(filterfalse(_is_content, listing.hashes))
    for pattern in only:
        fitting = [name for name in listing.hashes if fnmatchcase(name, pattern)]
        if not fitting:
            some = ", ".join(sorted(listing.hashes)[:3])
            raise DatasetError(
                f"'{pattern}' fits no file of the release; there are {some}, …"
            )
        wanted.update(fitting)
    return sorted(wanted)


def _is_content(name: str) -> bool:
    """Whether a file of a release is a picture, an array or a shard, and not a document."""
    return "/" in name or name.endswith((".tar", ".h5"))


def release_sizes(root: Path) -> dict[str, int]:
    """Bytes of a release's pictures and shards by path, as its fetched documents say."""
    if (root / MANIFEST).is_file():
        return {file.path: file.bytes for file in manifest_files(read_manifest(root))}
    path = root / CROISSANT
    if not path.is_file():
        return {}
    with intact(path, "get the release again", DatasetError, OSError):
        files = [one for one in read_json(path)["distribution"] if "contentSize" in one]
        return {
            str(one["@id"]): int(one["contentSize"].removesuffix(" B")) for one in files
        }


def _claim(out: Path, listing: Listing) -> None:
    """Write the checksums into an empty folder, or recognise those of the same release."""
    path = out / CHECKSUMS
    if path.is_file():
        if read_bytes(path) != listing.manifest:
            raise DatasetError(
                f"{out}: holds another release; choose another folder for --out"
            )
    elif _foreign(out):
        raise DatasetError(f"{out}: not empty; choose another folder for --out")
    write_bytes(path, listing.manifest)
    write_bytes(out / TAG_CHECKSUMS, tag_of(listing.manifest))


def _foreign(out: Path) -> set[Path]:
    """Files of a folder besides those that a run leaves if killed before it had the checksums."""
    begun = {out / TAG_CHECKSUMS, *unfinished(out, (CHECKSUMS, TAG_CHECKSUMS))}
    return {entry for entry in out.iterdir() if entry.suffix != ".part"} - begun


def _require_inside(out: Path, name: str) -> None:
    """Refuse to write through a link in the folder."""
    if not (out / name).parent.resolve().is_relative_to(out.resolve()):
        raise DatasetError(f"{out / name}: a link leads out of the folder; remove it")


def fetch_known_file(
    places: list[Place], target: Path, sha256: str | None, *, trust_first: bool
) -> str:
    """Fetch one file, such as a published dataset's archive; return its SHA-256."""
    # The first fetch's hash is recorded in the cache folder, and later ones must have it.
    # An unknown one is refused unless ``trust_first``.
    key = hashlib.sha256(places[0].name.encode()).hexdigest()[:32]
    record = cache_folder() / "fetched" / f"{key}.json"
    recorded = None if sha256 else _recorded(record)
    expected = sha256 or recorded
    if expected is None and not trust_first:
        raise InputError(
            f"{places[0].name}: nobody knows its hash; give --sha256, or --trust-first to record it"
        )
    if target.is_file() and expected is not None and sha256_file(target) == expected:
        return expected
    try:
        fetch_file(places, "", target, lambda digest: expected in (None, digest))
    except PlaceError as error:
        if recorded is None:
            raise
        raise PlaceError(
            f"{error}; an earlier fetch recorded SHA-256 {recorded}, --sha256 says another"
        ) from error
    digest = sha256_file(target)
    make_folder(record.parent)
    write_json(record, {"address": places[0].name, "sha256": digest})
    return digest


def _recorded(record: Path) -> str | None:
    """The recorded hash; a damaged record is an error, since what it said cannot be known."""
    if not record.is_file():
        return None
    with intact(record, "give --sha256, or remove it", InputError, OSError):
        return str(read_json(record)["sha256"])
