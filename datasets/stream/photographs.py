"""Sharp photographs of a stream: the held-out ones, and crops in memory.

The rule is on the SHA-256 of a file, so that a photograph stays held out in any folder."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.datasets.pair_files import hashes_and_faults
from defocus.errors import DatasetError
from defocus.pictures.read import is_picture_file, read_image
from defocus.pictures.values import Image, as_float
from defocus.processes.isolation import LeftOut, attempt, say_left_out
from defocus.progress import say, track
from defocus.scene.lens_file import MeasuredLens
from defocus.scene.pictures import Branch, Photograph
from defocus.scene.pyramid import Pyramid, in_memory

HELD_OUT_OF = 6
"""Number of photographs of which one is held out."""

REFUSED = "refused.json"
SMALLEST_SIDE_PX = 128


@dataclass(frozen=True)
class Photographs:
    """Files of sharp photographs with their hashes."""

    # path and SHA-256 hash of each file, sorted by hash, without duplicates
    files: tuple[tuple[Path, str], ...] = ()
    lens: MeasuredLens | None = None  # the one lens of the stream; None draws many
    # share of the training pairs that a light field blurs instead of a lens
    light_field: float = 0.0

    def of(self, branch: Branch) -> tuple[Path, ...]:
        """The files of one branch, in the order of their hashes."""
        held_out = branch == "held-out"
        return tuple(
            path for path, sha256 in self.files if is_held_out(sha256) == held_out
        )


def is_held_out(sha256: str) -> bool:
    """Whether the photograph with that hash is held out for validation and test (one in six)."""
    return int(sha256[:12], 16) % HELD_OUT_OF == 0


def find_photographs(folder: Path | None) -> Photographs:
    """The photographs of a folder and its sub-folders; hidden ones are left out.

    So are files that cannot be read, which are named."""
    if folder is None:
        return Photographs()
    files: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += filter(is_picture_file, map(Path(root).joinpath, names))
    hashes, faults = hashes_and_faults(folder, files)
    unread = [LeftOut(str(path), str(fault)) for path, fault in faults.items()]
    say_left_out(unread, len(files), "photograph")
    by_hash = {sha256: path for path, sha256 in sorted(hashes.items())}
    return Photographs(
        tuple((path, sha256) for sha256, path in sorted(by_hash.items()))
    )


def read_photographs(files: Sequence[Path]) -> tuple[Photograph, ...]:
    """Decode photographs into memory, without small ones and those of the sample dataset.

    Those that cannot be read are left out by name."""
    return tuple(
        Photograph.of(pixels, pixels_hash) for pixels, pixels_hash in _decoded(files)
    )


def read_for_training(files: Sequence[Path]) -> tuple[Photograph | Pyramid, ...]:
    """As :func:`read_photographs`, but of large photographs only parts."""
    return tuple(
        in_memory(pixels, pixels_hash) for pixels, pixels_hash in _decoded(files)
    )


def _decoded(files: Sequence[Path]) -> Iterator[tuple[NDArray[np.uint8], str]]:
    """Pixels of the photographs that can be used, one after the other, with their hash."""
    refused = refused_hashes()
    usable = 0
    of_sample: list[Path] = []
    small: list[Path] = []
    unread: list[LeftOut] = []
    for path in track(files, "reading photographs"):
        picture = attempt(str(path), partial(read_image, path))
        if isinstance(picture, LeftOut):
            unread.append(picture)
            continue
        pixels = _eight_bits(picture)
        pixels_hash = pixel_hash(pixels)
        if pixels_hash in refused:
            of_sample.append(path)
        elif min(pixels.shape[:2]) < SMALLEST_SIDE_PX:
            small.append(path)
        else:
            usable += 1
            yield pixels, pixels_hash
    _say_unused(files, of_sample, small, unread, usable)


def _say_unused(
    files: Sequence[Path],
    of_sample: list[Path],
    small: list[Path],
    unread: list[LeftOut],
    usable: int,
) -> None:
    """Say which photographs are not used, and why."""
    for left_out, why in (
        (of_sample, "belongs to the sample dataset and stays out of training"),
        (small, f"is smaller than {SMALLEST_SIDE_PX} px and is left out"),
    ):
        if left_out:
            more = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
            say(f"{left_out[0]}{more} {why}")
    say_left_out(unread, len(files), "photograph")
    if files and not usable:
        raise DatasetError(
            f"{files[0].parent}: no photograph there can be used; add others"
        )


def _eight_bits(picture: Image) -> NDArray[np.uint8]:
    if picture.dtype == np.uint8:
        return np.asarray(picture, np.uint8)
    return np.asarray(np.rint(as_float(picture) * 255), np.uint8)


def pixel_hash(pixels: Image) -> str:
    """SHA-256 of a picture's size and pixels, independent of the file."""
    size = f"{pixels.shape[0]}x{pixels.shape[1]} {pixels.dtype}\n"
    return hashlib.sha256(
        size.encode() + np.ascontiguousarray(pixels).tobytes()
    ).hexdigest()


def refused_hashes() -> frozenset[str]:
    """Pixel hashes of the pictures that no stream may use."""
    # they are those of scikit-image, from which the sample dataset is rendered
    text = resources.files(__package__).joinpath(REFUSED).read_text(encoding="utf-8")
    return frozenset(json.loads(text).values())
