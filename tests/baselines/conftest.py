"""Pictures with known content for the tests of the baselines."""

import numpy as np
import pytest
import torch
from torch import nn

from defocus.pictures.values import linear_to_srgb
from defocus.scene.pictures import texture

SIDE = 96
MARGIN = 16


class Constant(nn.Module):
    """A network that gives one picture, whatever it is shown."""

    def __init__(self, picture: torch.Tensor) -> None:
        super().__init__()
        self.picture = nn.Parameter(picture.clone())

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return self.picture


@pytest.fixture
def shifted():
    """``shifted(dx, dy)``: a 96 px crop of one scene, its content moved right and down by that."""
    scene = linear_to_srgb(texture("chelsea", SIDE + 2 * MARGIN, SIDE + 2 * MARGIN))
    tensor = torch.from_numpy(scene.astype(np.float32)).permute(2, 0, 1)[None]

    def crop(dx: int, dy: int) -> torch.Tensor:
        rows = slice(MARGIN - dy, MARGIN - dy + SIDE)
        columns = slice(MARGIN - dx, MARGIN - dx + SIDE)
        return tensor[:, :, rows, columns].contiguous()

    return crop
