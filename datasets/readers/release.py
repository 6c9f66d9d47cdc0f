"""release:DIR - a release made by 'defocus-data package', in any place."""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from defocus.cache import atomic_folder, cache_folder, in_cache
from defocus.datasets.checksums import CHECKSUMS, check_paths, parsed
from defocus.datasets.manifest import MANIFEST, make_manifest, write_manifest
from defocus.datasets.pair import OWN_PICTURES, Dataset, Pair, ReaderCard
from defocus.datasets.pair_files import file_hashes
from defocus.datasets.readers.manifest import read_as
from defocus.datasets.release.facts import read_facts
from defocus.errors import DatasetError
from defocus.progress import say, track
from defocus.reading import read_bytes
from defocus.storage.files import make_folder

MAX_BYTES = 256 * 1024 * 1024
_SHARD = re.compile(r"(train|validation|test)-\d{5,}\.(tar|h5)")

Unpack = Callable[[Path, Path], Iterator[Pair]]


def unpacked(root: Path) -> Path:
    """The folder with a release's pairs as files, made on first use after its checksums hold."""
    shards = _shards(root)
    hashes = file_hashes(root, [root / name for name in shards])
    for name, sha256 in shards.items():
        if hashes[root / name] != sha256:
            raise DatasetError(
                f"{root / name}: has changed since it was packaged; repair it with 'defocus-data "
                f"verify {root} --repair FROM'"
            )
    return in_cache(lambda cache: _unpacked_in(cache, root, sorted(shards)))


def _unpacked_in(cache: Path, root: Path, shards: Sequence[str]) -> Path:
    target = _place(cache, root)
    if target.is_dir():
        return target
    facts = read_facts(root)
    with atomic_folder(target) as folder:
        make_folder(folder / "pairs")
        pairs: list[Pair] = []
        for name in track(shards, f"unpacking {root.name}"):
            pairs += _unpack(root / name)(root / name, folder / "pairs")
        manifest = make_manifest(folder, tuple(pairs), facts.source or "", facts.steps)
        write_manifest(folder, manifest)
    return target


def remove_unpacked(root: Path) -> None:
    """Remove the folder made by :func:`unpacked`."""
    shutil.rmtree(_place(cache_folder(), root), ignore_errors=True)


def _place(cache: Path, root: Path) -> Path:
    digest = hashlib.sha256(_limited(root / CHECKSUMS)).hexdigest()
    return cache / "releases" / digest[:32]


def _shards(root: Path) -> Mapping[str, str]:
    """SHA-256 by name of the shards that the checksums cover."""
    path = root / CHECKSUMS
    hashes = parsed(_limited(path))
    if hashes is None:
        raise DatasetError(
            f"{path}: damaged; repair it with 'defocus-data verify --repair FROM'"
        )
    check_paths(hashes, path)
    shards = {}
    for name in filter(_SHARD.fullmatch, hashes):
        if (root / name).is_symlink():
            raise DatasetError(f"{root / name}: a link; replace it by the file")
        shards[name] = hashes[name]
    if not shards:
        raise DatasetError(
            f"{root}: neither a manifest.json nor shards; is it a release?"
        )
    return shards


def _limited(path: Path) -> bytes:
    try:
        return read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot be read ({error.strerror}); give the root of a release"
        ) from error


def _unpack(shard: Path) -> Unpack:
    if shard.suffix == ".tar":
        from defocus.datasets.release.formats.webdataset import unpack as unpack_tar

        return unpack_tar
    from defocus.datasets.release.formats.hdf5 import unpack as unpack_hdf5

    return unpack_hdf5


CARD = ReaderCard(
    title="a packaged release",
    source="defocus-data package",
    licence=OWN_PICTURES,
    redistributable=True,
)


def read(root: Path) -> Dataset:
    """Open a release, which is never changed: derived results and shards' pictures are cached."""
    if (root / MANIFEST).is_file():
        return read_as("release", root)
    return replace(_of_shards(root), name=f"release:{root.name}", root=root)


def _of_shards(root: Path) -> Dataset:

    folder = unpacked(root)
    try:
        return read_as("release", folder)
    except DatasetError as error:
        say(f"{error}; the release is unpacked again")
    remove_unpacked(root)
    return read_as("release", unpacked(root))
