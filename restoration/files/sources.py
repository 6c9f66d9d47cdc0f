"""Which pictures are restored, and where each goes."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from defocus.datasets.pair import Dataset
from defocus.errors import FileError, ImageError, InputError
from defocus.heif_pixels import HEIF_KINDS
from defocus.images import IMAGE_SUFFIXES
from defocus.isolation import LeftOut, attempt
from defocus.picture_headers import kind_of
from defocus.raw import RAW_SUFFIXES
from defocus.reading import broken_link, is_utf8, require_file


def given_pictures(given: Sequence[Path]) -> list[Path]:
    """The given pictures; a folder stands for those in it (not in sub-folders), by their names."""
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


def targets_of(images: Sequence[Path], out: Path) -> list[Path | LeftOut]:
    """Where each restored picture goes, or why it is left out: another keeps that name."""
    taken: dict[Path, Path] = {}
    targets: dict[int, Path | LeftOut] = {}
    for number in sorted(range(len(images)), key=lambda number: becomes_png(images[number])):
        image = images[number]
        target = attempt(str(image), partial(_target, image, out, taken))
        if isinstance(target, Path):
            if target.exists() and target.resolve() == image.resolve():
                raise InputError(f"{image} lies in --out; choose another folder")
            taken[target] = image
        targets[number] = target
    return [targets[number] for number in range(len(images))]


def _target(image: Path, out: Path, taken: Mapping[Path, Path]) -> Path:
    if not image.exists():
        raise ImageError(f"{image}: {broken_link(image) or 'no such picture or folder'}")
    if not is_utf8(image.name):
        raise ImageError(f"{image}: its name is not UTF-8; rename it")
    if image.suffix.lower() not in IMAGE_SUFFIXES:
        kinds = ", ".join(sorted(IMAGE_SUFFIXES))
        raise ImageError(f"{image}: unknown kind of picture; known are {kinds}")
    require_file(image)
    target = out / (image.with_suffix(".png").name if becomes_png(image) else image.name)
    if target in taken:
        other = taken[target].name if taken[target].parent == image.parent else taken[target]
        raise ImageError(
            f"{image}: would become the same file as {other}; rename it or restore it into "
            "another folder"
        )
    return target


def becomes_png(image: Path) -> bool:
    """Whether a picture is of a kind that is read and not written."""
    if image.suffix.lower() in RAW_SUFFIXES:
        return True
    try:
        require_file(image)  # a pipe that is opened waits for its other end
        with image.open("rb") as file:
            return kind_of(file.read(512)) in HEIF_KINDS
    except (OSError, FileError):  # said when it is read
        return False


def test_targets(dataset: Dataset, out: Path) -> list[tuple[Path, Path | LeftOut]]:
    """The blurry test pictures of a dataset, and where each goes: named by its pair."""
    # Pairs that the reader leaves out come last, by id; of which split they are is not known.
    pairs = dataset.split("test")
    if not pairs:
        raise InputError(f"{dataset.name} has no test pairs to restore")
    return [
        *((pair.blurry, out / f"{pair.id}.png") for pair in pairs),
        *((Path(one.id), one) for one in dataset.without()),
    ]
