"""The cache folder, and folders that appear complete or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from defocus.files import make_folder, storing, sync_folder, sync_tree
from defocus.staging import staging_folder


def cache_folder() -> Path:
    """The cache folder, created if absent: ``DEFOCUS_CACHE``, or ``defocus`` in the user's."""
    own = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "defocus"
    return make_folder(Path(os.environ.get("DEFOCUS_CACHE") or own).absolute())


def torch_checkpoint(filename: str) -> Path:
    """Where a file is or would be in torch's folder of checkpoints (``TORCH_HOME``)."""
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


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; on success it becomes ``path`` in one step."""
    # A failure leaves ``path`` unchanged. If another process was first, its folder stays and ours
    # is dropped, so use equal paths only for equal content.
    make_folder(path.parent)
    with storing(path), staging_folder(path.parent, f".{path.name}-", ".part") as temporary:
        yield temporary
        temporary.chmod(0o755)
        sync_tree(temporary)
        try:
            temporary.rename(path)
        except OSError:
            if not path.is_dir():
                raise
        sync_folder(path.parent)
