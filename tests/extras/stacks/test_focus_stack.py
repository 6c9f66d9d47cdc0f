"""Real pictures: a focus stack with focus breathing, against its merged all-in-focus picture."""

import cv2
import numpy as np
import pytest

from defocus.align.compensation.compensate import compensate
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.pictures.read import read_pair
from defocus.pictures.values import Image
from defocus.scene.geometry import IDENTITY
from tests.align.synthetic import largest_error_px

# zoom and shift of frame over merged picture, as the first measurements gave them; the merging
# program states 0.984 to 1.021 for the stack
ZOOMS = {1: 0.980, 2: 0.990, 3: 0.994, 4: 1.000, 5: 1.007, 6: 1.013, 7: 1.017}


def reduced(picture: Image) -> Image:
    """Half the size, which takes a fifth of the time."""
    height, width = picture.shape[:2]
    half = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(half, dtype=picture.dtype)


OFTEN = 7
RARELY = [
    pytest.param(frame, marks=pytest.mark.full) for frame in ZOOMS if frame != OFTEN
]


@pytest.mark.full
@pytest.mark.realdata
@pytest.mark.parametrize("frame", [OFTEN, *RARELY])
def test_circuit_board(real_data, frame):
    stack = real_data / "focus-stacks" / "pcb"
    whole = read_pair(stack / f"pcb_00{frame}.jpg", stack / "expected.jpg")
    blurry, sharp = (reduced(picture) for picture in whole)
    estimator = flow_estimator("dis")
    before = measure(blurry, sharp, estimator)
    model = before.misalignment.similarity
    assert model is not None, before.misalignment.reason
    assert model.zoom == pytest.approx(ZOOMS[frame], abs=0.0015)
    size = (blurry.shape[1], blurry.shape[0])
    if frame != 4:
        assert largest_error_px(IDENTITY, model, size) > 2
    aligned = compensate(blurry, sharp, before)
    after = measure(blurry, aligned.sharp, estimator).misalignment.similarity
    assert after is not None
    assert largest_error_px(IDENTITY, after, size) < 0.5


@pytest.mark.realdata
@pytest.mark.full
@pytest.mark.parametrize("frame", ZOOMS)
def test_every_frame_is_known_at_full_size(real_data, frame):
    """2048 x 1536 px; above it is half of that."""
    stack = real_data / "focus-stacks" / "pcb"
    pair = read_pair(stack / f"pcb_00{frame}.jpg", stack / "expected.jpg")
    misalignment = measure(*pair, flow_estimator("dis")).misalignment
    assert misalignment.similarity is not None, misalignment.reason
    assert misalignment.similarity.zoom == pytest.approx(ZOOMS[frame], abs=0.0015)
