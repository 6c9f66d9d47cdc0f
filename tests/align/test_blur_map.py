"""The blur map of a pair, from the flow that found it."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from defocus.align.compensation.blur_map import (
    BLUR_NAMES,
    PairBlurMap,
    blur_map,
    blur_picture,
    blur_scale_px,
    largest_measured_px,
    scale_words,
    write_blur_map,
)
from defocus.align.flow.dense import DenseFlow
from defocus.align.measure import Field, Measurement
from defocus.align.misalignment import Misalignment
from defocus.align.sampling.resample import Rectangle, ReleaseGrid
from defocus.pictures.read import read_image

HEIGHT, WIDTH = 40, 60


@pytest.fixture
def measurement():
    """Measured at half size: sharp on the left, 3 px (6 of the full picture) on the right."""
    zero = np.zeros((2, HEIGHT, WIDTH), np.float32)
    coc = np.zeros((HEIGHT, WIDTH), np.float32)
    coc[:, WIDTH // 2 :] = 3.0
    reliable = np.ones((HEIGHT, WIDTH), bool)
    reliable[:5] = False
    flow = DenseFlow(zero, zero, reliable, ~reliable, coc, coc, coc, reliable)
    misalignment = Misalignment("ok", None, 0.0, 0.0, 1.0, 0.0, "dis", matrix=np.eye(3))
    field = Field(flow, 2, reliable, zero)
    return Measurement(misalignment, (2 * HEIGHT + 1, 2 * WIDTH), field)


def test_it_is_in_pixels_of_the_picture_or_of_the_grid_of_a_release(measurement):
    blur = blur_map(measurement)
    assert blur.diameter_px.shape == blur.sigma_px.shape == measurement.shape
    assert np.isnan(blur.diameter_px[:10]).all()
    assert (blur.diameter_px[12:, :50] == 0).all()
    assert (blur.diameter_px[12:, 70:] == 6).all()
    edge, inside = blur.sigma_px[40, 60], blur.sigma_px[40, 10]
    assert edge > 2.5  # half the step between the two sides
    assert 0 < inside < 1.5  # what the tried diameters leave open
    assert blur_map(replace(measurement, field=None)) is None
    grid = ReleaseGrid(Rectangle(20, 10, 80, 60), 0.5)
    blur = blur_map(measurement, grid)
    assert blur.diameter_px.shape == grid.shape
    assert blur.diameter_px[20, 5] == 0
    assert blur.diameter_px[20, 35] == 3


def test_the_files_hold_the_map_and_a_picture(measurement, tmp_path):
    blur = blur_map(measurement)
    assert write_blur_map(tmp_path, blur) == list(BLUR_NAMES[:3])
    stops = np.zeros((9, 12), np.float32)
    stops[2, 3] = 0.5
    odd = replace(blur, unexplained=stops)
    assert write_blur_map(tmp_path, odd) == list(BLUR_NAMES)
    seen = read_image(tmp_path / BLUR_NAMES[3])
    assert seen[2, 3].tolist() == [255, 0, 0]
    assert (np.delete(seen.reshape(-1, 3), 2 * 12 + 3, axis=0) == 255).all()
    stored = tifffile.imread(tmp_path / "blur_map.tif")
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored, blur.diameter_px)
    np.testing.assert_array_equal(
        tifffile.imread(tmp_path / "blur_sigma.tif"), blur.sigma_px
    )
    picture = read_image(tmp_path / "blur_map.png")
    height, width = blur.diameter_px.shape
    np.testing.assert_array_equal(picture[:height, :width], blur_picture(blur))
    assert (picture[:10, :width] == 128).all()
    assert picture[40, 110].sum() > 2 * picture[40, 10].sum()


def test_the_picture_has_a_scale_and_is_no_larger_than_a_screen(tmp_path):
    """The colours of the bar are those of the map, from 0 to what is brightest there."""
    ramp = np.tile(np.linspace(0, 12, 6000, dtype=np.float32), (600, 1))
    ramp[:100] = np.nan
    write_blur_map(tmp_path, PairBlurMap(ramp, ramp))
    picture = read_image(tmp_path / "blur_map.png")
    assert picture.shape[1] == 2000
    assert tifffile.imread(tmp_path / "blur_map.tif").shape == ramp.shape
    assert (picture[:30] == 128).all()
    row = picture[200 + 12]  # of the bar
    for share in (0.1, 0.5, 0.9):
        at = round(share * 2000)
        assert np.abs(row[at].astype(int) - picture[150, at]).max() <= 6
    words = picture[200 + 25 :]
    dark = np.flatnonzero((words.max(axis=2) < 128).any(axis=0))
    assert dark.min() < 60, "a nought below the left end"
    assert dark.max() > 1940, "the largest blur below the right end"
    assert blur_scale_px(PairBlurMap(ramp, ramp)) == pytest.approx(0.99 * 12, abs=0.01)


def test_where_the_range_of_diameters_ends_the_words_are_at_least(measurement):
    """A picture of 80 × 60 px has no reduced copy to ask, so 43 px are the end."""
    coc_px = np.full_like(measurement.field.flow.coc_px, 43.0)
    assert largest_measured_px((60, 80)) == 43.0
    end = replace(blur_map(measurement), diameter_px=coc_px, largest_px=43.0)
    assert scale_words(end) == "at least 43 px"
    assert scale_words(replace(end, largest_px=172.0)) == "43.0 px or more"
    assert [largest_measured_px(size) for size in ((900, 1200), (3000, 4000))] == [
        172.0,
        516.0,
    ]


def test_a_large_map_takes_little_memory_beside_itself(measurement):
    """Of a release, no third one of the two maps; of the picture, two."""
    flow = measurement.field.flow
    names = ("coc_px", "reliable", "blur_known")
    large = {name: np.tile(getattr(flow, name), (10, 10)) for name in names}
    field = replace(measurement.field, flow=replace(flow, **large), factor=4)
    shape = (40 * HEIGHT, 40 * WIDTH)
    tracemalloc.start()
    try:
        grid = ReleaseGrid(Rectangle(4, 4, shape[1] - 8, shape[0] - 8))
        blur = blur_map(replace(measurement, field=field, shape=shape), grid)
        size = blur.diameter_px.nbytes
        assert tracemalloc.get_traced_memory()[1] < 3.2 * size
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        blur_picture(blur)
        assert tracemalloc.get_traced_memory()[1] - before < 2.2 * size
    finally:
        tracemalloc.stop()
