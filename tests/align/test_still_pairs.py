"""From which mean flow on a pair counts as misaligned."""

import pytest
import torch

from defocus.align.sampling.warp import STILL_PX, calibration_mask


def uneven(mean_px: float) -> torch.Tensor:
    """Half of the pixels move by half the mean, half by three halves: all outside the band."""
    flow = torch.zeros(1, 2, 4, 6)
    flow[:, 0, :, :3] = 0.5 * mean_px
    flow[:, 1, :, 3:] = 1.5 * mean_px
    return flow


@pytest.mark.parametrize(("mean_px", "believed"), [(0.09, 1.0), (0.11, 0.0), (0.29, 0.0)])
def test_a_tenth_of_a_pixel_is_the_limit(mean_px: float, believed: float) -> None:
    assert STILL_PX == 0.1
    mask = calibration_mask(uneven(mean_px))
    assert mask.shape == (1, 1, 4, 6)
    assert torch.equal(mask, torch.full_like(mask, believed))


def test_pictures_of_a_batch_are_still_each_for_itself() -> None:
    mask = calibration_mask(torch.cat([uneven(0.09), uneven(0.11)]))
    assert mask.mean(dim=(1, 2, 3)).tolist() == [1.0, 0.0]
