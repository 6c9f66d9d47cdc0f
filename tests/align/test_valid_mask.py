"""The valid mask of an aligned pair leaves out what moved on its own."""

import numpy as np
import pytest

from defocus.align.compensation.compensate import compensate
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.align.sampling.resample import Placement, Rectangle, ReleaseGrid, inside_frame
from defocus.scene.geometry import Similarity
from tests.align.synthetic import rendered_pair

MOVED = np.s_[115:175, 115:205]
"""The inner part of what moves, in the blurry picture."""
STILL = np.s_[210:270, 15:-15]


@pytest.fixture(scope="module")
def pictures():
    """A pair shifted by 2 px; in the sharp picture an object moved by 6 px more."""
    pair = rendered_pair(4, 4.0, Similarity(shift_px=(2.0, 0.0)))
    sharp = pair.sharp.copy()
    sharp[100:190, 102:222] = pair.sharp[100:190, 108:228]
    return pair.blurry, sharp


def test_compensate_leaves_out_a_moving_object(pictures):
    measurement = measure(*pictures, flow_estimator("dis"))
    matrix = measurement.misalignment.matrix
    assert matrix is not None
    mask = compensate(*pictures, measurement).valid_mask
    assert mask[MOVED].mean() < 0.05
    assert mask[STILL].mean() > 0.98
    inside = inside_frame(Placement(matrix), ReleaseGrid(Rectangle(0, 0, 384, 288)), (288, 384))
    assert inside[MOVED].all(), "the frame alone would let it in"
    assert np.array_equal(mask, inside & measurement.reliable)
