"""MDP: what its conformance fixture cannot see."""

import dataclasses

import pytest
import torch
from torch.nn.functional import mse_loss

from defocus.baselines.objective import Batch, Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.mdp.network import MDP
from tests.baselines.overfitting import loss_falls_to, paired_batch


@pytest.fixture(scope="module")
def network() -> MDP:
    torch.manual_seed(0)
    return MDP(width=4).eval()


def test_the_up_convolution_is_padded_below_and_on_the_right(network: MDP) -> None:
    """One pixel, doubled, reaches through a 2 x 2 kernel up and to the left alone."""
    features = torch.zeros(1, 8, 4, 4)
    features[..., 2, 1] = 1.0
    layer = network.get_submodule("left_up1")
    layer.weight.data.abs_()
    layer.bias.data.zero_()
    with torch.no_grad():
        reached = network._up("left_up1", features)[0].sum(dim=0) > 0
    rows, columns = torch.nonzero(reached, as_tuple=True)
    assert (int(rows.min()), int(rows.max())) == (3, 5)
    assert (int(columns.min()), int(columns.max())) == (1, 3)


@torch.no_grad()
def test_pictures_are_bgr_inside_and_rgb_outside(network: MDP) -> None:
    blurry = torch.rand(1, 3, 16, 16)
    given = network.outputs(blurry)
    out = network.get_submodule("sharp_out")
    expected = torch.sigmoid(out(given["pre_sharp"])).flip(1)
    torch.testing.assert_close(given["restored"], expected)
    first = network.get_submodule("enc1a").weight
    swapped = MDP(width=4).eval()
    swapped.load_state_dict(network.state_dict())
    swapped.get_submodule("enc1a").weight.copy_(first.flip(1))
    torch.testing.assert_close(
        swapped.outputs(blurry.flip(1))["left"], network.outputs(blurry)["left"]
    )


class _Views(torch.nn.Module):
    """Gives fixed pictures."""

    def __init__(self, **pictures: torch.Tensor) -> None:
        super().__init__()
        self.pictures = pictures

    def outputs(self, blurry: torch.Tensor) -> dict[str, torch.Tensor]:
        assert blurry.shape[1] == 3
        return self.pictures


@pytest.mark.parametrize(("phase", "views_weight"), [("deblur", 0.2), ("views", 1.0)])
def test_the_loss_is_the_sum_of_its_four_parts(phase: str, views_weight: float) -> None:
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


def test_the_first_phase_leaves_the_sharp_decoder_alone() -> None:
    torch.manual_seed(0)
    network = MDP(width=2)
    batch = paired_batch(16)
    loss, _ = objective("mdp", phase="views")(network, batch, Progress(0, 0.0))
    loss.backward()
    trained = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    everything = {name for name, _ in network.named_parameters()}
    assert trained == {name for name in everything if not name.startswith("sharp_")}
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_it_learns_a_batch_by_heart() -> None:
    torch.manual_seed(0)
    recipe = baseline("mdp").recipe()
    fallen = loss_falls_to(
        MDP(width=8), objective("mdp"), recipe, paired_batch(32), steps=20, learning_rate=3e-3
    )
    assert fallen < 0.8


def test_the_recipe_is_the_second_training_s() -> None:
    recipe = baseline("mdp").recipe()
    assert (recipe.epochs, recipe.paper.crop_px, recipe.paper.batch) == (80, 512, 8)
    assert recipe.supervision == ("dual_pixel",)
    assert recipe.learning_rate("paper", 16.0) == pytest.approx(6e-4 / 4)
    assert dataclasses.asdict(baseline("mdp").card)["input"] == "single"


def test_the_paper_s_training_starts_from_the_phase_of_views() -> None:
    second, first = (baseline(name).recipe for name in ("mdp", "mdp-views"))
    assert second is not None
    assert first is not None
    views, deblur = first(), second()
    assert (views.epochs, views.paper.learning_rate, views.paper.start) == (60, 3e-4, None)
    assert (deblur.epochs, deblur.paper.learning_rate, deblur.paper.start) == (80, 6e-4, "views")
    assert views.objective_settings == {"phase": "views"}
    assert deblur.quick.start is None
