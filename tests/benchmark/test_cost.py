"""Costs against counts by hand."""

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
    assert not network.training


class Dual(nn.Module):
    """Gives the left view."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        assert views.shape == (1, 6, 8, 10)
        assert not torch.is_grad_enabled()
        self.passes += 1
        return views[:, :3]


def test_counting_takes_one_pass_without_gradients() -> None:
    network = Dual()
    cost = measure_cost(network, 8, 10, channels=6)
    assert (cost.params_m, cost.macs_g) == (0.0, 0.0)
    assert network.passes == 1
