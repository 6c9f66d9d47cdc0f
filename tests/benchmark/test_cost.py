"""Costs against counts by hand."""

import time

import pytest
import torch
from torch import nn

from defocus.benchmark.cost import measure_cost


def test_a_convolutional_network_counted_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1, groups=4),
        nn.ConvTranspose2d(16, 3, 2, stride=2, bias=False),
    )
    cost = measure_cost(network, 20, 32)
    parameters = (3 * 9 * 8 + 8) + (2 * 9 * 16 + 16) + 16 * 3 * 4
    macs = 20 * 32 * 8 * 3 * 9 + 10 * 16 * 16 * 2 * 9 + 10 * 16 * 16 * 3 * 4
    assert cost.params_m == parameters / 1e6
    assert cost.macs_g == pytest.approx(macs / 1e9, rel=1e-12)
    assert cost.seconds > 0
    assert not network.training


class Slow(nn.Module):
    """Takes long the first time, and a tenth of a second afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        assert picture.shape[1] == 6
        assert not torch.is_grad_enabled()
        self.passes += 1
        time.sleep(0.5 if self.passes == 1 else 0.1)
        return picture[:, :3]


def test_the_first_pass_is_not_timed() -> None:
    network = Slow()
    cost = measure_cost(network, 8, 8, channels=6)
    assert (cost.params_m, cost.macs_g) == (0.0, 0.0)
    assert 0.1 <= cost.seconds < 0.4
    assert network.passes == 4
