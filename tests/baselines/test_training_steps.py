"""Three training steps of five systems against their published trainings, written anew here.

The other side shares only the networks: losses, clipping, optimisers and schedules are formulas of
this file. Networks are the narrow copies with filled weights, in double precision, so that rounding
hides nothing.
"""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

import pytest
import torch
from torch import nn

from defocus.baselines.objective import Batch, Objective, Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.objectives.ifan import IFANObjective
from defocus.baselines.objectives.jdrl import JDRLObjective
from defocus.baselines.objectives.jdrl.settings import JDRLSettings
from defocus.baselines.registry import baseline
from defocus.baselines.systems.ifan.network import ReblurNet, filter_channels
from defocus.training.steps.optimisers import make_optimisers, optimiser_step
from tests.baselines.overfitting import paired_batch
from tests.conformance.probe import fill_weights

EXACT = {"rtol": 1e-7, "atol": 1e-13}
NAMED = 10
"""Tensors whose gradients are compared, spread over the network."""
IFAN_CHANNELS, IFAN_STEPS, IFAN_REBLUR_STEPS = 16, 5, 3
"""Of IFAN's narrow copy: channels of its filtered features, filters; and fewer that blur."""

Loss = Callable[[nn.Module, Objective, Batch, int], torch.Tensor]


@dataclass
class Moments:
    """A parameter's two running means."""

    first: torch.Tensor
    second: torch.Tensor


def adam_change(moments: Moments, step: int, betas: tuple[float, float]) -> torch.Tensor:
    """Kingma and Ba (2015), algorithm 1; eps as everywhere 1e-8."""
    mean = moments.first / (1 - betas[0] ** step)
    variance = moments.second / (1 - betas[1] ** step)
    return mean / (variance.sqrt() + 1e-8)


def radam_change(moments: Moments, step: int, betas: tuple[float, float]) -> torch.Tensor:
    """Liu et al. (2020), algorithm 2: the first steps have no tractable variance."""
    longest = 2 / (1 - betas[1]) - 1
    length = longest - 2 * step * betas[1] ** step / (1 - betas[1] ** step)
    assert length < 5, "the test does so few steps that nothing is rectified"
    return moments.first / (1 - betas[0] ** step)


@dataclass(frozen=True)
class Published:
    """A training as its authors publish it; ``loss`` is of network, objective, batch and epoch."""

    system: str
    loss: Loss
    rate: Callable[[float], float]
    change: Callable[[Moments, int, tuple[float, float]], torch.Tensor] = adam_change
    betas: tuple[float, float] = (0.9, 0.999)
    decay: float = 0.0
    clip: float | None = None
    epochs: tuple[int, int, int] = (0, 1, 2)
    objective: Callable[[], Objective] | None = None  # that of the recipe
    moments: dict[int, Moments] = field(default_factory=dict)

    def step(self, parameters: list[nn.Parameter], number: int, rate: float) -> None:
        """Do the step that follows a backward pass."""
        moved = [each for each in parameters if each.grad is not None]
        norm = math.sqrt(sum(float(gradient(each).square().sum()) for each in moved))
        share = 1.0 if self.clip is None else min(1.0, self.clip / (norm + 1e-6))
        for each in moved:
            each.grad = gradient(each) * share
            new = self.moments.setdefault(
                id(each), Moments(torch.zeros_like(each), torch.zeros_like(each))
            )
            new.first = self.betas[0] * new.first + (1 - self.betas[0]) * each.grad
            new.second = self.betas[1] * new.second + (1 - self.betas[1]) * each.grad**2
            with torch.no_grad():
                each -= rate * self.decay * each
                each -= rate * self.change(new, number, self.betas)


def gradient(parameter: nn.Parameter) -> torch.Tensor:
    assert parameter.grad is not None
    return parameter.grad


def cosine(epoch: float, start: float, end: float, high: float, low: float) -> float:
    share = min(1.0, max(0.0, (epoch - start) / (end - start)))
    return low + (high - low) * (1 + math.cos(math.pi * share)) / 2


def mean_absolute(network: nn.Module, _: Objective, batch: Batch, __: int) -> torch.Tensor:
    return (network(batch.blurry) - batch.target).abs().mean()


def decibels(network: nn.Module, _: Objective, batch: Batch, __: int) -> torch.Tensor:
    """NAFNet's PSNRLoss: the mean over pictures of 10 log10 of their squared error."""
    errors = ((network(batch.blurry) - batch.target) ** 2).mean(dim=(1, 2, 3))
    return (10 * torch.log10(errors + 1e-8)).mean()


def sampled(
    picture: torch.Tensor, x: torch.Tensor, y: torch.Tensor, *, zeros: bool
) -> torch.Tensor:
    """Bilinear values at positions ``(N, H, W)`` px; outside zeros, or the border's values."""
    height, width = picture.shape[-2:]
    if not zeros:
        x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    left, top = x.floor(), y.floor()
    found = torch.zeros_like(picture)
    for across, down in ((0, 0), (0, 1), (1, 0), (1, 1)):
        column, row = left + across, top + down
        weight = (1 - (x - column).abs()) * (1 - (y - row).abs())
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        place = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
        index = place.long().flatten(1)[:, None].expand(-1, picture.shape[1], -1)
        values = picture.flatten(2).gather(2, index).reshape(picture.shape)
        found = found + (weight * inside)[:, None] * values
    return found


def positions(picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Columns and rows of all pixels, each ``(H, W)``."""
    height, width = picture.shape[-2:]
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float64),
        torch.arange(width, dtype=torch.float64),
        indexing="ij",
    )
    return columns, rows


def ifan_loss(network: nn.Module, own: Objective, batch: Batch, _: int) -> torch.Tensor:
    """Three mean squared errors; two of them at an eighth of the size."""
    found = network.outputs(batch.blurry)  # type: ignore[operator]
    left, right = batch.supervision["dual_pixel"].split(3, dim=1)
    small = [each.unfold(2, 8, 8).unfold(3, 8, 8).mean((-1, -2)) for each in (left, right)]
    disparity = network.disparity(right)[:, 0]  # type: ignore[operator]
    columns, rows = positions(small[1])
    moved = sampled(small[1], columns + disparity, rows.expand_as(disparity), zeros=True)
    blurred = own.reblur(batch.target, found["filters"])
    small_blurry = batch.blurry.unfold(2, 8, 8).unfold(3, 8, 8).mean((-1, -2))
    pairs = [(found["restored"], batch.target), (moved, small[0]), (blurred, small_blurry)]
    return torch.stack([((first - second) ** 2).mean() for first, second in pairs]).sum()


def measured(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Stands for a flow network: the flow depends on which picture comes first."""
    height, width = first.shape[-2:]
    slope = torch.linspace(0.2, 3.0, height)[:, None].expand(height, width)
    by_content = (first.mean() - second.mean()) + first[:, 0] - second[:, 1]
    return torch.stack([slope + by_content, 0.7 - slope.T + 0 * by_content], dim=1).float()


def flow(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        clipped = [each.float().clamp(0, 1) for each in (first, second)]
        return measured(*clipped).double()


def charbonnier(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return ((first - second) ** 2 + 1e-3**2).sqrt().mean()


def in_band(moved_by: torch.Tensor) -> torch.Tensor:
    """1 where the flow is within 35 % of its mean length."""
    length = moved_by.square().sum(dim=1, keepdim=True).sqrt()
    mean = length.mean(dim=(1, 2, 3), keepdim=True)
    return ((length >= 0.65 * mean) & (length <= 1.35 * mean)).double()


def jdrl_loss(network: nn.Module, own: Objective, batch: Batch, epoch: int) -> torch.Tensor:
    """The paper's: cycle deformation and reblurring; flow of the blurry picture for 15 epochs."""
    restored, columns, rows = network(batch.blurry), *positions(batch.blurry)
    seen = batch.blurry if epoch < 15 else restored
    total = 0.5 * charbonnier(own.reblurring(restored, batch.blurry), batch.blurry)
    for fixed, other, by in (
        (restored, batch.target, flow(seen, batch.target)),
        (batch.target, restored, flow(batch.target, seen)),
    ):
        mask = in_band(by)
        assert 0.1 < float(mask.mean()) < 0.9
        moved = sampled(other, columns + by[:, 0], rows + by[:, 1], zeros=False)
        total = total + charbonnier(mask * fixed, mask * moved)
    return total


def released_jdrl_loss(network: nn.Module, _: Objective, batch: Batch, epoch: int) -> torch.Tensor:
    """The code's first phase: one direction alone, on a grid half a pixel off at the borders."""
    assert epoch < 15
    columns, rows = positions(batch.blurry)
    by = flow(batch.blurry, batch.target)
    height, width = batch.blurry.shape[-2:]
    x = (columns + by[:, 0]) * width / (width - 1) - 0.5
    y = (rows + by[:, 1]) * height / (height - 1) - 0.5
    return charbonnier(network(batch.blurry), sampled(batch.target, x, y, zeros=False))


def jdrl(**settings: object) -> Callable[[], Objective]:
    return lambda: JDRLObjective(JDRLSettings(features=8, **settings), measured)  # type: ignore[arg-type]


def ifan() -> Objective:
    values = filter_channels(IFAN_STEPS, IFAN_CHANNELS)
    return IFANObjective(reblur=ReblurNet(values, IFAN_REBLUR_STEPS))


def halved_at_60(epoch: float) -> float:
    return 2e-5 if epoch < 60 else 1e-5


RESTORMER = Published(
    "restormer",
    mean_absolute,
    lambda epoch: cosine(epoch, 92, 300, 3e-4, 1e-6),
    decay=1e-4,
    clip=0.01,
)
NAFNET = Published(
    "nafnet",
    decibels,
    lambda epoch: cosine(epoch, 0, 200, 1e-3, 1e-7),
    betas=(0.9, 0.9),
    decay=1e-3,
    clip=0.01,
)
IFAN = Published(
    "ifan",
    ifan_loss,
    lambda epoch: 1e-4 * (1.0 if epoch < 500 else 0.5 if epoch < 550 else 0.25),
    radam_change,
    decay=0.01,
    clip=0.5,
    objective=ifan,
)
DRBNET = Published("drbnet", mean_absolute, lambda _: 1e-4)
"""Its training is not released; its term over VGG19 is zero here, where the file is not there."""
JDRL = Published("jdrl-unet", jdrl_loss, halved_at_60, epochs=(0, 14, 15), objective=jdrl())
RELEASED_JDRL = Published(
    "jdrl-unet", released_jdrl_loss, halved_at_60, objective=jdrl(reading="official")
)
TRAININGS = {
    "restormer": RESTORMER,
    "nafnet": NAFNET,
    "ifan": IFAN,
    "drbnet": DRBNET,
    "jdrl": JDRL,
    "jdrl as released": RELEASED_JDRL,
}


def named(*modules: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return chain.from_iterable(each.named_parameters() for each in modules)


@pytest.mark.parametrize("name", TRAININGS)
def test_three_steps_are_the_published_ones(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    published = replace(TRAININGS[name], moments={})
    system = baseline(published.system)
    recipe = system.recipe()
    ours = system.narrowed().build().double().train()
    settings = recipe.objective_settings
    own = published.objective or (lambda: objective(recipe.objective, **settings))
    our_objective = own().double().train()
    for module in (ours, our_objective):
        fill_weights(module, 0, gain=0.7)
    theirs, their_objective = copy.deepcopy((ours, our_objective))
    optimisers = make_optimisers(recipe, ours, our_objective)
    batch = paired_batch(32).each(lambda tensor: tensor.double())
    for number, epoch in enumerate(published.epochs, start=1):
        rate = recipe.learning_rate("paper", epoch)
        torch.manual_seed(number)  # dropout
        progress = Progress(number - 1, float(epoch), recipe.warmup_epochs)
        values = optimiser_step(recipe, optimisers, ours, our_objective, batch, progress, rate)
        torch.manual_seed(number)
        for _, parameter in named(theirs, their_objective):
            parameter.grad = None
        loss = published.loss(theirs, their_objective, batch, epoch)
        loss.backward()  # type: ignore[no-untyped-call]
        parameters = [parameter for _, parameter in named(theirs, their_objective)]
        published.step(parameters, number, published.rate(epoch))
        assert values["loss"] == pytest.approx(loss.item(), rel=1e-9)
        check_gradients(named(ours, our_objective), named(theirs, their_objective))
    for (label, mine), (_, other) in zip(
        named(ours, our_objective), named(theirs, their_objective), strict=True
    ):
        torch.testing.assert_close(mine, other, msg=lambda text, at=label: f"{at}: {text}", **EXACT)


def check_gradients(
    ours: Iterator[tuple[str, nn.Parameter]], theirs: Iterator[tuple[str, nn.Parameter]]
) -> None:
    """Of ten tensors spread over what is trained."""
    pairs = [
        (mine, other)
        for (_, mine), (_, other) in zip(ours, theirs, strict=True)
        if other.grad is not None
    ]
    chosen = pairs[:: max(1, len(pairs) // NAMED)]
    assert len(chosen) >= NAMED
    for mine, other in chosen:
        torch.testing.assert_close(mine.grad, other.grad, **EXACT)


@pytest.mark.parametrize("name", TRAININGS)
def test_rates_at_ten_epochs_are_the_published_ones(name):
    published = TRAININGS[name]
    made = baseline(published.system).recipe()
    for tenth in range(10):
        epoch = made.epochs * (tenth + 0.5) / 10
        assert made.learning_rate("paper", epoch) == pytest.approx(published.rate(epoch))
