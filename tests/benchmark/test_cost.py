"""Costs against counts by hand."""

import json

import pytest
import torch
from torch import nn

from defocus.baselines.registry import baseline
from defocus.benchmark.cost.counting import measure_cost, quartiles


def test_a_convolutional_network_counted_by_hand():
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


def test_counting_takes_one_pass_without_gradients():
    network = Dual()
    cost = measure_cost(network, 8, 10, channels=6)
    assert (cost.params_m, cost.macs_g) == (0.0, 0.0)
    assert network.passes == 1
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 3.0, 4.0)


def test_the_command_counts_at_the_size_that_is_asked_for(run):
    result = run(
        "defocus-bench", "cost", "unet", "--size", "32x16", "--repeats", "2", "--json"
    )
    assert result.returncode == 0, result.stderr
    (row,) = json.loads(result.stdout)
    counted = measure_cost(baseline("unet").build(), 16, 32)
    assert row["macs_g"] == pytest.approx(counted.macs_g, rel=1e-9)
    assert row["params_m"] == pytest.approx(31.03, abs=0.01)
    assert (row["device"], row["width"], row["height"], row["repeats"]) == (
        "cpu",
        32,
        16,
        2,
    )
    assert 0 < row["seconds_q1"] <= row["seconds"] <= row["seconds_q3"]


class Looking(nn.Module):
    """Divides by the largest value."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        restored: torch.Tensor = self.layer(blurry / blurry.max().item())
        return restored


def test_a_network_that_looks_at_values_is_counted_on_real_ones():
    assert measure_cost(Looking(), 10, 12).macs_g == pytest.approx(10 * 12 * 81 / 1e9)


def test_costs_grow_with_the_picture_and_memory_is_the_largest_sum():
    layers = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 16, 1), nn.Conv2d(16, 3, 1))
    cost = measure_cost(layers, 32, 64)
    assert cost.peak_mib == pytest.approx((8 + 16) * 32 * 64 * 4 / 2**20, rel=0.01)
