"""Textures of rendered scenes, in splits without common pictures: train, choose, test 3:1:1.

A file's split is by the SHA-256 of its bytes, that of scikit-image's pictures by their names."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

import cv2
import numpy as np

from defocus.errors import DatasetError
from defocus.pictures.raw import RAW_SUFFIXES
from defocus.pictures.read import IMAGE_SUFFIXES, read_image
from defocus.pictures.values import as_float, as_integer
from defocus.scene.pictures import LINEAR_OF_BYTE, PICTURES, picture_of
from defocus.storage.files import sha256_file
from research.light import Array, Pixels, Random, files_with, random_part

Split: TypeAlias = Literal["train", "choose", "test"]

SPLITS: tuple[Split, ...] = get_args(Split)
"""The splits: ``train`` for weights, ``choose`` for every choice and tuning, ``test`` for what is
reported."""

LONGEST_SIDE = 1024
"""Side to which larger pictures are reduced, px, to save memory: no surface shows more of one."""

FINEST, COARSEST = 0.75, 2.0
"""Smallest and largest number of pixels of the source picture per pixel of the rendered frame."""

FLAT = 0.04
"""Standard deviation of the encoded luma below which a region is drawn again: it holds no
answer."""

DRAWS = 6


@dataclass(frozen=True)
class Textures:
    """The pictures of one split."""

    split: Split
    names: tuple[str, ...]  # of files, or scikit-image's
    # ``(h, w, 3)`` uint8 each, RGB, sRGB-encoded
    pictures: tuple[Pixels, ...]


def split_of(digest: bytes) -> Split:
    """The split of a picture with that SHA-256."""
    tenth = int.from_bytes(digest[:8], "big") % 10
    return "train" if tenth < 6 else "choose" if tenth < 8 else "test"


def load_textures(split: Split, folders: Sequence[Path] = ()) -> Textures:
    """Read the pictures of one split, from folders and from scikit-image."""
    names = []
    pictures = []
    for name in PICTURES:
        digest = hashlib.sha256(f"truth\0{name}".encode())
        if split_of(digest.digest()) == split:
            names.append(name)
            pictures.append(_reduced(picture_of(name)))
    for folder in folders:
        for file in _pictures_in(folder):
            if split_of_file(file) == split:
                names.append(file.name)
                pictures.append(_file(file))
    return Textures(split, tuple(names), tuple(pictures))


def split_of_file(file: Path) -> Split:
    """The split of a picture by the bytes of its file."""
    return split_of(bytes.fromhex(sha256_file(file)))


def camera_pictures(folder: Path) -> list[Path]:
    """The pictures in a folder that are no RAW files, by name."""
    return files_with(IMAGE_SUFFIXES - RAW_SUFFIXES, folder)


def _pictures_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder of pictures; check the path")
    files = camera_pictures(folder)
    if not files:
        raise DatasetError(f"{folder}: no picture in this folder; give another folder")
    return files


def _file(file: Path) -> Pixels:
    codes = as_integer(as_float(read_image(file)), 8)
    return _reduced(cast(Pixels, codes))


def _reduced(picture: Pixels) -> Pixels:
    scale = LONGEST_SIDE / max(picture.shape)
    if scale >= 1:
        return picture
    height, width = picture.shape[:2]
    rows = max(1, round(height * scale))
    columns = max(1, round(width * scale))
    small = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small)


def texture_patch(
    textures: Textures,
    height: int,
    width: int,
    texels_per_px: int,
    rng: Random,
) -> Array:
    """A region of a random picture, flipped and turned, as the texture of a surface.

    The result: ``(height * texels_per_px, width * texels_per_px, 3)`` float32, linear, >= 0."""
    for _ in range(DRAWS):
        region = _region(textures, height, width, rng)
        luma = cv2.cvtColor(region, cv2.COLOR_RGB2GRAY)
        if luma.std() >= 255 * FLAT:
            break
    linear = cv2.LUT(region, LINEAR_OF_BYTE)
    size = (width * texels_per_px, height * texels_per_px)
    shrinks = size[0] < region.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    fine = cv2.resize(linear, size, interpolation=interpolation)
    smooth = cv2.GaussianBlur(fine, (0, 0), 0.6 * texels_per_px)
    return np.maximum(smooth, np.float32(0))


def _region(
    textures: Textures,
    height: int,
    width: int,
    rng: Random,
) -> Pixels:
    picture = _picture(textures, rng)
    rows, columns = picture.shape[:2]
    fits = min(rows / height, columns / width)
    coarsest = max(FINEST, min(COARSEST, fits))
    exponent = rng.uniform(np.log(FINEST), np.log(coarsest))
    scale = np.exp(exponent)
    rows = max(2, round(scale * height))
    columns = max(2, round(scale * width))
    part = random_part(rng, picture, rows, columns)
    return _mirrored(np.ascontiguousarray(part), rows, columns)


def _mirrored(part: Pixels, rows: int, columns: int) -> Pixels:
    """A part that is continued below and to the right by its mirror image."""
    below = rows - part.shape[0]
    right = columns - part.shape[1]
    border = cv2.BORDER_REFLECT_101
    return np.asarray(cv2.copyMakeBorder(part, 0, below, 0, right, border))


def _picture(textures: Textures, rng: Random) -> Pixels:
    """A random picture, randomly turned and mirrored."""
    picture = textures.pictures[rng.integers(len(textures.pictures))]
    if rng.random() < 0.5:
        picture = picture.transpose(1, 0, 2)
    rows = slice(None, None, rng.choice((-1, 1)))
    columns = slice(None, None, rng.choice((-1, 1)))
    return picture[rows, columns]
