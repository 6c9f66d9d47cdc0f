"""The cache folder, and folders that appear complete or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from defocus.errors import storage_error
from defocus.files import make_folder, sync_folder
from defocus.staging import staging_folder

__all__ = ["atomic_folder", "cache_folder", "derived_folder"]


def cache_folder() -> Path:
    """The cache folder: ``DEFOCUS_CACHE``, or the usual place of this system. Created if absent.

    Raises:
        StorageError: It cannot be created.
    """
    import platformdirs

    configured = os.environ.get("DEFOCUS_CACHE")
    return make_folder(Path(configured or platformdirs.user_cache_dir("defocus")).absolute())


def derived_folder(content_hash: str, inside: Path | None = None) -> Path:
    """The folder for what is computed from a dataset's pairs; a name, nothing is created.

    It carries the content hash, so that what was derived from other content is never found.

    Args:
        content_hash: Content hash of the dataset.
        inside: The dataset's folder, used where it can be written; else the cache is.
    """
    name = content_hash[:16]
    if inside is not None and os.access(inside, os.W_OK):
        return inside / ".derived" / name
    return cache_folder() / "derived" / name


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside ``path``; on success it becomes ``path`` in one step.

    Whatever fails inside the block leaves ``path`` as it was and nothing half-made behind. Where
    another process was first, its folder stays and ours is dropped: give equal work equal paths.

    Raises:
        StorageError: The disk is full or the folder is not writable.
    """
    make_folder(path.parent)
    try:
        with staging_folder(path.parent, f".{path.name}-", ".part") as temporary:
            yield temporary
            temporary.chmod(0o755)
            sync_folder(temporary)
            with contextlib.suppress(FileExistsError):
                _rename(temporary, path)
            sync_folder(path.parent)
    except OSError as error:
        raise storage_error(error, path) from error


def _rename(temporary: Path, path: Path) -> None:
    """Rename; FileExistsError where ``path`` is a folder with content already, on any system."""
    try:
        temporary.rename(path)
    except OSError:
        if path.is_dir():
            raise FileExistsError(path) from None
        raise
