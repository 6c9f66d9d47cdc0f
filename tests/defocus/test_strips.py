"""Strips of a picture: a picture that is replaced strip by strip equals one replaced at once."""

import cv2
import numpy as np
import pytest

from defocus.strips import STRIP_ROWS, replace_strips, strips


@pytest.mark.parametrize("height", [1, STRIP_ROWS, STRIP_ROWS + 1, 5 * STRIP_ROWS - 7])
@pytest.mark.parametrize("threads", [1, 3])
def test_each_strip_is_seen_with_its_margins_as_they_were(height, threads):
    margin = 3
    picture = np.random.default_rng(0).random((height, 5, 3), np.float32)
    square = np.ones((2 * margin + 1, 1), np.uint8)
    whole = cv2.dilate(picture, square)

    def brightest(rows: slice, around: slice, seen: np.ndarray) -> np.ndarray:
        begin = rows.start - around.start
        return cv2.dilate(seen, square)[begin : begin + rows.stop - rows.start]

    replace_strips(picture, margin, brightest, threads)
    np.testing.assert_array_equal(picture, whole)


def test_strips_cover_all_rows_once():
    rows = [row for strip in strips(1000) for row in range(strip.start, strip.stop)]
    assert rows == list(range(1000))
