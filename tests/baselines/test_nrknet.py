"""NRKNet: its blur, its series, its colours and its objective."""

import pytest
import torch
from torch import nn

from defocus.baselines.objective import Batch, Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.objectives.nrknet import squares_and_frequencies
from defocus.baselines.systems.nrknet.network import NRKNet
from tests.baselines.overfitting import paired_batch


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return NRKNet().eval()


@torch.no_grad()
def test_the_blur_that_is_found_is_laid_on_the_sharp_picture(network):
    """Reblurring the blurry picture itself is the first step of the series, at every scale."""
    blurry = torch.rand(1, 3, 32, 32)
    outputs = network.outputs(blurry, blurry)
    for name, side in (("quarter", 8), ("half", 16), ("full", 32)):
        assert outputs[f"reblurred_{name}"].shape[-1] == side
    every = blurry[..., ::2, ::2]
    torch.testing.assert_close(outputs["blurry_half"], every, rtol=0, atol=0)


@torch.no_grad()
def test_the_paper_adds_the_reblurring_and_the_code_leaves_it_out(network):
    batch = paired_batch(64, count=1)
    paper, parts = objective("nrknet")(network, batch, Progress(0, 0.0))
    official, _ = objective("nrknet", reblurring=0.0)(network, batch, Progress(0, 0.0))
    assert parts["reblurring"] > 0
    assert float(official) == pytest.approx(float(parts["restoring"]))
    assert float(paper - official) == pytest.approx(
        float(parts["reblurring"]), rel=1e-4
    )


@torch.no_grad()
def test_structure_alone_counts_in_its_turns(network):
    criterion = objective("nrknet", reblurring=0.0)
    batch = paired_batch(64, count=1)
    losses = {
        epoch: float(criterion(network, batch, Progress(0, epoch))[0])
        for epoch in (0.0, 999.0, 1100.0, 1101.0, 1199.0, 1200.0)
    }
    by_structure = {epoch for epoch, value in losses.items() if value != losses[0.0]}
    assert by_structure == {1101.0, 1199.0}
    # four dissimilarities of at most 2, weights sum to 2.5
    assert losses[1101.0] <= 2 * 2.5


def test_it_trains_no_other_network(refused):
    batch = Batch(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))
    with refused(TypeError):
        objective("nrknet")(nn.Conv2d(3, 3, 1), batch, Progress(0, 0.0))


def test_frequencies_are_the_sum_of_both_parts():
    """A constant difference d is d per value in the spectrum's real part, nothing in the other."""
    target = torch.rand(2, 3, 8, 12)
    loss = squares_and_frequencies(target + 0.2, target)
    assert float(loss) == pytest.approx(0.2**2 + 0.1 * 0.2, rel=1e-4)
