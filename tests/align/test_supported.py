"""Where a local flow is more than what blur makes a flow err by."""

import cv2
import numpy as np

from defocus.align.flow.reliability import supported

SIZE = (240, 320)


def judged(flow: np.ndarray, coc_px: float) -> np.ndarray:
    uncertainty = np.full(SIZE, 0.05, np.float32)
    coc = np.full(SIZE, coc_px, np.float32)
    return supported(flow.astype(np.float32), uncertainty, coc, np.ones(SIZE, bool))


def patch(length: float, side: int) -> np.ndarray:
    flow = np.zeros((2, *SIZE))
    flow[0, 60 : 60 + side, 80 : 80 + side] = length
    return flow


def test_a_layer_that_moves_is_supported_inside_and_nothing_else() -> None:
    found = judged(patch(3.0, 140), 4.0)
    assert found[100:160, 120:180].all()
    assert not found[:30].any()
    assert not found[:, :40].any()


def test_what_follows_the_blur_is_not() -> None:
    """0.3 px under 16 px of blur: where nothing moves, flows of real lenses show as much."""
    assert not judged(patch(0.3, 140), 16.0).any()
    assert judged(patch(0.3, 140), 0.0)[120:140, 140:160].all()


def test_what_its_surroundings_do_not_predict_is_not() -> None:
    found = judged(patch(2.0, 24), 2.0)
    assert not found[66:78, 86:98].any()
    assert not cv2.erode(found.astype(np.uint8), np.ones((13, 13))).any()  # slivers at its edge


def test_a_place_that_is_not_believed_is_not() -> None:
    flow, ones = np.full((2, *SIZE), 2.0, np.float32), np.ones(SIZE, np.float32)
    reliable = np.zeros(SIZE, bool)
    assert not supported(flow, 0.05 * ones, 0 * ones, reliable).any()
