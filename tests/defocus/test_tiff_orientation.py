"""TIFF files are read as they are stored, whatever their orientation tag says."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from defocus.images import read_image


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_stored_pixel_grid_is_given(tmp_path: Path, orientation: int, dtype: type) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (5, 7, 3)).astype(dtype)
    path = tmp_path / "a.tif"
    tag = (274, 3, 1, orientation, True)
    tifffile.imwrite(path, pixels, photometric="rgb", metadata=None, extratags=[tag])
    assert np.array_equal(read_image(path), pixels)
