"""The patch case of the speed module: every way of storage gives the same patch."""

from pathlib import Path

import numpy as np
import pytest

from tests.speed.cases.patches import WAYS, patches, written

SIZE, PATCH_PX, PICTURES = (560, 840), 256, 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patches")
    written(folder, SIZE, PICTURES)
    return folder


def test_all_ways_give_the_same_patch(folder: Path) -> None:
    found = [patches(way, folder, SIZE, PATCH_PX, PICTURES, 3)() for way in WAYS]
    assert all(np.array_equal(found[0], one) for one in found[1:])
