"""Packed pictures in one HDF5 file; crops are read without decoding whole pictures.

``packed``: chunks of 128 x 128 pixels, each with a checksum. They are not compressed: LZF saved
under 1 % of noisy 16-bit pictures and made reading five times slower. ``raw``: each picture in one
piece, read through a memory map, several times faster and without checksums.
"""

import errno
import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from defocus.errors import DatasetError
from defocus.files import atomic_path, make_folder
from defocus.images import Image
from defocus.isolation import LeftOut

__all__ = ["ColourChange", "Crop", "Members", "PatchStore", "Storage", "pack", "require_space"]

Members: TypeAlias = Mapping[str, NDArray[Any]]
"""The arrays of one pair by name, all of one height and width: ``blurry`` and ``target``, each
``(H, W, 3)`` uint8 or uint16, and whatever else is cut at the same place."""

Storage = Literal["packed", "raw"]

CHUNK_PX = 128
CACHE_BYTES = 4 * 1024 * 1024
SPARE_BYTES = 256 * 1024


@dataclass(frozen=True)
class ColourChange:
    """Changes of a crop's colours."""

    grey: bool = False
    saturation: float = 1.0
    noise_deviation: float = 0.0  # of Gaussian noise, for colours in [0, 1]
    noise_seed: int = 0
    channels: tuple[int, int, int] = (0, 1, 2)  # permutation of red, green and blue


@dataclass(frozen=True)
class Crop:
    """Position of a patch, and how it is mirrored and then turned."""

    index: int  # of the pair in the store
    top: int
    left: int
    upside_down: bool = False  # the order of rows is reversed
    mirrored: bool = False  # columns are reversed
    quarter_turns: int = 0  # counter-clockwise
    window_px: int = 0  # side of the cut area if it is shrunk to a patch; 0: the patch's own side
    look: ColourChange = ColourChange()


class PatchStore:
    """The pictures of one packed file; each process opens the file separately."""

    # ``ids`` and ``sizes`` (height, width) are in the order of the pairs' indices; ``left_out``
    # could not be read when the file was packed.

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: Any = None
        self._owner = 0
        self._opened: dict[tuple[str, str], Any] = {}
        try:
            file = self._file()
            self.ids: tuple[str, ...] = tuple(file["ids"].asstr()[:])
            sizes = [file["blurry"][name].shape[:2] for name in self.ids]
            unread = file["left_out"].asstr()[:].tolist() if "left_out" in file else []
        except (OSError, KeyError, RuntimeError) as error:
            raise self._damaged("its directory cannot be read") from error
        self.sizes: tuple[tuple[int, int], ...] = tuple((int(h), int(w)) for h, w in sizes)
        self.left_out: tuple[LeftOut, ...] = tuple(LeftOut(*one) for one in unread)

    def __len__(self) -> int:
        return len(self.ids)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handle": None, "_owner": 0, "_opened": {}}

    def read(self, crop: Crop, size: int) -> tuple[Image, Image]:
        """Blurry and target patch, each ``(size, size, 3)`` at its own bit depth."""
        return self.read_member("blurry", crop, size), self.read_member("target", crop, size)

    def read_member(self, member: str, crop: Crop, size: int) -> NDArray[Any]:
        """A patch of one member of a pair, ``(size, size)`` or ``(size, size, 3)``."""
        name = self.ids[crop.index]
        window = np.s_[crop.top : crop.top + size, crop.left : crop.left + size]
        order = np.s_[:: -1 if crop.upside_down else 1, :: -1 if crop.mirrored else 1]
        try:
            patch: NDArray[Any] = np.array(self._array(member, name)[window])
        except (OSError, KeyError, RuntimeError) as error:
            raise self._damaged(f"pair '{name}' cannot be read") from error
        return np.rot90(patch[order], crop.quarter_turns)

    def _array(self, member: str, name: str) -> Any:  # noqa: ANN401 - h5py has no types
        """The array of a member, HDF5's own or a memory map; the same one in every thread."""
        file = self._file()
        found = self._opened.get((member, name))
        if found is None:
            found = file[member][name]
            if found.chunks is None:
                found = np.memmap(
                    self.path, found.dtype, "r", offset=found.id.get_offset(), shape=found.shape
                )
            self._opened[member, name] = found
        return found

    def _damaged(self, what: str) -> DatasetError:
        return DatasetError(f"{self.path}: {what}; delete the file, it is packed again")

    def _file(self) -> Any:  # noqa: ANN401 - h5py has no types
        """The open file, never a handle of a parent process."""
        if self._handle is None or self._owner != os.getpid():
            self._handle = h5py.File(self.path, "r", rdcc_nbytes=CACHE_BYTES)
            self._owner = os.getpid()
            self._opened = {}
        return self._handle


def pack(
    path: Path,
    pictures: Iterable[tuple[str, Members]],
    storage: Storage = "packed",
    left_out: Collection[LeftOut] = (),
) -> int:
    """Write a packed file atomically, to the bit; number of pairs. Without any there is no file."""
    make_folder(path.parent)
    ids: list[str] = []
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        for name, members in pictures:
            for member, array in members.items():
                require_space(path.parent, array.nbytes)
                _add(file.require_group(member), name, array, storage)
            file.flush()
            ids.append(name)
        # no attribute: those hold some four thousand names, and datasets of patches have more
        file.create_dataset("ids", data=np.array(ids, dtype=h5py.string_dtype()))
        if left_out:
            unread = [(one.id, one.reason) for one in left_out]
            file.create_dataset("left_out", data=np.array(unread, dtype=h5py.string_dtype()))
    if not ids:
        path.unlink()
    return len(ids)


def require_space(folder: Path, size: int) -> None:
    """Raise OSError for a full disk before HDF5 does, which could not close the file."""
    if shutil.disk_usage(folder).free < size + SPARE_BYTES:
        raise OSError(errno.ENOSPC, "no space left", str(folder))


def _add(
    group: Any,  # noqa: ANN401 - h5py has no types
    name: str,
    array: NDArray[Any],
    storage: Storage,
) -> None:
    if storage == "raw":
        group.create_dataset(name, data=array)
        return
    height, width, *channels = array.shape
    chunks = (min(CHUNK_PX, height), min(CHUNK_PX, width), *channels)
    group.create_dataset(name, data=array, chunks=chunks, fletcher32=True)
