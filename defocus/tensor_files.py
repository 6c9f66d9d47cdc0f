"""Writing of safetensors files."""

import errno
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from defocus.files import storing, sync_folder, sync_tree
from defocus.staging import TENSORS, staging_folder

_SYSTEM_ERROR = re.compile(r"os error (\d+)")


def save_tensors(
    tensors: Mapping[str, torch.Tensor], path: Path, metadata: Mapping[str, str] | None = None
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
        sync_tree(staging)
        written.chmod(0o644)
        written.replace(path)
        sync_folder(path.parent)


def _of_system(error: SafetensorError, path: Path) -> OSError:
    """What the system said of a failed write, which the library gives as text."""
    number = _SYSTEM_ERROR.search(str(error))
    full = shutil.disk_usage(path.parent).free == 0
    code = errno.ENOSPC if full else errno.EIO
    if number is not None:
        code = int(number[1])
    return OSError(code, os.strerror(code), str(path))
