"""The patch case of the speed module: equal patches, and the ratios that are promised."""

from pathlib import Path

import numpy as np
import pytest

from defocus.benchmark.speed.patches import WAYS, packing_speed, patches, written

SIZE, PATCH_PX, PICTURES = (560, 840), 256, 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patches")
    written(folder, SIZE, PICTURES)
    return folder


def test_all_ways_give_the_same_patch(folder: Path) -> None:
    found = [patches(way, folder, SIZE, PATCH_PX, PICTURES, 3)() for way in WAYS]
    assert all(np.array_equal(found[0], one) for one in found[1:])


def test_packed_files_are_read_many_times_faster_than_pictures_are_decoded(folder: Path) -> None:
    """A quarter of the size that is promised for, at lower bars: machines of tests are busy."""
    import time

    def seconds(way: str, count: int) -> float:
        work = patches(way, folder, SIZE, PATCH_PX, PICTURES, count)
        work()
        spent = []
        for _ in range(3):
            begun = time.process_time()
            work()
            spent.append((time.process_time() - begun) / count)
        return min(spent)

    decoded = seconds("patches-png", 2)
    assert decoded > 20 * seconds("patches-packed", 60)
    assert decoded > 80 * seconds("patches-raw", 200)


@pytest.mark.parametrize("storage", ["packed", "raw"])
def test_packing_is_no_bottleneck(folder: Path, storage: str) -> None:
    assert packing_speed(folder, storage, PICTURES) > 40  # type: ignore[arg-type]
