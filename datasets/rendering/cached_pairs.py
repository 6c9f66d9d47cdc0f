"""Rendered pairs in the cache, made once for all processes and verified on reading."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from defocus.cache import atomic_folder
from defocus.datasets.manifest import (
    make_manifest,
    manifest_pairs,
    read_manifest,
    write_manifest,
)
from defocus.datasets.pair import Pair
from defocus.errors import DatasetError
from defocus.files import sha256_file
from defocus.progress import say
from defocus.staging import staging_folder

__all__ = ["kept_pairs"]


def kept_pairs(
    folder: Path, name: str, write_pairs: Callable[[Path], tuple[Pair, ...]]
) -> tuple[tuple[Pair, ...], dict[Path, str]]:
    """The pairs of a folder; they are written now if missing or damaged."""
    problem = _problem(folder)
    if problem and folder.exists():
        say(f"{name}: {problem}; it is made again")
        _remove(folder)
    if problem:
        with atomic_folder(folder) as root:
            write_manifest(root, make_manifest(root, write_pairs(root)))
    return manifest_pairs(folder, read_manifest(folder))


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
