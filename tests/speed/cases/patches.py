"""Reading a packed training patch, against decoding its PNG file.

Random 512 px patches of noisy 16-bit pictures of 1680 × 1120 px; all ways give the same bits.
"""

import itertools
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np

from defocus.datasets.patching.packing import Crop, PatchStore, Storage, pack
from defocus.pictures.read import read_image
from defocus.pictures.values import Image
from defocus.pictures.write import write_image
from tests.speed.case import Case, apart, new_folder

SIZE, SMALL = (1120, 1680), (560, 840)
PATCH_PX, SMALL_PX = 512, 256
PICTURES, PLACES = 6, 200

Patch = Callable[[], Image]


def photographs(folder: Path, size: tuple[int, int], count: int) -> None:
    """Pictures in PNG files and in packed files of both kinds."""
    pictures = [_photograph(seed, *size) for seed in range(count)]
    for number, picture in enumerate(pictures):
        write_image(folder / f"{number}.png", picture)
    for storage in ("packed", "raw"):
        rows = ((str(number), {"blurry": one}) for number, one in enumerate(pictures))
        pack(folder / f"{storage}.h5", rows, storage)


def _photograph(seed: int, height: int, width: int) -> Image:
    """Detail at every scale, and the noise of a sensor."""
    rng = np.random.default_rng(seed)
    scene = np.zeros((height, width, 3), np.float32)
    for octave in range(8):
        cells = (max(height >> octave, 2), max(width >> octave, 2), 3)
        layer = rng.standard_normal(cells, np.float32)
        scene += 2.0**octave * cv2.resize(
            layer, (width, height), interpolation=cv2.INTER_CUBIC
        )
    scene = (
        0.4
        + 0.12 * scene / scene.std()
        + 0.005 * rng.standard_normal(scene.shape, np.float32)
    )
    return np.asarray(np.clip(scene, 0, 1) * 65535, np.uint16)


@lru_cache(maxsize=2)
def _folder(size: tuple[int, int]) -> Path:
    folder = new_folder()
    photographs(folder, size, PICTURES)
    return folder


def _crops(size: tuple[int, int], patch_px: int) -> Iterator[Crop]:
    """The same random places for every way, again and again."""
    rng = np.random.default_rng(0)
    rows, columns = (side - patch_px + 1 for side in size)
    drawn = rng.integers((PICTURES, rows, columns), size=(PLACES, 3)).tolist()
    return itertools.cycle([Crop(*place) for place in drawn])


def _stored(
    storage: Storage, size: tuple[int, int] = SIZE, patch_px: int = PATCH_PX
) -> Patch:
    store = PatchStore(_folder(size) / f"{storage}.h5")
    places = _crops(size, patch_px)
    return lambda: store.read_member("blurry", next(places), patch_px)


def _decoded(size: tuple[int, int] = SIZE, patch_px: int = PATCH_PX) -> Patch:
    folder, places = _folder(size), _crops(size, patch_px)
    return lambda: _cut(folder, next(places), patch_px)


def _cut(folder: Path, crop: Crop, patch_px: int) -> Image:
    picture = read_image(folder / f"{crop.index}.png")
    rows = slice(crop.top, crop.top + patch_px)
    return picture[rows, crop.left : crop.left + patch_px].copy()


def _difference(storage: Storage) -> float:
    stored, peer = _stored(storage, SMALL, SMALL_PX), _decoded(SMALL, SMALL_PX)
    return max(apart(stored(), peer()) for _ in range(3))


TARGETS: dict[Storage, float] = {"packed": 50, "raw": 150}

CASES = tuple(
    Case(
        f"patches-{storage}",
        partial(_stored, storage),
        _decoded,
        partial(_difference, storage),
        target=target,
    )
    for storage, target in TARGETS.items()
)
