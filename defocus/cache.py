"""The cache folder, and folders that appear complete or not at all.

What cannot be kept there changes no result: the work goes on, and one line says so."""

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from defocus.errors import StorageError
from defocus.progress import say, say_once
from defocus.storage.files import (
    is_elsewhere,
    make_folder,
    place_folder,
    require_writable,
    set_mode,
    storing,
    sync_tree,
)
from defocus.storage.staging import folder_of_program, remove_folder, staging_folder

R = TypeVar("R")

VARIABLE = "DEFOCUS_CACHE"
"""Variable with which a person names the folder."""

REMEDY = f"set {VARIABLE} to a folder that can be written"

CARRIED = (
    "weights",
    "plugins",
    "setup",
    "sidecars",
    "fetched",
)
"""Folders with what a person has added and no work makes again; they are linked into a cache for
one program."""

TEMPORARY = "defocus-cache-"
"""Begins the name of a cache for one program."""

_usable: set[Path] = set()
"""Cache folders that could be written when this process first asked for them."""

_left: set[Path] = set()
"""Cache folders that this process has left for one of its own."""


def cache_folder() -> Path:
    """The cache folder, created if absent; one for this program alone where none can be written."""
    # It is ``DEFOCUS_CACHE``, or ``defocus`` in the user's cache.
    try:
        folder = _wanted()
        if folder not in _usable:
            require_writable(make_folder(folder))
            _usable.add(folder)
    except StorageError as error:
        return leave_cache(str(error))
    return folder


def _wanted() -> Path:
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given).absolute()
    try:
        user = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    except RuntimeError as error:  # no HOME, and no entry of the user
        raise StorageError("there is no home folder for the cache") from error
    return (user / "defocus").absolute()


def leave_cache(reason: str) -> Path:
    """Use a new temporary cache from now on, here and in processes that are started."""
    before = os.environ.get(VARIABLE)
    try:
        folder = folder_of_program(Path(tempfile.gettempdir()), TEMPORARY)
    except (OSError, StorageError) as error:
        raise StorageError(
            f"{reason}, and there is no temporary folder either; {REMEDY}"
        ) from error
    _carry(folder, before)
    with contextlib.suppress(StorageError):  # there is no home
        _left.add(_wanted())
    os.environ[VARIABLE] = str(folder)
    _usable.add(folder)
    atexit.register(_remove, folder, os.getpid())
    # compilers and fonts have caches of their own, in the same home
    os.environ.setdefault("NUMBA_CACHE_DIR", str(folder / "numba"))
    os.environ.setdefault("MPLCONFIGDIR", str(folder / "matplotlib"))
    say(f"{reason}; nothing is kept for the next time: {REMEDY}")
    return folder


def _carry(folder: Path, before: str | None) -> None:
    """Link what a person has added to the former cache."""
    link = os.symlink if hasattr(os, "symlink") else shutil.copyfile
    with contextlib.suppress(OSError, StorageError):
        former = Path(before) if before else _wanted()
        for name in CARRIED:
            kept = former / name
            if kept.is_dir():
                shutil.copytree(kept, folder / name, copy_function=link)


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not at the end of a fork
        remove_folder(folder)


def in_cache(make: Callable[[Path], R]) -> R:
    """Result of a function that writes to the cache folder; to a new one if this is full."""
    folder = cache_folder()
    try:
        return make(folder)
    except StorageError as error:
        if folder.name.startswith(TEMPORARY):
            raise
        return make(leave_cache(str(error)))


@contextlib.contextmanager
def keeping() -> Iterator[None]:
    """While it lasts, what cannot be kept is reported once, and the work goes on."""
    try:
        yield
    except StorageError as error:
        say_once(REMEDY, f"{error}; nothing more is kept: {REMEDY}")


def torch_checkpoint(filename: str) -> Path:
    """Path of a file, which may be missing, in torch's checkpoints (``TORCH_HOME``)."""
    # Computed like ``torch.hub.get_dir``, because importing torch takes seconds.
    cache = Path(os.getenv("XDG_CACHE_HOME", "~/.cache"))
    home = Path(os.getenv("TORCH_HOME", str(cache / "torch"))).expanduser()
    return home / "hub" / "checkpoints" / filename


def derived_folder(content_hash: str, inside: Path | None = None) -> Path:
    """Path of the folder for results derived from pairs of this content; nothing is created."""
    # It is inside the dataset's folder if that is writable, else in the cache.
    name = content_hash[:16]
    if inside is not None and os.access(inside, os.W_OK):
        return inside / ".derived" / name
    return cache_folder() / "derived" / name


def in_derived(folder: Path, make: Callable[[Path], R]) -> R:
    """What a function makes in a folder of :func:`derived_folder`, as :func:`in_cache` does."""
    in_a_cache = folder.parent.parent in {cache_folder(), *_left}
    if not in_a_cache:  # inside the dataset's
        return make(folder)
    return in_cache(lambda cache: make(cache / "derived" / folder.name))


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; on success it becomes ``path`` in one step."""
    # A failure leaves ``path`` unchanged. If another process was first, its folder stays and ours
    # is dropped, so use equal paths only for equal content. A file that the block reads elsewhere
    # is no error of storing.
    make_folder(path.parent)
    try:
        with staging_folder(path.parent, f".{path.name}-", ".part") as temporary:
            yield temporary
            _place(temporary, path)
    except OSError as error:
        if is_elsewhere(error, path.parent):
            raise
        with storing(path):
            raise


def _place(temporary: Path, path: Path) -> None:
    set_mode(temporary, 0o755)
    sync_tree(temporary)
    try:
        place_folder(temporary, path)
    except OSError:
        if not path.is_dir():
            raise
