"""A flow: of DIS, which of its pixels are believed, and in colours."""

import cv2
import numpy as np
import pytest
import torch

from defocus.align.flow.by_name import DEFAULT_ESTIMATOR, flow_estimator
from defocus.align.flow.calibration_mask import official_mask, paper_mask
from defocus.align.flow.colour_wheel import colour_wheel, flow_colour
from defocus.align.flow.refine import supported
from defocus.errors import AlignmentError, InputError
from defocus.scene.geometry import Similarity
from tests.align.synthetic import rendered_pair


def tensor(picture: np.ndarray) -> torch.Tensor:
    top = float(np.iinfo(picture.dtype).max)
    return torch.from_numpy(picture.astype(np.float32).transpose(2, 0, 1) / top)[None]


@pytest.fixture(scope="module")
def shifted():
    return rendered_pair(1, 0.0, Similarity(shift_px=(3.0, -2.0)))


@pytest.mark.parametrize("crop", [None, 128, 64, 48])
def test_flow_points_from_first_to_second(shifted, crop):
    part = slice(100, 100 + crop) if crop else slice(None)
    blurry, sharp = (tensor(p[part, part]) for p in (shifted.blurry, shifted.sharp))
    flow = flow_estimator("dis")(blurry, sharp)
    assert flow.shape == (1, 2, *blurry.shape[2:])
    assert flow.dtype == torch.float32
    u, v = flow[0, :, 8:-8, 8:-8].flatten(1).median(dim=1).values.tolist()
    assert (u, v) == (pytest.approx(3.0, abs=0.2), pytest.approx(-2.0, abs=0.2))


@pytest.mark.parametrize("size", [(1, 1), (5, 90), (11, 12), (13, 13), (48, 47)])
def test_any_size(size):
    frames = torch.rand(2, 3, *size)
    assert flow_estimator()(frames, frames).abs().max() < 0.5


def test_frames_that_cannot_be_compared(refused):
    dis = flow_estimator()
    frame = torch.rand(1, 3, 32, 32)
    with refused(AlignmentError):
        dis(frame, frame[..., 1:])
    bad = frame.clone()
    bad[0, 0, 0, 0] = float("nan")
    with refused(AlignmentError):
        dis(frame, bad)


def test_names(refused):
    assert flow_estimator(DEFAULT_ESTIMATOR).name == flow_estimator().name
    with refused(InputError):
        flow_estimator("raft")


def along_x(values: list[float]) -> torch.Tensor:
    flow = torch.zeros(1, 2, 1, len(values))
    flow[0, 0, 0] = torch.tensor(values)
    return flow


def test_bounds_are_inclusive_and_signs_do_not_count():
    """Mean 4: the band of a quarter is 3 to 5."""
    mask = paper_mask(along_x([-3.0, 5.0, 2.5, 5.5, 4.0]), band=0.25)
    assert mask.flatten().tolist() == [1, 1, 0, 0, 1]
    assert mask.shape == (1, 1, 1, 5)


def test_a_mean_of_a_tenth_of_a_pixel_is_still_for_each_picture_of_a_batch():
    """Half move by half the mean, half by three halves: all lie outside the band."""
    means = (0.09, 0.11, 0.29)
    mask = paper_mask(torch.cat([along_x([0.5 * px, -1.5 * px]) for px in means]))
    assert mask.flatten(1).tolist() == [[1, 1], [0, 0], [0, 0]]


def test_colour_wheel_has_the_primary_colours_at_its_joints():
    wheel = colour_wheel()
    assert wheel.shape == (55, 3)
    joints = {0: (255, 0, 0), 15: (255, 255, 0), 21: (0, 255, 0), 25: (0, 255, 255)}
    joints |= {36: (0, 0, 255), 49: (255, 0, 255)}
    for index, colour in joints.items():
        assert tuple(wheel[index]) == colour


def test_still_is_white_and_direction_decides_the_official_mask():
    assert flow_colour(np.zeros((2, 2, 2))).min() == 255
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 0] = 2.0
    assert official_mask(flow).min() == 1
    flow[:, :, :1, :4] = torch.tensor([-2.0, 0.0])[None, :, None, None]
    assert paper_mask(flow).min() == 1, "the same magnitude everywhere"
    assert official_mask(flow).min() == 0, "another direction is another grey"


SIZE = (240, 320)


def judged(flow: np.ndarray, coc_px: float) -> np.ndarray:
    uncertainty = np.full(SIZE, 0.05, np.float32)
    coc = np.full(SIZE, coc_px, np.float32)
    return supported(flow.astype(np.float32), uncertainty, coc, np.ones(SIZE, bool))


def patch(length: float, side: int) -> np.ndarray:
    flow = np.zeros((2, *SIZE))
    flow[0, 60 : 60 + side, 80 : 80 + side] = length
    return flow


def test_a_layer_that_moves_is_supported_inside_and_nothing_else():
    support = judged(patch(3.0, 140), 4.0)
    assert support[100:160, 120:180].all()
    assert not support[:30].any()
    assert not support[:, :40].any()


def test_what_blur_or_surroundings_explain_is_not():
    """0.3 px under 16 px of blur: where nothing moves, flows of real lenses show as much."""
    assert not judged(patch(0.3, 140), 16.0).any()
    assert judged(patch(0.3, 140), 0.0)[120:140, 140:160].all()
    support = judged(patch(2.0, 24), 2.0)
    assert not support[66:78, 86:98].any()
    assert not cv2.erode(
        support.astype(np.uint8), np.ones((13, 13))
    ).any()  # slivers at its edge
    flow, ones = np.full((2, *SIZE), 2.0, np.float32), np.ones(SIZE, np.float32)
    reliable = np.zeros(SIZE, bool)
    assert not supported(flow, 0.05 * ones, 0 * ones, reliable).any()
