"""Reblurring-guided JDRL: what the network is shown, what the estimator learns."""

from typing import Any

import pytest
import torch
from torch import nn

from defocus.baselines.losses.charbonnier import charbonnier
from defocus.baselines.objective import Batch, Progress, outputs_of
from defocus.baselines.objectives.rjdrl import make
from defocus.baselines.registry import baseline
from defocus.baselines.systems.rjdrl_unet.network import BlurEstimator, Guided
from defocus.errors import SettingsError


class Told(nn.Module):
    """A network that keeps what it was shown of the blur."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(38, 3, 3, padding=1)

    def forward(self, blurry: torch.Tensor, core: torch.Tensor) -> torch.Tensor:
        self.core = core
        change: torch.Tensor = self.conv(torch.cat([blurry, core], dim=1))
        return blurry + change


@pytest.fixture
def batch():
    draw = torch.Generator().manual_seed(0)
    return Batch(*torch.rand(2, 1, 3, 32, 32, generator=draw))


def test_the_estimate_is_shown_little_by_little(batch):
    recorder = Told()
    network, objective = Guided(recorder), make()
    core = outputs_of(network, batch)["core"]
    for epoch, share in (
        (0.0, 0.001 + 0.999 / 15),
        (6.9, 0.001 + 0.999 * 7 / 15),
        (20.0, 1.0),
    ):
        objective(network, batch, Progress(0, epoch, 15))
        torch.testing.assert_close(recorder.core, share * core)


def test_in_the_warm_up_neither_reblurring_nor_estimate_is_judged(batch):
    network, objective = Guided(Told()), make()
    _, parts = objective(network, batch, Progress(0, 3.0, 15))
    assert set(parts) == {"deblur_forward", "mask_kept_share", "flow_px"}


def test_estimator_and_reblurring_network_learn_from_each_other(batch):
    network, objective = Guided(Told()), make(alpha=0.0, beta=2.0, deformation="none")
    loss, parts = objective(network, batch, Progress(0, 20.0, 15))
    loss.backward()
    reblurring: Any = objective.reblurring
    outputs = outputs_of(network, batch)
    reblurred = reblurring.reblur(outputs["restored"], batch.blurry)
    expected = charbonnier(outputs["core"], reblurred.seeds).item()
    assert parts["core"] == pytest.approx(expected, rel=1e-4)
    deformed = float(parts["deblur_forward"] + parts["deblur_reverse"])
    assert loss.item() == pytest.approx(deformed + 2.0 * expected, rel=1e-4)
    assert network.pred.out.weight.grad is not None
    assert reblurring.kpn.out.weight.grad.abs().sum() > 0


def test_the_estimator_starts_as_the_released_one():
    estimator = BlurEstimator()
    assert estimator.out.out_channels == 35
    biases = [p for name, p in estimator.named_parameters() if name.endswith("bias")]
    assert all(bool((bias == 0.1).all()) for bias in biases)


def test_only_guided_networks_and_fitting_settings_are_taken(batch, refused):
    with refused(SettingsError):
        make()(nn.Conv2d(3, 3, 1), batch, Progress(0, 0.0))
    with refused(SettingsError):
        make(kernels="free")


def test_controls_have_the_plain_loss_and_aligned_pairs():
    for target in ("prealigned", "truth"):
        recipe = baseline(f"rjdrl-unet-{target}").recipe
        assert (recipe().objective, recipe().target) == ("supervised", target)
