"""Fetch a release or a file, going on where it was interrupted; its checksums are written first."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from defocus.cache import cache_folder
from defocus.datasets.checksums import (
    CHECKSUMS,
    TAG_CHECKSUMS,
    Truth,
    check_paths,
    folder_hashes,
    hashed,
    parsed,
    tag_of,
)
from defocus.datasets.fetch_places import MOST_BYTES, Place, PlaceError, fetch_file
from defocus.datasets.manifest import MANIFEST, manifest_files, read_manifest
from defocus.datasets.verification import Verification, compared
from defocus.errors import DatasetError, DefocusError, InputError
from defocus.files import make_folder, sha256_file, write_bytes, write_json
from defocus.progress import track
from defocus.reading import intact, read_bytes, read_json
from defocus.staging import owned_folder

CROISSANT = "croissant.json"


@dataclass(frozen=True)
class Listing:
    """What belongs to a release: the bytes of its manifest, and SHA-256 by relative POSIX path."""

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
    content, tag = place.content(CHECKSUMS), place.content(TAG_CHECKSUMS)
    hashes = parsed(content)
    if hashes is None or tag != tag_of(content):
        raise DatasetError(f"{place.name}/{CHECKSUMS}: damaged")
    listing = Listing(content, hashes)
    if sha256 is not None and listing.sha256 != sha256:
        raise DatasetError(f"{place.name}/{CHECKSUMS}: has SHA-256 {listing.sha256}, not {sha256}")
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
            raise DatasetError(f"{out}: another process fetches into it; wait until it ends")
        _claim(out, listing)
        whole = [name for name in wanted if (out / name).is_file()]
        there = hashed(out, whole)
        kept = [name for name in whole if there[name] == listing.hashes[name]]
        new = [name for name in wanted if name not in set(kept)]
        sizes: dict[str, int] | None = None
        for name in track(sorted(new, key=_is_content), f"fetching {out.name}"):
            if _is_content(name) and sizes is None:  # the documents are there, which tell them
                sizes = release_sizes(out)
            _require_inside(out, name)
            most = (sizes or {}).get(name, MOST_BYTES)
            fetch_file(places, name, out / name, listing.hashes[name].__eq__, most)
    left = tuple(name for name in listing.hashes if name not in set(wanted))
    return Fetched(out, listing.sha256, tuple(new), tuple(kept), left)


def verify_against(root: Path, place: Place, jobs: int = 1) -> Verification:
    """Read every byte of a folder and compare it with the checksums of a release elsewhere."""
    listing, hashes = listing_of([place]), folder_hashes(root, jobs)
    tag = hashlib.sha256(tag_of(listing.manifest)).hexdigest()
    wanted = {**listing.hashes, CHECKSUMS: listing.sha256, TAG_CHECKSUMS: tag}
    findings = sorted(compared(wanted, hashes), key=lambda finding: finding.file)
    return Verification(tuple(findings), hashes, Truth(wanted, listing.manifest))


def _wanted(listing: Listing, only: Sequence[str]) -> list[str]:
    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in listing.hashes):
            some = ", ".join(sorted(listing.hashes)[:3])
            raise DatasetError(f"'{pattern}' fits no file of the release; there are {some}, …")
    return [
        name
        for name in sorted(listing.hashes)
        if not only or not _is_content(name) or any(fnmatchcase(name, pattern) for pattern in only)
    ]


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
    with intact(path, "get the release anew", DatasetError, OSError):
        files = [one for one in read_json(path)["distribution"] if "contentSize" in one]
        return {str(one["@id"]): int(one["contentSize"].removesuffix(" B")) for one in files}


def _claim(out: Path, listing: Listing) -> None:
    """Write the checksums into an empty folder, or recognise those of the same release."""
    path = out / CHECKSUMS
    if path.is_file():
        if read_bytes(path) != listing.manifest:
            raise DatasetError(f"{out}: holds another release; choose another folder for --out")
    elif any(entry.name != TAG_CHECKSUMS and entry.suffix != ".part" for entry in out.iterdir()):
        raise DatasetError(f"{out}: not empty; choose another folder for --out")
    write_bytes(path, listing.manifest)
    write_bytes(out / TAG_CHECKSUMS, tag_of(listing.manifest))


def _require_inside(out: Path, name: str) -> None:
    """Refuse to write through a link in the folder."""
    if not (out / name).parent.resolve().is_relative_to(out.resolve()):
        raise DatasetError(f"{out / name}: a link leads out of the folder; remove it")


def fetch_known_file(
    places: list[Place], target: Path, sha256: str | None, *, trust_first: bool
) -> str:
    """Fetch one file, such as a published dataset's archive; its SHA-256."""
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
