"""Which pictures are restored, and where each goes."""

from collections.abc import Sequence
from pathlib import Path

from defocus.datasets.pair import Dataset
from defocus.errors import InputError
from defocus.heif_pixels import HEIF_KINDS
from defocus.images import IMAGE_SUFFIXES
from defocus.picture_headers import kind_of
from defocus.raw import RAW_SUFFIXES

__all__ = ["becomes_png", "found_pictures", "named_in_utf8", "targets_of", "test_targets"]


def found_pictures(given: Sequence[Path]) -> list[Path]:
    """The pictures that were given; a folder stands for those in it, in the order of their names.

    Sub-folders, hidden files and other kinds of files are left out.

    Raises:
        InputError: A folder has no picture.
    """
    pictures: list[Path] = []
    for path in given:
        if not path.is_dir():
            pictures.append(path)
            continue
        inside = sorted(
            one
            for one in path.iterdir()
            if one.suffix.lower() in IMAGE_SUFFIXES and not one.name.startswith(".")
        )
        if not inside:
            kinds = ", ".join(sorted(IMAGE_SUFFIXES))
            raise InputError(f"{path}: no picture in this folder; known are {kinds}")
        pictures += inside
    return pictures


def targets_of(images: Sequence[Path], out: Path) -> list[Path | None]:
    """Where each restored picture goes; None for a file that is not read by its name.

    Raises:
        InputError: Two pictures would get one name, or one lies in the output folder itself.
    """
    taken: dict[Path, Path] = {}
    targets: list[Path | None] = []
    for image in images:
        suffix = image.suffix.lower()
        if suffix not in IMAGE_SUFFIXES or not named_in_utf8(image):
            targets.append(None)
            continue
        target = out / (image.with_suffix(".png").name if becomes_png(image) else image.name)
        if target in taken:
            raise InputError(
                f"{taken[target]} and {image} would both become {target}; restore them into two "
                "folders"
            )
        if target.exists() and target.resolve() == image.resolve():
            raise InputError(f"{image} lies in --out; choose another folder")
        taken[target] = image
        targets.append(target)
    return targets


def becomes_png(image: Path) -> bool:
    """Whether a picture is of a kind that is read and not written."""
    if image.suffix.lower() in RAW_SUFFIXES:
        return True
    try:
        with image.open("rb") as file:
            return kind_of(file.read(512)) in HEIF_KINDS
    except OSError:  # said when it is read
        return False


def named_in_utf8(path: Path) -> bool:
    """Whether a file's name is a text that other programs and computers can read."""
    try:
        path.name.encode()
    except UnicodeEncodeError:
        return False
    return True


def test_targets(dataset: Dataset, out: Path) -> list[tuple[Path, Path]]:
    """The blurry test pictures of a dataset, and where each goes: named by its pair, without loss.

    Raises:
        InputError: There are none.
    """
    pairs = dataset.split("test")
    if not pairs:
        raise InputError(f"{dataset.name} has no test pairs to restore")
    return [(pair.blurry, out / f"{pair.id}.png") for pair in pairs]
