"""The parts of a dataset that is made, each once; and rendered pairs that are kept in the cache."""

import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from defocus.cache import atomic_folder, in_cache
from defocus.cluster.dispatcher import each
from defocus.datasets.manifest import (
    make_manifest,
    manifest_pairs,
    read_manifest,
    write_manifest,
)
from defocus.datasets.pair import Pair
from defocus.errors import DatasetError
from defocus.pictures import picture_name
from defocus.pictures.raw import any_raw
from defocus.pictures.read import read_pair
from defocus.pictures.write import write_image
from defocus.processes.isolation import LeftOut, parted
from defocus.processes.machines import Where
from defocus.progress import say, track
from defocus.storage.files import atomic_path, copy_content, make_folder, sha256_file
from defocus.storage.staging import staging_folder


def place_pair(blurry: Path, sharp: Path, folder: Path) -> tuple[Path, Path]:
    """Put a pair's pictures into a folder as ``blurry.*`` and ``sharp.*``; RAW is developed."""
    # Others are copied byte for byte. Both RAW files are developed with one set of parameters. The
    # pair is always decoded, so that no unreadable file gets into a dataset.
    make_folder(folder)
    pictures = read_pair(blurry, sharp)
    placed = []
    for name, source, picture in zip(
        ("blurry", "sharp"), (blurry, sharp), pictures, strict=True
    ):
        if any_raw(source):
            placed.append(folder / picture_name(name))
            write_image(placed[-1], picture)
        else:
            placed.append(folder / f"{name}{source.suffix.lower()}")
            copy_file(source, placed[-1])
    return placed[0], placed[1]


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's bytes atomically; permissions and links are not carried over."""
    with atomic_path(target) as temporary:
        copy_content(source, temporary)


E = TypeVar("E")


def write_parts(
    entries: Mapping[str, E],
    folder: Path,
    write: Callable[[E, Path], None],
    title: str,
    where: Where = 1,
) -> tuple[LeftOut, ...]:
    """Write the folders of entries that are not there; those that failed, with the reason."""
    placed = {name: (folder / name, content) for name, content in entries.items()}
    written = each(partial(_write_part, write=write), placed, where)
    results = dict(track(written, title, len(entries)))
    _, failed = parted(results[name] for name in entries)
    return failed


def _write_part(placed: tuple[Path, E], write: Callable[[E, Path], None]) -> None:
    target, content = placed
    if target.is_dir():
        return
    with atomic_folder(target) as temporary:
        write(content, temporary)


def _kept_pairs(
    folder: Path, name: str, write_pairs: Callable[[Path], tuple[Pair, ...]]
) -> tuple[tuple[Pair, ...], dict[Path, str]]:
    problem = _problem(folder)
    if problem and folder.exists():
        say(f"{name}: {problem}; it is made again")
        _remove(folder)
    if problem:
        with atomic_folder(folder) as root:
            write_manifest(root, make_manifest(root, write_pairs(root)))
    return manifest_pairs(folder, read_manifest(folder))


def cached_pairs(
    place: str, name: str, write_pairs: Callable[[Path], tuple[Pair, ...]]
) -> tuple[Path, tuple[Pair, ...], dict[Path, str]]:
    """The folder at a place in the cache, and its pairs; they are written if missing or damaged."""

    def make(cache: Path) -> tuple[Path, tuple[Pair, ...], dict[Path, str]]:
        folder = cache / place
        return (folder, *_kept_pairs(folder, name, write_pairs))

    return in_cache(make)


def _problem(folder: Path) -> str:
    """Why the folder is not valid; empty if every file has its hash."""
    try:
        _, hashes = manifest_pairs(folder, read_manifest(folder))
        for path, sha256 in hashes.items():
            if sha256_file(path) != sha256:
                return f"{path} is damaged"
    except (DatasetError, OSError) as error:
        return str(error)
    return ""


def _remove(folder: Path) -> None:
    """Remove the damaged folder in one step, so that no other process sees it half-removed."""
    with (
        staging_folder(folder.parent, f".{folder.name}-", ".part") as aside,
        contextlib.suppress(FileNotFoundError),  # another process was first
    ):
        folder.rename(aside / "damaged")
