"""Restored pictures kept by a study without loss, so that a new metric needs no network.

They are in the run's folder as ``outputs/PAIR.npz``, with their hashes in ``outputs.json``."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.datasets.pair import Pair
from defocus.pictures.headers import readable_size
from defocus.progress import say
from defocus.reading import read_bytes, read_json, refuse_zip_bomb
from defocus.storage.files import make_folder, sha256_file, write_bytes, write_json

Array = NDArray[np.float64]

MOST_BYTES = 2**34
"""Largest kept picture, in bytes: 400 million pixels in float64 take less."""

OUTPUTS = "outputs"
"""The folder of the pictures, inside that of the run."""

BYTES_PER_PIXEL = 12
"""Bytes of a pixel, three channels of float32; compressed, a picture takes somewhat less."""


def bytes_needed(pairs: Iterable[Pair]) -> int:
    """Upper bound of the size of one run's restored pictures, in bytes; only headers are read."""
    sizes = filter(None, (readable_size(pair.blurry) for pair in pairs))
    return BYTES_PER_PIXEL * sum(height * width for height, width in sizes)


class KeptOutputs:
    """The kept restored pictures of one run, from the dataset and checkpoint in ``basis``."""

    def __init__(self, folder: Path, basis: Mapping[str, str]) -> None:
        self._folder = folder / OUTPUTS
        self._manifest = folder / f"{OUTPUTS}.json"
        self._basis = dict(basis)
        self._hashes = self._read_manifest()

    @property
    def checkpoint(self) -> str:
        """SHA-256 of the checkpoint that restored them; empty without one."""
        return self._basis["checkpoint"]

    @property
    def begun(self) -> bool:
        """Whether any picture is kept."""
        return bool(self._hashes)

    def complete(self, pairs: Iterable[Pair]) -> bool:
        """Whether all of these pairs have a picture; damage is detected only when it is read."""
        there = (
            pair.id in self._hashes and self.path(pair).is_file() for pair in pairs
        )
        return self.begun and all(there)

    def read(self, pair: Pair) -> Array | None:
        """The restored picture ``(H, W, 3)``, not clamped; None if absent or damaged."""
        if pair.id not in self._hashes:
            return None
        path = self.path(pair)
        try:
            if sha256_file(path) == self._hashes[pair.id]:
                refuse_zip_bomb(path)
                return _unpacked(read_bytes(path, MOST_BYTES))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            pass  # said below, with what its hash does not say
        say(f"{path}: damaged or missing; restored again")
        return None

    def write(self, pair: Pair, restored: Array) -> None:
        """Keep the restored picture of a pair, in place of an earlier one."""
        path = self.path(pair)
        make_folder(self._folder)
        write_bytes(path, _packed(restored))
        self._hashes[pair.id] = sha256_file(path)
        write_json(self._manifest, {"basis": self._basis, "sha256": self._hashes})

    def path(self, pair: Pair) -> Path:
        """File of a pair's picture, whether it is there or not."""
        return self._folder / f"{pair.id}.npz"

    def _read_manifest(self) -> dict[str, str]:
        """Hashes by pair; empty if the manifest is absent, damaged or of another basis."""
        try:
            document: Any = read_json(self._manifest)
            if document["basis"] != self._basis:
                return {}
            return {
                str(pair): str(digest) for pair, digest in document["sha256"].items()
            }
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return {}


def _packed(restored: Array) -> bytes:
    """Convert to float32, which networks compute in, or to float64 if float32 would lose digits."""
    short = restored.astype(np.float32)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, restored=short if np.array_equal(short, restored) else restored
    )
    return buffer.getvalue()


def _unpacked(content: bytes) -> Array:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return np.asarray(stored["restored"], dtype=np.float64)
