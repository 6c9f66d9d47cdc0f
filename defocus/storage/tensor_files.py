"""Reading and writing of safetensors files."""

import contextlib
import errno
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save_file

from defocus.storage.files import set_mode, storing, sync_folder, sync_tree
from defocus.storage.staging import TENSORS, staging_folder

_SYSTEM_ERROR = re.compile(r"os error (\d+)")


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file, which is mapped into memory where its disk can do that.

    Raises:
        SafetensorError: It is damaged.
        OSError: It cannot be read.
    """
    with reading_tensors(path):
        try:
            return load_file(path)
        except RuntimeError as error:
            # as in some folders of FUSE and of virtual machines
            if _CANNOT_MAP not in str(error):
                raise
    return load(path.read_bytes())


@contextlib.contextmanager
def reading_tensors(path: Path) -> Iterator[None]:
    """Turn an error of the system, which torch tells as a ``RuntimeError``, into ``OSError``."""
    try:
        yield
    except RuntimeError as error:
        refused = _REFUSED.search(str(error))
        if refused is None:
            raise
        number = int(refused[1])
        raise OSError(number, os.strerror(number), str(path)) from error


_CANNOT_MAP = "unable to mmap"
"""What torch says where a file cannot be mapped."""

_REFUSED = re.compile(r"unable to (?:open|mmap) .*\((\d+)\)$", re.DOTALL)
"""What torch says where the system refuses, with the number of the error."""


def save_tensors(
    tensors: Mapping[str, torch.Tensor],
    path: Path,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors and texts as one file, atomically."""
    # The library writes under a name of its own beside its target. In a folder of ours, the next
    # run removes what a killed one leaves.
    texts = None if metadata is None else dict(metadata)
    with storing(path), staging_folder(path.parent, TENSORS, ".part") as staging:
        written = staging / path.name
        try:
            save_file(dict(tensors), written, metadata=texts)
        except SafetensorError as error:
            raise _of_system(error, path) from error
        if texts:
            _sort_texts(written)
        sync_tree(staging)
        set_mode(written, 0o644)
        written.replace(path)
        sync_folder(path.parent)


def _sort_texts(path: Path) -> None:
    """Put the texts of a file into one order, so that the same content has the same bytes."""
    # The library takes them in the order of a hash that is drawn for each process.
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        texts = header.pop("__metadata__")
        ordered = {"__metadata__": dict(sorted(texts.items())), **header}
        line = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False).encode()
        # else a sign is written otherwise there, and the order stays
        if len(line) <= size:
            file.seek(8)
            file.write(line.ljust(size))


def _of_system(error: SafetensorError, path: Path) -> OSError:
    """The system's words for a failed write, which the library gives as text."""
    number = _SYSTEM_ERROR.search(str(error))
    full = shutil.disk_usage(path.parent).free == 0
    code = errno.ENOSPC if full else errno.EIO
    if number is not None:
        code = int(number[1])
    return OSError(code, os.strerror(code), str(path))
