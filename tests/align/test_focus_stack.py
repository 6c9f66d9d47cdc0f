"""Real pictures: a focus stack with focus breathing, against its merged all-in-focus picture."""

from pathlib import Path

import pytest
from synthetic import largest_error_px

from defocus.align.compensate import compensate
from defocus.align.flow import flow_estimator
from defocus.align.measure import measure
from defocus.images import read_pair
from defocus.optics.geometry import IDENTITY

# zoom and shift of frame over merged picture, as the first measurements gave them; the merging
# program states 0.984 to 1.021 for the stack
ZOOMS = {1: 0.980, 2: 0.990, 3: 0.994, 4: 1.000, 5: 1.007, 6: 1.013, 7: 1.017}


OFTEN = (1, 7)
RARELY = [pytest.param(frame, marks=pytest.mark.slow) for frame in ZOOMS if frame not in OFTEN]


@pytest.mark.realdata
@pytest.mark.parametrize("frame", [*OFTEN, *RARELY])
def test_circuit_board(real_data: Path, frame: int) -> None:
    stack = real_data / "focus-stacks" / "pcb"
    blurry, sharp = read_pair(stack / f"pcb_00{frame}.jpg", stack / "expected.jpg")
    estimator = flow_estimator("dis")
    before = measure(blurry, sharp, estimator)
    model = before.misalignment.similarity
    assert model is not None, before.misalignment.reason
    assert model.zoom == pytest.approx(ZOOMS[frame], abs=0.0015)
    size = (blurry.shape[1], blurry.shape[0])
    if frame != 4:
        assert largest_error_px(IDENTITY, model, size) > 10
    aligned = compensate(blurry, sharp, before)
    after = measure(blurry, aligned.sharp, estimator).misalignment.similarity
    assert after is not None
    assert largest_error_px(IDENTITY, after, size) < 0.5
