"""Camera originals as dataset pictures: copied unchanged, RAW files developed."""

import shutil
from pathlib import Path

from defocus.errors import storage_error
from defocus.files import atomic_path, make_folder
from defocus.images import read_pair, write_image
from defocus.raw import RAW_SUFFIXES

__all__ = ["any_raw", "copy_file", "place_pair"]


def any_raw(*files: Path) -> bool:
    """Whether one of the files is a camera's RAW file."""
    return any(file.suffix.lower() in RAW_SUFFIXES for file in files)


def place_pair(blurry: Path, sharp: Path, folder: Path) -> tuple[Path, Path]:
    """Put a pair's pictures into a folder as ``blurry.*`` and ``sharp.*``; RAW files become PNG."""
    # Others are copied byte for byte. Both RAW files are developed with one set of parameters. The
    # pair is always decoded, so that no unreadable file gets into a dataset.
    make_folder(folder)
    pictures = read_pair(blurry, sharp)
    placed = []
    for name, source, picture in zip(("blurry", "sharp"), (blurry, sharp), pictures, strict=True):
        if any_raw(source):
            placed.append(folder / f"{name}.png")
            write_image(placed[-1], picture)
        else:
            placed.append(folder / f"{name}{source.suffix.lower()}")
            copy_file(source, placed[-1])
    return placed[0], placed[1]


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's bytes atomically; permissions and links are not carried over."""
    try:
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
    except OSError as error:
        raise storage_error(error, target) from error
