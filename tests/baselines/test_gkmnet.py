"""GKMNet: its banks, its pyramid, its alternating training."""

import pytest
import torch
from torch import nn

from defocus.baselines.objective import Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.gkmnet.kernels import GroupedBank, InterleavedBank
from defocus.baselines.systems.gkmnet.network import GKMNet
from tests.baselines.overfitting import loss_falls_to, paired_batch

SIDES = [1, 3, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15, 17, 17, 19, 19, 21, 21]


def kernels() -> torch.Tensor:
    """The bank in two dimensions, ``(22, 21, 21)`` float64, from the definition."""
    made = torch.zeros(22, 21, 21, dtype=torch.float64)
    made[0, 10, 10] = 1.0
    for number, side in enumerate(SIDES[1:], start=1):
        place = torch.arange(side, dtype=torch.float64) - side // 2
        gaussian = torch.exp(-(place[:, None] ** 2 + place**2) / (2 * (0.25 * number) ** 2))
        inside = slice(10 - side // 2, 11 + side // 2)
        made[number, inside, inside] = gaussian / gaussian.sum()
    return made


@torch.no_grad()
def test_released_colours_meet_different_thirds_of_the_bank() -> None:
    picture = torch.rand(2, 3, 23, 30)
    repeated = kernels().repeat_interleave(3, dim=0)[:, None].float()
    expected = nn.functional.conv2d(picture, repeated, padding=10, groups=3)
    torch.testing.assert_close(GroupedBank()(picture), expected, rtol=0, atol=1e-6)
    weights = torch.rand(1, 22, 1, 1)
    assert torch.equal(GroupedBank.spread(weights)[0, 22:44], weights[0])


@torch.no_grad()
def test_updated_colours_meet_all_kernels_and_reflections() -> None:
    picture = torch.rand(1, 3, 23, 30)
    padded = nn.functional.pad(picture, (10, 10, 10, 10), mode="reflect")
    blurred = [
        nn.functional.conv2d(padded, kernel.float().expand(3, 1, 21, 21), groups=3)
        for kernel in kernels()
    ]
    torch.testing.assert_close(InterleavedBank()(picture), torch.cat(blurred, 1), rtol=0, atol=1e-6)
    weights = torch.rand(1, 22, 1, 1)
    assert torch.equal(InterleavedBank.spread(weights)[0, 3:6], weights[0, 1].expand(3, 1, 1))


@pytest.mark.parametrize("bank", [GroupedBank, InterleavedBank])
@torch.no_grad()
def test_a_small_bank_has_evenly_spaced_kernels_of_the_whole_one(
    bank: type[GroupedBank] | type[InterleavedBank],
) -> None:
    whole, third = InterleavedBank().taps[::3], bank(7).taps
    assert torch.equal(third.unique(dim=0), whole[::3].unique(dim=0))
    picture = torch.rand(1, 3, 16, 16)
    assert bank(7)(picture).shape == (1, 3 * 8, 16, 16)
    assert bank.spread(torch.rand(1, 8, 4, 4)).shape == (1, 3 * 8, 4, 4)


@torch.no_grad()
def test_the_picture_stands_in_a_black_frame_and_is_halved_as_pil_does() -> None:
    torch.manual_seed(0)
    network = GKMNet().eval()
    blurry = torch.rand(1, 3, 27, 32)
    full = nn.functional.pad(blurry, (0, 0, 2, 3))
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    inside = torch.einsum("nchw,h,w->nc", full[..., 5:9, 7:11], taps, taps)
    seen: list[torch.Tensor] = []
    network.in_block.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    outputs = network.outputs(blurry)
    torch.testing.assert_close(seen[-1], full, rtol=0, atol=0)
    torch.testing.assert_close(seen[-2][..., 3, 4], inside)
    assert [tuple(each.shape[-2:]) for each in outputs.values()] == [(27, 32), (16, 16), (8, 8)]


def test_structure_has_its_turns() -> None:
    recipe = baseline("gkmnet").recipe()
    made = objective(recipe.objective, **recipe.objective_settings)
    network = GKMNet().eval()
    batch = paired_batch(64, count=1)

    def kind(epoch: float) -> set[str]:
        parts = made(network, batch, Progress(0, epoch))[1]
        return {name.split("_")[0] for name in parts}

    with torch.no_grad():
        turns = {epoch: kind(epoch) for epoch in (999.9, 1000.0, 1099.9, 1100.0, 1200.0)}
    assert list(turns.values()) == [{"l2"}, {"ssim"}, {"ssim"}, {"l2"}, {"ssim"}]


def test_recipes_are_the_authors() -> None:
    first, updated = (baseline(name).recipe() for name in ("gkmnet", "gkmnet-updating"))
    assert (first.epochs, updated.epochs) == (4000, 3000)
    rates = [first.learning_rate("paper", epoch) for epoch in (0, 2999, 3000)]
    assert rates == pytest.approx([1e-4, 1e-4, 1e-5])
    assert updated.learning_rate("paper", 2999) == pytest.approx(1e-4)


@pytest.mark.full
@pytest.mark.parametrize("name", ["gkmnet", "gkmnet-updating"])
def test_it_learns_a_batch_by_heart(name: str) -> None:
    torch.manual_seed(0)
    recipe = baseline(name).recipe()
    made = objective(recipe.objective, **recipe.objective_settings)
    network = baseline(name).build()
    assert loss_falls_to(network, made, recipe, paired_batch(32), steps=6) < 0.8
