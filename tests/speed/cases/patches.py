"""Reading packed training patches, against decoding PNG files.

Random 512 px patches of 16-bit pictures of 1680 × 1120 px, per patch, one thread. Both members of a
pair cost the same, so one is measured. The pictures are noisy, as photographs of 16 bits are: their
PNG files are about as large as the pixels. All ways give the same patches to the bit.
"""

import tempfile
import time
from functools import partial
from pathlib import Path

import click
import cv2
import numpy as np

from defocus.datasets.patching.store import Crop, PatchStore, Storage, pack
from defocus.images import Image, read_image, write_image
from tests.speed.case import Case, CaseOutcome
from tests.speed.measuring import MeasuredWay, Way, Work, compared, cpu_seconds, table

__all__ = ["CASES", "main", "measured", "packing_speed", "written"]

SIZE = (1120, 1680)
PATCH_PX = 512
PICTURES = 6
WAYS = ("patches-png", "patches-packed", "patches-raw")
PATCHES = {"patches-png": 4, "patches-packed": 200, "patches-raw": 1000}
"""Patches of one measurement; none is shorter than some tenths of a second."""


def written(folder: Path, size: tuple[int, int] = SIZE, count: int = PICTURES) -> None:
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
        scene += 2.0**octave * cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
    scene = 0.4 + 0.12 * scene / scene.std() + 0.005 * rng.standard_normal(scene.shape, np.float32)
    return np.asarray(np.clip(scene, 0, 1) * 65535, np.uint16)


def crops(size: tuple[int, int], count: int, patch_px: int, pictures: int) -> list[Crop]:
    """The same random places for every way."""
    rng = np.random.default_rng(0)
    return [
        Crop(
            int(rng.integers(pictures)),
            int(rng.integers(size[0] - patch_px + 1)),
            int(rng.integers(size[1] - patch_px + 1)),
        )
        for _ in range(count)
    ]


def patches(
    way: str, folder: Path, size: tuple[int, int], patch_px: int, pictures: int, count: int
) -> Work:
    """The work of one of :data:`WAYS`; it gives the last patch."""
    places = crops(size, count, patch_px, pictures)
    if way == "patches-png":
        return partial(_decoded, folder, places, patch_px)
    return partial(
        _read, PatchStore(folder / f"{way.removeprefix('patches-')}.h5"), places, patch_px
    )


def _decoded(folder: Path, places: list[Crop], patch_px: int) -> Image:
    for crop in places:
        rows = slice(crop.top, crop.top + patch_px)
        picture = read_image(folder / f"{crop.index}.png")
        patch = picture[rows, crop.left : crop.left + patch_px].copy()
    return patch


def _read(store: PatchStore, places: list[Crop], patch_px: int) -> Image:
    for crop in places:
        patch = store.read_member("blurry", crop, patch_px)
    return patch


def measured(
    folder: Path, size: tuple[int, int] = SIZE, patch_px: int = PATCH_PX, pictures: int = PICTURES
) -> list[MeasuredWay]:
    """CPU time of one patch for each of :data:`WAYS`, decoding first."""
    ways = [
        Way(way, partial(patches, way, folder, size, patch_px, pictures, PATCHES[way]))
        for way in WAYS
    ]
    return [
        MeasuredWay(found.name, found.cpu_seconds / PATCHES[found.name], found.peak_mib)
        for found in compared(ways)
    ]


def packing_speed(folder: Path, storage: Storage, count: int = PICTURES) -> float:
    """Megabytes of pixels packed per second of CPU time, decoding their PNG files included."""
    rows = (
        (str(number), {"blurry": read_image(folder / f"{number}.png")}) for number in range(count)
    )
    begun = time.process_time()
    pack(folder / "again.h5", rows, storage)
    seconds = time.process_time() - begun
    store = PatchStore(folder / "again.h5")
    return sum(height * width * 6 for height, width in store.sizes) / 1e6 / seconds


def main() -> None:
    """Write the pictures, measure, print a table."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder)
        click.echo(
            f"one patch of {PATCH_PX} px of 16-bit pictures, {SIZE[1]}x{SIZE[0]}, one thread"
        )
        results = measured(folder)
        for line in table(results).splitlines():
            click.echo(line)
        for result in results:
            click.echo(f"{result.name}: {1 / result.cpu_seconds:.0f} patches/s")
        storages: tuple[Storage, ...] = ("packed", "raw")
        for storage in storages:
            click.echo(f"packing-{storage}: {packing_speed(folder, storage):.0f} MB/s of pixels")


def _measure(way: str) -> CaseOutcome:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder)
        decoded, read = (
            cpu_seconds(Way(one, partial(patches, one, folder, SIZE, PATCH_PX, PICTURES, count)))
            / count
            for one in ("patches-png", way)
            for count in [PATCHES[one]]
        )
        same = (patches(one, folder, SIZE, PATCH_PX, PICTURES, 3)() for one in ("patches-png", way))
        first, second = (np.asarray(patch, np.int64) for patch in same)
        return CaseOutcome(read, decoded, float(np.abs(first - second).max()))


CASES = (
    Case("patches-packed", 50, 0.0, partial(_measure, "patches-packed")),
    Case("patches-raw", 150, 0.0, partial(_measure, "patches-raw")),
)

if __name__ == "__main__":
    main()
