"""IFAN: filters, losses and configurations that its conformance fixtures do not see."""

import pytest
import torch
from torch import nn

from defocus.baselines.objective import Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.objectives.ifan import make
from defocus.baselines.registry import baseline
from defocus.baselines.systems.ifan.network import IFAN, filter_channels
from tests.baselines.overfitting import paired_batch

NARROW = (8, 8, 16, 16)
ABLATION = {
    "ifan-ablation-none": {"deblur"},
    "ifan-ablation-d": {"deblur", "disparity"},
    "ifan-ablation-f": {"deblur"},
    "ifan-ablation-f-d": {"deblur", "disparity"},
    "ifan-ablation-f-r": {"deblur", "reblur"},
    "ifan": {"deblur", "disparity", "reblur"},
}


def test_the_result_is_clipped_outside_of_training_only():
    network = IFAN(2, channels=NARROW)
    with torch.no_grad():
        network.out_res[0].bias.fill_(9.0)
        assert network.train()(torch.rand(1, 3, 16, 16)).min() > 1
        assert network.eval()(torch.rand(1, 3, 16, 16)).max() == 1


@pytest.mark.parametrize("name", ABLATION)
def test_the_ablations_lines_have_their_losses(name):
    recipe = baseline(name).recipe()
    settings = recipe.objective_settings
    assert ("dual_pixel" in recipe.supervision) == ("disparity" in ABLATION[name])
    parts = {"deblur"} | {part for part in ("disparity", "reblur") if settings[part]}
    assert parts == ABLATION[name]


@pytest.mark.parametrize(
    ("name", "steps", "reblurred", "crop"),
    [("ifan-8", 8, 8, 256), ("ifan-26", 26, 9, 512), ("ifan-44", 44, 17, 704)],
)
def test_configurations_have_the_released_numbers(name, steps, reblurred, crop):
    recipe = baseline(name).recipe()
    assert recipe.paper.crop_px == crop
    with torch.device("meta"):
        criterion = objective(recipe.objective, **recipe.objective_settings)
        network = baseline(name).build()
    assert criterion.reblur.steps == reblurred
    assert (
        criterion.reblur.RBF[0][0].in_channels
        == filter_channels(steps, 128)
        == network.F[-1].out_channels
    )


def test_the_disparity_loss_trains_no_other_network(refused):
    batch = paired_batch(16, 1)
    with refused(KeyError):
        make(reblur=False)(nn.Conv2d(3, 3, 1), batch, Progress(0, 0.0))
