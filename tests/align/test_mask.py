import numpy as np
import torch

from defocus.align.flow.colour_wheel import colour_wheel, flow_colour, official_mask
from defocus.align.sampling.warp import calibration_mask


def along_x(values: list[float]) -> torch.Tensor:
    flow = torch.zeros(1, 2, 1, len(values))
    flow[0, 0, 0] = torch.tensor(values)
    return flow


def test_bounds_are_inclusive_and_signs_do_not_count() -> None:
    """Mean 4: the band of a quarter is 3 to 5."""
    mask = calibration_mask(along_x([-3.0, 5.0, 2.5, 5.5, 4.0]), band=0.25)
    assert mask.flatten().tolist() == [1, 1, 0, 0, 1]
    assert mask.shape == (1, 1, 1, 5)


def test_a_mean_of_a_tenth_of_a_pixel_is_still_for_each_picture_of_a_batch() -> None:
    """Half move by half the mean, half by three halves: all lie outside the band."""
    means = (0.09, 0.11, 0.29)
    mask = calibration_mask(torch.cat([along_x([0.5 * px, -1.5 * px]) for px in means]))
    assert mask.flatten(1).tolist() == [[1, 1], [0, 0], [0, 0]]


def test_colour_wheel_has_the_primary_colours_at_its_joints() -> None:
    wheel = colour_wheel()
    assert wheel.shape == (55, 3)
    joints = {0: (255, 0, 0), 15: (255, 255, 0), 21: (0, 255, 0), 25: (0, 255, 255)}
    joints |= {36: (0, 0, 255), 49: (255, 0, 255)}
    for index, colour in joints.items():
        assert tuple(wheel[index]) == colour


def test_still_is_white_and_direction_decides_the_official_mask() -> None:
    assert flow_colour(np.zeros((2, 2, 2))).min() == 255
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 0] = 2.0
    assert official_mask(flow).min() == 1
    flow[:, :, :1, :4] = torch.tensor([-2.0, 0.0])[None, :, None, None]
    assert calibration_mask(flow).min() == 1, "the same magnitude everywhere"
    assert official_mask(flow).min() == 0, "another direction is another grey"
