"""The JDRL objective: directions of flow and warp, terms by phase, known shifts."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from defocus.align.mask import calibration_mask
from defocus.align.warp import warp
from defocus.baselines.losses.charbonnier import EPSILON, charbonnier
from defocus.baselines.objectives.jdrl.kernels import isotropic_reblur
from defocus.baselines.objectives.jdrl.objective import ALPHA, JDRLObjective, make
from defocus.baselines.objectives.objective import Batch, Progress

Shifted = Callable[[int, int], torch.Tensor]

WARM = Progress(step=0, epoch=3.0, warmup_epochs=15)
LATER = Progress(step=100, epoch=20.0, warmup_epochs=15)


class Constant(nn.Module):
    """A network that gives one picture, whatever it is shown."""

    def __init__(self, picture: torch.Tensor) -> None:
        super().__init__()
        self.picture = nn.Parameter(picture.clone())

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return self.picture


class ScriptedFlow:
    """An estimator that gives the same flow each time and keeps what it was asked."""

    name = "scripted"
    weights_sha256 = ""

    def __init__(self, flow: torch.Tensor) -> None:
        self.flow = flow
        self.asked: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        assert not first.requires_grad
        assert not second.requires_grad
        self.asked.append((first, second))
        return self.flow


def known_blur(objective: JDRLObjective) -> None:
    """Fix the reblurring network to a uniform 7 × 7 kernel."""
    network = objective.reblurring
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        bias = network.kernel_map_gene.out.bias
        assert bias is not None
        bias[3] = 100.0


def blur(sharp: torch.Tensor) -> torch.Tensor:
    """What :func:`known_blur` does."""
    weights = torch.zeros(len(sharp), 8, *sharp.shape[-2:])
    weights[:, 3] = 1.0
    return isotropic_reblur(sharp, torch.zeros(len(sharp), 35, *sharp.shape[-2:]), weights)


def losses(objective: JDRLObjective, restored: torch.Tensor, batch: Batch) -> float:
    with torch.no_grad():
        loss, _ = objective(Constant(restored), batch, LATER)
    return float(loss)


@pytest.mark.parametrize("shift", [(4, 0), (0, -3), (3, 2)])
def test_a_known_shift_of_the_target_does_not_move_the_minimum(
    shifted: Shifted, shift: tuple[int, int]
) -> None:
    objective = make()
    known_blur(objective)
    sharp, target = shifted(0, 0), shifted(*shift)
    batch = Batch(blur(sharp), target)
    steps = [(k * shift[0], k * shift[1]) for k in (-0.5, 0, 0.5, 1, 1.5)]
    places = [(int(x), int(y)) for x, y in steps]
    ours = [losses(objective, shifted(*place), batch) for place in places]
    plain = [float(charbonnier(shifted(*place), target)) for place in places]
    assert min(range(5), key=ours.__getitem__) == 1  # where the blurry picture lies
    assert min(range(5), key=plain.__getitem__) == 3  # where the target lies
    assert ours[1] < 0.5 * ours[3]


def test_in_warmup_the_target_is_brought_onto_the_blurry_picture(shifted: Shifted) -> None:
    objective = make()
    sharp, target = shifted(0, 0), shifted(3, -2)
    batch = Batch(blur(sharp), target)
    loss, parts = objective(Constant(sharp), batch, WARM)
    assert loss.item() < 0.4 * charbonnier(sharp, target).item()
    assert parts["flow_px"] == pytest.approx(13**0.5, rel=0.25)
    assert set(parts) == {"deblur_forward", "mask_kept_share", "flow_px"}


def test_every_term_follows_its_equation(shifted: Shifted) -> None:
    flow = torch.randn(1, 2, 96, 96, generator=torch.Generator().manual_seed(0)) + 2.0
    estimator = ScriptedFlow(flow)
    objective = JDRLObjective(estimator)
    restored, target = shifted(1, 0), shifted(0, 2)
    batch = Batch(shifted(0, 0), target)
    loss, parts = objective(Constant(restored), batch, LATER)
    (first, second), (third, fourth) = estimator.asked
    for asked, meant in ((first, restored), (second, target), (third, target), (fourth, restored)):
        torch.testing.assert_close(asked, meant)
    mask = calibration_mask(flow)
    forward = charbonnier(mask * restored, mask * warp(target, flow))
    reverse = charbonnier(mask * target, mask * warp(restored, flow))
    reblur = charbonnier(objective.reblurring(restored, batch.blurry), batch.blurry)
    torch.testing.assert_close(loss, forward + reverse + ALPHA * reblur)
    assert parts["deblur_forward"] == pytest.approx(forward.item())
    assert parts["deblur_reverse"] == pytest.approx(reverse.item())
    assert parts["reblur"] == pytest.approx(reblur.item())
    assert parts["mask_kept_share"] == pytest.approx(float(mask.mean()))
    assert 0.2 < parts["mask_kept_share"] < 0.9


def test_the_phases_measure_flow_between_the_right_pictures(shifted: Shifted) -> None:
    blurry, target, restored = shifted(0, 0), shifted(2, 0), shifted(0, 3)
    still = torch.zeros(1, 2, 96, 96)
    cases = (
        ("forward", [(blurry, target)]),
        ("cycle", [(blurry, target), (target, blurry)]),
    )
    for warmup, expected in cases:
        estimator = ScriptedFlow(still)
        objective = JDRLObjective(estimator, warmup)
        objective(Constant(restored), Batch(blurry, target), WARM)
        assert len(estimator.asked) == len(expected)
        for asked, meant in zip(estimator.asked, expected, strict=True):
            torch.testing.assert_close(asked, meant)


def test_masked_pixels_cost_epsilon_and_count_in_the_mean(shifted: Shifted) -> None:
    flow = torch.zeros(1, 2, 96, 96)
    flow[:, 0, :, :48] = 8.0  # far from the mean of 5 px
    flow[:, 0, :, 48:] = 2.0
    objective = JDRLObjective(ScriptedFlow(flow))
    _, parts = objective(Constant(shifted(0, 0)), Batch(shifted(0, 0), shifted(5, 5)), LATER)
    assert parts["mask_kept_share"] == 0.0
    assert parts["deblur_forward"] == pytest.approx(EPSILON)


def test_gradient_reaches_both_networks_and_no_estimator(shifted: Shifted) -> None:
    objective = make()
    network = Constant(shifted(0, 0))
    batch = Batch(blur(shifted(0, 0)), shifted(2, 0))
    objective(network, batch, WARM)[0].backward()
    assert network.picture.grad is not None
    assert all(p.grad is None for p in objective.parameters())
    objective(network, batch, LATER)[0].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in objective.parameters())
    assert all(name.startswith("reblurring.") for name in objective.state_dict())


def test_an_estimator_that_is_a_module_is_not_trained_along() -> None:
    class ModuleFlow(nn.Module):
        name, weights_sha256 = "module", ""

        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(1))

    objective = JDRLObjective(ModuleFlow())
    assert all(name.startswith("reblurring.") for name, _ in objective.named_parameters())
    assert objective.estimator.name == "module"


def test_dual_pixel_views_are_reblurred_to_their_mean(shifted: Shifted) -> None:
    objective = make()
    known_blur(objective)
    sharp = shifted(0, 0)
    views = torch.cat([blur(shifted(-1, 0)), blur(shifted(1, 0))], dim=1)
    _, parts = objective(Constant(sharp), Batch(views, sharp), LATER)
    mean = (views[:, :3] + views[:, 3:]) / 2
    assert parts["reblur"] == pytest.approx(float(charbonnier(blur(sharp), mean)), rel=1e-4)


def test_one_batch_can_be_learnt(shifted: Shifted) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 24, 5, padding=2), nn.ReLU(), nn.Conv2d(24, 3, 5, padding=2)
    )
    objective = make()
    crop = (slice(None), slice(None), slice(16, 64), slice(16, 64))
    batch = Batch(blur(shifted(0, 0))[crop], shifted(3, 0)[crop])
    parameters = [*network.parameters(), *objective.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=3e-3)
    history = []
    for step in range(60):
        optimiser.zero_grad()
        loss, parts = objective(network, batch, Progress(step, step / 2, 5))
        loss.backward()
        optimiser.step()
        history.append((float(loss.detach()), parts))
    after_warmup = [entry for entry in history if "reblur" in entry[1]]
    assert history[9][0] < 0.7 * history[0][0]
    assert after_warmup[-1][0] < 0.6 * after_warmup[0][0]
    for part in ("deblur_forward", "deblur_reverse", "reblur"):
        assert after_warmup[-1][1][part] < after_warmup[0][1][part]
