"""Contents of a folder: every file with its hash; links and devices are marked."""

import os
import stat
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from defocus.errors import DatasetError
from defocus.files import sha256_file
from defocus.progress import track

__all__ = ["NO_FILE", "folder_hashes", "hashed"]

NO_FILE = ""
"""In the place of a hash: a link, a device, or something else that is no file."""

SILENT_BELOW = 100


def folder_hashes(root: Path, jobs: int = 1) -> dict[str, str]:
    """SHA-256 by relative POSIX path of every file in a folder; links, devices: :data:`NO_FILE`."""
    # Links are not followed. Files are read by threads: hashing leaves Python's lock.
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder; check the path")
    return hashed(root, sorted(_entries(root)), jobs)


def hashed(root: Path, names: list[str], jobs: int = 1) -> dict[str, str]:
    """SHA-256 of entries of a folder; see :func:`folder_hashes`."""
    pool = ThreadPoolExecutor(jobs)
    try:
        hashes: Iterable[str] = pool.map(_hash, [root / name for name in names])
        if len(names) >= SILENT_BELOW:
            hashes = track(hashes, "reading every byte", len(names))
        return dict(zip(names, hashes, strict=True))
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupted run does not read on


def _entries(root: Path) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise DatasetError(f"{error.filename}: cannot be read ({error.strerror})") from error

    for folder, folders, files in os.walk(root, onerror=refuse):
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*files, *linked):
            yield (Path(folder) / name).relative_to(root).as_posix()


def _hash(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return NO_FILE
        return sha256_file(path)
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot be read ({error.strerror}); restore it and look again"
        ) from error
