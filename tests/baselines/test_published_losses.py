"""Losses of IFAN and JDRL against the published ones, written anew here.

Only the networks are shared: narrow copies in double precision, so that rounding hides nothing.
"""

import copy
from collections.abc import Callable, Iterator
from itertools import chain

import pytest
import torch
from torch import nn

from defocus.baselines.objective import Batch, Objective, Progress
from defocus.baselines.objectives.ifan import IFANObjective
from defocus.baselines.objectives.jdrl import JDRLObjective
from defocus.baselines.objectives.jdrl.settings import JDRLSettings
from defocus.baselines.registry import baseline
from defocus.baselines.systems.ifan.network import ReblurNet, filter_channels
from tests.baselines.overfitting import paired_batch
from tests.conformance.probe import fill_weights

EXACT = {"rtol": 1e-7, "atol": 1e-13}
NAMED = 10
"""Tensors whose gradients are compared, spread over the network."""
IFAN_CHANNELS, IFAN_STEPS, IFAN_REBLUR_STEPS = 16, 5, 3
"""Of IFAN's narrow copy: channels of its filtered features, filters; and fewer that blur."""

Loss = Callable[[nn.Module, Objective, Batch, int], torch.Tensor]


def sampled(
    picture: torch.Tensor, x: torch.Tensor, y: torch.Tensor, *, zeros: bool
) -> torch.Tensor:
    """Bilinear values at positions ``(N, H, W)`` px; outside zeros, or the border's values."""
    height, width = picture.shape[-2:]
    if not zeros:
        x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    left, top = x.floor(), y.floor()
    total = torch.zeros_like(picture)
    for across, down in ((0, 0), (0, 1), (1, 0), (1, 1)):
        column, row = left + across, top + down
        weight = (1 - (x - column).abs()) * (1 - (y - row).abs())
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        place = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
        index = place.long().flatten(1)[:, None].expand(-1, picture.shape[1], -1)
        values = picture.flatten(2).gather(2, index).reshape(picture.shape)
        total = total + (weight * inside)[:, None] * values
    return total


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
    outputs = network.outputs(batch.blurry)  # type: ignore[operator]
    left, right = batch.supervision["dual_pixel"].split(3, dim=1)
    small = [
        each.unfold(2, 8, 8).unfold(3, 8, 8).mean((-1, -2)) for each in (left, right)
    ]
    disparity = network.disparity(right)[:, 0]  # type: ignore[operator]
    columns, rows = positions(small[1])
    moved = sampled(
        small[1], columns + disparity, rows.expand_as(disparity), zeros=True
    )
    blurred = own.reblur(batch.target, outputs["filters"])
    small_blurry = batch.blurry.unfold(2, 8, 8).unfold(3, 8, 8).mean((-1, -2))
    pairs = [
        (outputs["restored"], batch.target),
        (moved, small[0]),
        (blurred, small_blurry),
    ]
    return torch.stack(
        [((first - second) ** 2).mean() for first, second in pairs]
    ).sum()


def measured(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Stands for a flow network: the flow depends on which picture comes first."""
    height, width = first.shape[-2:]
    slope = torch.linspace(0.2, 3.0, height)[:, None].expand(height, width)
    by_content = (first.mean() - second.mean()) + first[:, 0] - second[:, 1]
    return torch.stack(
        [slope + by_content, 0.7 - slope.T + 0 * by_content], dim=1
    ).float()


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


def jdrl_loss(
    network: nn.Module, own: Objective, batch: Batch, epoch: int
) -> torch.Tensor:
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


def released_jdrl_loss(
    network: nn.Module, _: Objective, batch: Batch, epoch: int
) -> torch.Tensor:
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


PUBLISHED: dict[str, tuple[str, Loss, Callable[[], Objective], int]] = {
    "ifan": ("ifan", ifan_loss, ifan, 0),
    "jdrl, epoch 14": ("jdrl-unet", jdrl_loss, jdrl(), 14),
    "jdrl, epoch 15": ("jdrl-unet", jdrl_loss, jdrl(), 15),
    "jdrl as released": ("jdrl-unet", released_jdrl_loss, jdrl(reading="official"), 2),
}
"""The system, its loss of network, objective, batch and epoch, the objective, and an epoch."""


def named(*modules: nn.Module) -> Iterator[nn.Parameter]:
    return chain.from_iterable(each.parameters() for each in modules)


@pytest.mark.parametrize(
    ("name", "loss", "objective", "epoch"), PUBLISHED.values(), ids=PUBLISHED
)
def test_loss_and_gradients_are_the_published_ones(name, loss, objective, epoch):
    system = baseline(name)
    network, own = (
        system.narrowed().build().double().train(),
        objective().double().train(),
    )
    for module in (network, own):
        fill_weights(module, 0, gain=0.7)
    theirs, their_objective = copy.deepcopy((network, own))
    batch = paired_batch(32).each(lambda tensor: tensor.double())
    torch.manual_seed(1)  # dropout
    own_loss, _ = own(
        network, batch, Progress(0, float(epoch), system.recipe().warmup_epochs)
    )
    torch.manual_seed(1)
    expected = loss(theirs, their_objective, batch, epoch)
    assert own_loss.item() == pytest.approx(expected.item(), rel=1e-9)
    own_loss.backward()
    expected.backward()
    pairs = zip(named(network, own), named(theirs, their_objective), strict=True)
    moved = [(mine.grad, other.grad) for mine, other in pairs if other.grad is not None]
    chosen = moved[:: max(1, len(moved) // NAMED)]
    assert len(chosen) >= NAMED
    for mine, other in chosen:
        torch.testing.assert_close(mine, other, **EXACT)
