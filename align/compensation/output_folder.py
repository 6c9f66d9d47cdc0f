"""Check of the output folder of an aligned pair."""

import errno
import os
from pathlib import Path

from defocus.errors import InputError, storage_error
from defocus.pictures import picture_name

OUTPUT_NAMES = (
    picture_name("blurry"),
    picture_name("sharp"),
    picture_name("valid_mask"),
    "residual_flow.npy",
    "misalignment.json",
)
"""All files of an aligned pair. The last one is written last, so its presence says that the pair is
whole."""


def check_output_folder(folder: Path, *inputs: Path) -> None:
    """Refuse a folder in which the user's own files would be overwritten."""
    if folder.exists() and not folder.is_dir():
        raise storage_error(
            FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)),
            folder,
        )
    taken = []
    for name in OUTPUT_NAMES:
        path = folder / name
        if path.exists():
            taken.append(path)
    for path in taken:
        if any(path.samefile(source) for source in inputs if source.exists()):
            raise InputError(
                f"{path} is an input and would be overwritten; choose another folder"
            )
    if taken and not (folder / "misalignment.json").exists():
        raise InputError(
            f"{folder} has a {taken[0].name} that is not from an earlier run; choose another folder"
        )
