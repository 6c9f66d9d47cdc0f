"""The general objective: which output, which size, which weight, from when on."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.objective import Batch, Progress
from defocus.baselines.objectives.supervised import make
from defocus.errors import RegistryError, SettingsError

TARGET = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))
BLURRY = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(1))


class TwoScales(nn.Module):
    """Gives the blurry picture, and its half."""

    def outputs(self, blurry: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"restored": blurry, "half": functional.avg_pool2d(blurry, 2)}

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return self.outputs(blurry)["restored"]


class NeedsMap(nn.Module):
    """Adds the map that it is handed."""

    def forward(self, blurry: torch.Tensor, defocus_map: torch.Tensor) -> torch.Tensor:
        return blurry + defocus_map


def test_without_terms_it_is_the_charbonnier_loss():
    loss, parts = make()(nn.Identity(), Batch(BLURRY, TARGET), Progress(0, 0.0))
    expected = torch.sqrt((BLURRY - TARGET) ** 2 + 1e-6).mean()
    torch.testing.assert_close(loss, expected)
    assert parts == {}


def test_terms_are_weighted_and_smaller_outputs_meet_a_smaller_target():
    terms = [
        {"loss": "l1", "weight": 0.5},
        {"loss": "l2", "of": "half", "weight": 3},
        {"loss": "charbonnier", "settings": {"epsilon": 0.5}, "from_epoch": 10},
    ]
    objective = make(terms)
    half = functional.interpolate(TARGET, (8, 12), mode="bilinear", antialias=True)
    first = (BLURRY - TARGET).abs().mean()
    second = ((functional.avg_pool2d(BLURRY, 2) - half) ** 2).mean()
    loss, parts = objective(TwoScales(), Batch(BLURRY, TARGET), Progress(0, 9.9))
    torch.testing.assert_close(loss, 0.5 * first + 3 * second)
    assert parts == pytest.approx(
        {"l1_restored": first.item(), "l2_half": second.item()}
    )
    later, parts = objective(TwoScales(), Batch(BLURRY, TARGET), Progress(0, 10.0))
    third = torch.sqrt((BLURRY - TARGET) ** 2 + 0.25).mean()
    torch.testing.assert_close(later, loss + third)
    assert set(parts) == {"l1_restored", "l2_half", "charbonnier_restored"}


def test_a_term_of_several_outputs_is_the_sum_and_targets_need_not_be_antialiased():
    terms = [{"loss": "l1", "of": ["restored", "half"], "weight": 2}]
    half = functional.interpolate(TARGET, scale_factor=0.5, mode="bilinear")
    first = (BLURRY - TARGET).abs().mean()
    second = (functional.avg_pool2d(BLURRY, 2) - half).abs().mean()
    loss, parts = make(terms, antialias=False)(
        TwoScales(), Batch(BLURRY, TARGET), Progress(0, 0.0)
    )
    torch.testing.assert_close(loss, 2 * (first + second))
    assert parts == pytest.approx(
        {"l1_restored": first.item(), "l1_half": second.item()}
    )


def test_the_network_gets_what_it_needs_and_no_supervision():
    needed, withheld = torch.full((2, 1, 16, 24), 0.25), torch.ones(2, 6, 16, 24)
    batch = Batch(
        BLURRY, BLURRY + 0.25, {"defocus_map": needed}, {"dual_pixel": withheld}
    )
    loss, _ = make([{"loss": "l1"}])(NeedsMap(), batch, Progress(0, 0.0))
    assert loss.item() == pytest.approx(0, abs=1e-7)
    moved = batch.to(torch.device("meta"))
    assert moved.extra["defocus_map"].is_meta
    assert moved.supervision["dual_pixel"].is_meta


def test_what_is_wrong_with_a_term_is_said(refused):
    with refused(SettingsError):
        make([{"loss": "l1", "wieght": 2}])
    with refused(RegistryError):
        make([{"loss": "l3"}])
