"""MDP: what its conformance fixture cannot see."""

import pytest
import torch
from torch.nn.functional import mse_loss

from defocus.baselines.objective import Batch, Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.systems.mdp.network import MDP
from tests.baselines.overfitting import paired_batch


class _Views(torch.nn.Module):
    """Gives fixed pictures."""

    def __init__(self, **pictures: torch.Tensor) -> None:
        super().__init__()
        self.pictures = pictures

    def outputs(self, blurry: torch.Tensor) -> dict[str, torch.Tensor]:
        assert blurry.shape[1] == 3
        return self.pictures


@pytest.mark.parametrize(("phase", "views_weight"), [("deblur", 0.2), ("views", 1.0)])
def test_the_loss_is_the_sum_of_its_four_parts(phase, views_weight):
    torch.manual_seed(0)
    names = ("restored", "left", "right", "l", "r", "c", "sharp")
    one = {name: torch.rand(2, 3, 8, 8) for name in names}
    network = _Views(restored=one["restored"], left=one["left"], right=one["right"])
    views = torch.cat([one["l"], one["r"]], dim=1)
    batch = Batch(one["c"], one["sharp"], supervision={"dual_pixel": views})
    loss, parts = objective("mdp", phase=phase)(network, batch, Progress(0, 0.0))
    sharp = mse_loss(one["restored"], one["c"] if phase == "views" else one["sharp"])
    of_views = mse_loss(torch.cat([one["left"], one["right"]], dim=1), views)
    centre = mse_loss((one["left"] + one["right"]) / 2, one["c"])
    disparity = (one["left"] - one["right"] - one["l"] + one["r"]).square().mean()
    expected = sharp + views_weight * of_views + 0.2 * centre + 0.2 * disparity
    torch.testing.assert_close(loss, expected)
    assert parts["views"] == pytest.approx(float(of_views))


def test_the_first_phase_leaves_the_sharp_decoder_alone():
    torch.manual_seed(0)
    network = MDP(width=2)
    batch = paired_batch(16)
    loss, _ = objective("mdp", phase="views")(network, batch, Progress(0, 0.0))
    loss.backward()
    trained = {
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }
    everything = {name for name, _ in network.named_parameters()}
    assert trained == {name for name in everything if not name.startswith("sharp_")}
    assert all(parameter.requires_grad for parameter in network.parameters())
