"""Which pictures are restored, which part of each, and where each goes."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Dataset
from defocus.errors import FileError, ImageError, InputError
from defocus.pictures import PICTURE_SUFFIX, picture_name
from defocus.pictures.headers import kind_of, other_kind
from defocus.pictures.heif import HEIF_KINDS
from defocus.pictures.raw import is_raw
from defocus.pictures.read import IMAGE_SUFFIXES, read_own_picture
from defocus.pictures.values import (
    Array,
    OwnPicture,
    StoredColours,
    as_shown,
    as_stored,
)
from defocus.processes.isolation import LeftOut, attempt
from defocus.progress import counted, say, several
from defocus.reading import broken_link, is_utf8, require_file
from defocus.strips import mean_of_colours, strips


def given_pictures(given: Sequence[Path], out: Path) -> list[Path]:
    """The given pictures by name; a folder stands for the pictures in it, without sub-folders.

    A folder that gives none stays in the list, and :func:`require_picture` says why."""
    pictures: list[Path] = []
    for path in given:
        inside = _pictures_in(path, out) if path.is_dir() else []
        pictures += inside or [path]
    return list({one.absolute(): one for one in pictures}.values())


def _pictures_in(folder: Path, out: Path) -> list[Path]:
    if not os.access(folder, os.R_OK | os.X_OK):
        return []
    inner = (one for one in folder.iterdir() if one.absolute() != out.absolute())
    files = sorted(one for one in inner if not one.name.startswith("."))
    _say_passed_over(
        folder,
        [one for one in files if one.suffix.lower() not in IMAGE_SUFFIXES],
    )
    return [one for one in files if one.suffix.lower() in IMAGE_SUFFIXES]


def _say_passed_over(folder: Path, files: Sequence[Path]) -> None:
    """Name folders, and pictures whose suffix is not read; other files are not named."""
    if folders := [path.name for path in files if path.is_dir()]:
        say(
            f"{folder}: folders in it are passed over, give them too: {several(folders)}"
        )
    starts = {path.name: _first_bytes(path) for path in files}
    kinds = {
        name: other_kind(start) or kind_of(start) for name, start in starts.items()
    }
    if names := [f"{name} ({kind})" for name, kind in kinds.items() if kind]:
        number = counted(len(names), "picture")
        say(
            f"{folder}: {number} passed over, as such a suffix is not read: {several(names)}"
        )


def targets_of(images: Sequence[Path], out: Path) -> list[Path | LeftOut]:
    """File of each restored picture, or why it is left out: another keeps that name."""
    taken: dict[Path, Path] = {}
    targets: dict[int, Path | LeftOut] = {}
    for number in sorted(
        range(len(images)),
        key=lambda number: changes_format(images[number]),
    ):
        image = images[number]
        target = attempt(str(image), partial(_target, image, out, taken))
        if isinstance(target, Path):
            if target.exists() and target.resolve() == image.resolve():
                raise InputError(f"{image} lies in --out; choose another folder")
            taken[target] = image
        targets[number] = target
    return [targets[number] for number in range(len(images))]


def require_picture(image: Path) -> None:
    """Refuse what is not a file of a kind that is read, before it is opened."""
    if not image.exists():
        raise ImageError(
            f"{image}: {broken_link(image) or 'no such picture or folder'}"
        )
    if not is_utf8(image.name):
        raise ImageError(f"{image}: its name is not UTF-8; rename it")
    if image.is_dir() and not os.access(image, os.R_OK | os.X_OK):
        raise ImageError(f"{image}: this folder cannot be read; change its permissions")
    if image.suffix.lower() not in IMAGE_SUFFIXES:
        kinds = ", ".join(sorted(IMAGE_SUFFIXES))
        what = "unknown kind of picture"
        if image.is_dir():
            what = "no picture in this folder"
        raise ImageError(f"{image}: {what}; known are {kinds}")
    require_file(image)


def _target(
    image: Path,
    out: Path,
    taken: Mapping[Path, Path],
) -> Path:
    require_picture(image)
    target = out / (
        image.with_suffix(PICTURE_SUFFIX).name if changes_format(image) else image.name
    )
    if target in taken and not isinstance(
        attempt("", partial(read_own_picture, taken[target])),
        LeftOut,
    ):  # one that cannot be read leaves its name to others
        other = (
            taken[target].name
            if taken[target].parent == image.parent
            else taken[target]
        )
        raise ImageError(
            f"{image}: would become the same file as {other}; rename it or restore it into "
            "another folder"
        )
    return target


def changes_format(image: Path) -> bool:
    """Whether a picture is of a kind that is read and not written."""
    return is_raw(image) or kind_of(_first_bytes(image)) in HEIF_KINDS


def _first_bytes(path: Path) -> bytes:
    """The first bytes of a file, which show its format; empty if it cannot be read."""
    try:
        require_file(path)  # a pipe that is opened waits for its other end
        with path.open("rb") as file:
            return file.read(512)
    except (OSError, FileError):  # said when it is read
        return b""


def test_targets(dataset: Dataset, out: Path) -> list[tuple[Path, Path | LeftOut]]:
    """The blurry test pictures of a dataset, and where each goes: named by its pair."""
    # Pairs that the reader leaves out come last, by id; of which split they are is not known.
    pairs = dataset.split("test")
    if not pairs:
        raise InputError(f"{dataset.name} has no test pairs to restore")
    return [
        *((pair.blurry, out / picture_name(f"{pair.id}")) for pair in pairs),
        *((Path(one.id), one) for one in dataset.without()),
    ]


Places = Sequence[tuple[Path, Path | LeftOut]]
"""Pictures, each with the file to write, or the reason why it is left out."""


def places_of(
    images: Sequence[Path] | str,
    out: Path,
) -> tuple[Places, dict[Path, int]]:
    """File of each picture, and the white that a dataset states for pictures of 16 bits."""
    if isinstance(images, str):
        dataset = open_dataset(images, damaged=True)
        whites = {
            one.blurry: one.white for one in dataset.pairs if one.white is not None
        }
        return test_targets(dataset, out), whites
    pictures = given_pictures(images, out)
    return list(zip(pictures, targets_of(pictures, out), strict=True)), {}


def read_mask(path: Path, picture: OwnPicture) -> Array:
    """Read which part of a picture is restored: ``(H, W)`` in [0, 1], on its stored grid."""
    # The mask is over the picture as it is shown; white is restored, black is left.
    mask = read_own_picture(path)
    colours = StoredColours(mask)
    size = mask.stored.shape[:2]
    values = np.empty(size, np.float32)
    for rows in strips(len(values)):
        values[rows] = mean_of_colours(colours[rows])
    shown = as_shown(values, mask.orientation)
    stored = as_stored(shown, picture.orientation)
    if stored.shape != picture.stored.shape[:2]:
        whole = as_shown(picture.stored, picture.orientation)
        height, width = whole.shape[:2]
        raise ImageError(
            f"{path}: the mask is {shown.shape[1]}x{shown.shape[0]}, but the picture is shown at "
            f"{width}x{height}; make it that size"
        )
    return np.ascontiguousarray(stored, np.float32)
