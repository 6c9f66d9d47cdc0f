"""Sharp photographs of a stream: the held-out ones, and crops in memory.

A photograph is held out for validation and test by a rule on the SHA-256 of its file, so that it
stays held out in any folder. The pictures of scikit-image, from which the sample dataset is
rendered, are refused by the hash of their pixels.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.datasets.files.fingerprint import hashes_and_faults
from defocus.errors import DatasetError
from defocus.images import IMAGE_SUFFIXES, Image, as_float, read_image, srgb_to_linear
from defocus.isolation import LeftOut, attempt, say_left_out
from defocus.progress import say, track
from defocus.scene.lens_file import MeasuredLens

__all__ = [
    "Branch",
    "Photograph",
    "Photographs",
    "find_photographs",
    "is_held_out",
    "pixel_hash",
    "read_photographs",
    "refused_hashes",
]

Branch = Literal["train", "held-out"]
"""The two halves of a stream, which share no photograph, lens or depth shape."""

HELD_OUT_OF = 6
"""One photograph in so many is held out."""

REFUSED = "refused.json"
CELL_PX = 16
"""Sharpness is known for cells of so many pixels."""

SMALLEST_SIDE_PX = 128
LINEAR_OF_BYTE = srgb_to_linear(np.arange(256, dtype=np.float32) / np.float32(255))
SCALES = (0.35, 1.0)
"""By which photographs are reduced, so that they are sharp; less where one is small."""

SHARPER_SHARE = 0.65
"""So often the sharper of two places is taken: soft content is needed too."""


@dataclass(frozen=True)
class Photographs:
    """Files of sharp photographs with their hashes.

    Attributes:
        files: Path and SHA-256 hash of each file, sorted by hash, without duplicates.
        lens: The one lens of the stream; None draws many.
    """

    files: tuple[tuple[Path, str], ...] = ()
    lens: MeasuredLens | None = None

    def of(self, branch: Branch) -> tuple[Path, ...]:
        """The files of one branch, in the order of their hashes."""
        held_out = branch == "held-out"
        return tuple(path for path, sha256 in self.files if is_held_out(sha256) == held_out)


@dataclass(frozen=True)
class Photograph:
    """One decoded photograph.

    Attributes:
        pixels: ``(H, W, 3)`` uint8, sRGB.
        detail: ``(h, w)`` float32, mean gradient of cells of :data:`CELL_PX`.
        pixels_hash: See :func:`pixel_hash`.
    """

    pixels: NDArray[np.uint8]
    detail: NDArray[np.float32]
    pixels_hash: str

    def crop(self, random: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
        """A random part at a random scale and orientation, extended by reflection if too small.

        Returns:
            ``(height, width, 3)`` float32 linear light in [0, 1].
        """
        turned = bool(random.integers(2))
        rows, columns = (width, height) if turned else (height, width)
        largest = min(self.pixels.shape[0] / rows, self.pixels.shape[1] / columns)
        scale = random.uniform(min(max(SCALES[0], 1 / largest), SCALES[1]), SCALES[1])
        window = (
            min(round(rows / scale), self.pixels.shape[0]),
            min(round(columns / scale), self.pixels.shape[1]),
        )
        top, left = self._place(random, window)
        part = self.pixels[top : top + window[0], left : left + window[1]]
        linear = cv2.LUT(part, LINEAR_OF_BYTE)
        if largest < 1:
            linear = cv2.copyMakeBorder(
                linear, 0, max(rows - window[0], 0), 0, max(columns - window[1], 0),
                cv2.BORDER_REFLECT_101,
            )  # fmt: skip
        if linear.shape[:2] != (rows, columns):
            linear = cv2.resize(linear, (columns, rows), interpolation=cv2.INTER_AREA)
        flipped = linear[:: random.choice((-1, 1)), :: random.choice((-1, 1))]
        return np.ascontiguousarray(flipped.swapaxes(0, 1) if turned else flipped)

    def _place(self, random: np.random.Generator, window: tuple[int, int]) -> tuple[int, int]:
        """Random position of a window; mostly the sharper of two."""
        spare = (self.pixels.shape[0] - window[0] + 1, self.pixels.shape[1] - window[1] + 1)
        places = [(int(random.integers(spare[0])), int(random.integers(spare[1]))) for _ in "ab"]
        if random.random() >= SHARPER_SHARE:
            return places[0]
        return max(places, key=lambda place: self._detail(place, window))

    def _detail(self, place: tuple[int, int], window: tuple[int, int]) -> float:
        cells = [slice(b // CELL_PX, max((b + n) // CELL_PX, b // CELL_PX + 1))
                 for b, n in zip(place, window, strict=True)]  # fmt: skip
        return float(self.detail[cells[0], cells[1]].mean())


def is_held_out(sha256: str) -> bool:
    """Whether the photograph with that hash is held out for validation and test (one in six).

    Args:
        sha256: SHA-256 hash of the file, hexadecimal.
    """
    return int(sha256[:12], 16) % HELD_OUT_OF == 0


def find_photographs(folder: Path | None) -> Photographs:
    """The photographs of a folder and its sub-folders; hidden ones are left out.

    So are files that cannot be read, which are named.

    Args:
        folder: The folder; None for no photographs.

    Raises:
        StorageError: The cache cannot be written.
    """
    if folder is None:
        return Photographs()
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(root, name)
            for name in names
            if Path(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith(".")
        ]
    hashes, faults = hashes_and_faults(folder, found)
    unread = [_left_out(path, str(fault)) for path, fault in faults.items()]
    say_left_out(unread, len(found), "photograph")
    by_hash = {sha256: path for path, sha256 in sorted(hashes.items())}
    return Photographs(tuple((path, sha256) for sha256, path in sorted(by_hash.items())))


def read_photographs(files: Sequence[Path]) -> tuple[Photograph, ...]:
    """Decode photographs into memory, without small ones and those of the sample dataset.

    Those that cannot be read are left out by name.

    Raises:
        DatasetError: No usable photograph is left.
    """
    refused = refused_hashes()
    read: list[Photograph] = []
    known: list[Path] = []
    small: list[Path] = []
    unread: list[LeftOut] = []
    for path in track(files, "reading photographs"):
        picture = attempt(path.name, partial(read_image, path))
        if isinstance(picture, LeftOut):
            unread.append(_left_out(path, picture.reason))
            continue
        pixels = _eight_bits(picture)
        pixels_hash = pixel_hash(pixels)
        if pixels_hash in refused:
            known.append(path)
        elif min(pixels.shape[:2]) < SMALLEST_SIDE_PX:
            small.append(path)
        else:
            read.append(Photograph(pixels, _detail_of(pixels), pixels_hash))
    for left_out, why in (
        (known, "belongs to the sample dataset and stays out of training"),
        (small, f"is smaller than {SMALLEST_SIDE_PX} px and is left out"),
    ):
        if left_out:
            more = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
            say(f"{left_out[0]}{more} {why}")
    say_left_out(unread, len(files), "photograph")
    if files and not read:
        raise DatasetError(f"{files[0].parent}: no photograph there can be used; add others")
    return tuple(read)


def _left_out(path: Path, reason: str) -> LeftOut:
    return LeftOut(str(path), reason.removeprefix(f"{path}: "))


def _eight_bits(picture: Image) -> NDArray[np.uint8]:
    if picture.dtype == np.uint8:
        return np.asarray(picture, np.uint8)
    return np.asarray(np.rint(as_float(picture) * 255), np.uint8)


def _detail_of(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean gradient of each cell, at half size to suppress noise and JPEG blocks."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    across, down = (cv2.Sobel(half, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    cells = (-(-pixels.shape[1] // CELL_PX), -(-pixels.shape[0] // CELL_PX))
    strength = np.sqrt(np.abs(across) + np.abs(down))
    return np.asarray(cv2.resize(strength, cells, interpolation=cv2.INTER_AREA), np.float32)


def pixel_hash(pixels: Image) -> str:
    """SHA-256 of a picture's size and pixels, independent of the file.

    Args:
        pixels: ``(H, W, 3)``.
    """
    size = f"{pixels.shape[0]}x{pixels.shape[1]} {pixels.dtype}\n"
    return hashlib.sha256(size.encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def refused_hashes() -> frozenset[str]:
    """Pixel hashes of the pictures that no stream may use."""
    text = resources.files(__package__).joinpath(REFUSED).read_text(encoding="utf-8")
    return frozenset(json.loads(text).values())
