"""DefocusGAN: masks, critic, the first stage's map and kernels, both objectives."""

import contextlib
import dataclasses
import math
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from defocus.baselines.objective import Batch, Objective, Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.recipe import Schedule
from defocus.baselines.registry import baseline
from defocus.benchmark.study.fit import train
from defocus.benchmark.study.plan import Run
from defocus.extras.adversarial.baselines.defocusgan.blur_map import (
    KERNEL_RADII,
    BlurMapNet,
    KernelBank,
    initial_kernel,
)
from defocus.extras.adversarial.baselines.defocusgan.critic import (
    Critic,
    gradient_penalty,
    patch_blur,
)
from defocus.extras.adversarial.baselines.defocusgan.network import Generator
from defocus.extras.adversarial.objectives.defocusgan import iteration
from defocus.training.record.checkpoint import load_checkpoint
from defocus.training.record.folder import CHECKPOINT
from defocus.training.steps.optimisers import make_optimisers, optimiser_step
from tests.baselines.overfitting import loss_falls_to, paired_batch


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    return Generator(channels=4).eval()


def with_map(batch: Batch, diameter_px: float = 6.0) -> Batch:
    blur = torch.full_like(batch.blurry[:, :1], diameter_px)
    return dataclasses.replace(batch, supervision={"defocus_map": blur})


@torch.no_grad()
def test_masks_hold_in_training_alone_and_fade(generator):
    blurry = torch.rand(1, 3, 32, 32)
    blur = torch.full((1, 1, 32, 32), 6.0)
    plain = generator(blurry)

    def changed(at: int) -> float:
        given = generator.outputs(blurry, defocus_map=blur, iteration=at)["restored"]
        return float((given - plain).abs().max())

    assert changed(20_000) == 0.0
    assert changed(1) > changed(19_999) > 0.0
    given = generator.outputs(blurry, iteration=1)["restored"]
    torch.testing.assert_close(given, plain, rtol=0, atol=0)  # no map, no masks


@torch.no_grad()
def test_a_diameter_of_six_pixels_is_the_second_branch_s(generator):
    """At the first iteration other branches give nothing (but for 1e-8 of it)."""
    blurry, blur = torch.rand(1, 3, 32, 32), torch.full((1, 1, 32, 32), 6.0)
    before = generator.outputs(blurry, defocus_map=blur, iteration=1)["logits"]
    for index, moves in ((0, False), (1, True), (2, False), (3, False)):
        other = Generator(channels=4).eval()
        other.load_state_dict(generator.state_dict())
        for parameter in other.get_submodule(f"layer8.{index}").parameters():
            parameter.add_(0.1)
        after = other.outputs(blurry, defocus_map=blur, iteration=1)["logits"]
        assert (float((after - before).abs().max()) > 1e-4) is moves, index


def test_the_iteration_starts_with_the_tenth_epoch():
    assert iteration(Progress(900, 9.0)) == 1
    assert iteration(Progress(1000, 10.0)) == 2
    assert iteration(Progress(1500, 15.0)) == 502
    assert iteration(Progress(3900, 39.0, warmup_epochs=30)) == 1
    assert iteration(Progress(4500, 45.0, warmup_epochs=30)) == 502


def test_the_critic_has_the_released_size_and_fields():
    critic = Critic()
    assert sum(p.numel() for p in critic.parameters()) == 2_764_737
    names = [name for name in critic.state_dict() if name.endswith("weight")]
    assert names == [f"model.{index}.weight" for index in (0, 2, 5, 8, 11)]
    with torch.no_grad():
        assert Critic(2)(torch.rand(1, 3, 64, 64)).shape[-2:] == (11, 11)


class _Linear(nn.Module):
    """Three times red plus four times green, so its gradient is 5 in every pixel."""

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return 3 * picture[:, :1] + 4 * picture[:, 1:2]


def test_the_penalty_takes_the_norm_over_colours():
    sharp, restored = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    assert float(gradient_penalty(_Linear(), sharp, restored)) == pytest.approx(160.0)


def test_patches_take_the_blur_of_the_nearest_pixel():
    radius = torch.arange(16.0).reshape(1, 1, 4, 4) * -1
    assert patch_blur(radius, torch.zeros(1, 1, 2, 2)).flatten().tolist() == [
        0,
        2,
        8,
        10,
    ]


def test_the_objective_s_terms_come_in_at_their_epochs():
    torch.manual_seed(0)
    network, criterion = (
        Generator(channels=4),
        objective("defocusgan", channels=4, maps="given"),
    )
    batch = with_map(paired_batch(32))
    assert criterion.adversary_loss(network, batch, Progress(5, 5.0)) is None
    loss, parts = criterion(network, batch, Progress(5, 5.0))
    assert "adversarial" not in parts
    # no VGG file, said on stderr
    assert float(loss.detach()) == pytest.approx(0.5 * float(parts["l1"]))
    assert criterion.adversary_loss(network, batch, Progress(6, 6.0)) is not None
    loss, parts = criterion(network, batch, Progress(10, 10.0))
    assert float(loss.detach()) == pytest.approx(
        float(0.5 * parts["l1"] + 0.001 * parts["adversarial"]), rel=1e-5
    )


def test_the_critic_s_loss_by_hand():
    torch.manual_seed(0)
    network, criterion = (
        Generator(channels=4),
        objective("defocusgan", channels=4, maps="given"),
    )
    batch = with_map(paired_batch(32), diameter_px=6.0)
    given = criterion.adversary_loss(network, batch, Progress(6, 6.0))
    assert given is not None
    loss, parts = given
    with torch.no_grad():
        restored = network.outputs(
            batch.blurry, defocus_map=batch.supervision["defocus_map"], iteration=1
        )["restored"]
        apart = (
            criterion.adversary(restored) - criterion.adversary(batch.target)
        ).mean()
    expected = float(apart) * (1 + 0.1 * 3.0) + float(parts["gradient_penalty"])
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.full
def test_both_players_move_and_the_generator_learns_a_batch_by_heart():
    torch.manual_seed(0)
    recipe = baseline("defocusgan").recipe()
    batch = with_map(paired_batch(32))
    criterion = objective("defocusgan", channels=4, maps="given")
    network = Generator(channels=8)
    assert (
        loss_falls_to(network, criterion, recipe, batch, steps=25, learning_rate=4e-3)
        < 0.8
    )
    optimisers = make_optimisers(recipe, network, criterion)
    before = [p.detach().clone() for p in criterion.adversary.parameters()]
    values = optimiser_step(
        recipe,
        optimisers,
        network,
        criterion,
        batch,
        Progress(20, 20.0),
        learning_rate=1e-4,
    )
    assert all(math.isfinite(value) for value in values.values())
    assert {"adversary", "gradient_penalty", "adversarial"} <= set(values)
    after = list(criterion.adversary.parameters())
    assert any(
        not torch.equal(one, other) for one, other in zip(before, after, strict=True)
    )


def moved_by(
    network: nn.Module, criterion: Objective, progress: Progress
) -> tuple[dict[str, float], set[str]]:
    """Values of one step, and the parts whose parameters it changed."""
    recipe = baseline("defocusgan").recipe()
    optimisers, parts = (
        make_optimisers(recipe, network, criterion),
        {"generator": network},
    )
    parts |= dict(criterion.named_children())
    before = {
        name: [p.detach().clone() for p in part.parameters()]
        for name, part in parts.items()
    }
    values = optimiser_step(
        recipe,
        optimisers,
        network,
        criterion,
        paired_batch(32),
        progress,
        learning_rate=1e-4,
    )
    moved = {
        name
        for name, part in parts.items()
        if not all(map(torch.equal, before[name], part.parameters()))
    }
    return values, moved


def test_the_map_is_learnt_first_and_then_stays_as_it_is():
    torch.manual_seed(0)
    network, criterion = Generator(channels=4), objective("defocusgan", channels=4)
    for epoch, expected in (
        (0.0, {"blur_map"}),
        (12.0, {"first_stage"}),
        (30.0, {"generator"}),
        (36.5, {"generator", "adversary"}),
        (41.0, {"generator", "adversary"}),
    ):
        progress = Progress(round(epoch * 10), epoch, warmup_epochs=30)
        values, moved = moved_by(network, criterion, progress)
        assert moved == expected, epoch
        assert ("radius_px" in values) is (epoch < 30)
        assert ("adversarial" in values) is (epoch == 41.0)


@torch.no_grad()
def test_the_second_stage_s_map_is_the_largest_of_the_colours():
    torch.manual_seed(0)
    criterion, batch = objective("defocusgan", channels=4), paired_batch(32)
    radii = criterion.blur_map(batch.supervision["dual_pixel"])
    expected = (
        2 * torch.stack([each.abs() for each in radii.unbind(1)]).max(dim=0).values
    )
    assert torch.equal(criterion._diameter(batch)[:, 0], expected)


def test_its_recipe_has_both_rates():
    both, second = (
        baseline(n).recipe() for n in ("defocusgan", "defocusgan-given-maps")
    )
    assert both.learning_rate("paper", 29.9) == pytest.approx(2e-5)
    for epoch in (0.0, 29.9, 31.0, 65.0, 90.5):
        of_both = both.learning_rate("paper", both.warmup_epochs + epoch)
        assert of_both == pytest.approx(second.learning_rate("paper", epoch))


@pytest.mark.full
def test_a_training_stopped_in_either_stage_goes_on_to_the_bit(tmp_path, monkeypatch):
    monkeypatch.setattr("defocus.training.loop.MINUTE_SECONDS", 0.0)
    system = baseline("defocusgan")
    schedule = Schedule(steps=8, crop_px=32, batch=2, learning_rate=2e-4)
    recipe = system.recipe().model_copy(update={"demo": schedule})
    small = dataclasses.replace(system, build=partial(Generator, channels=4))
    run = Run("gan-01234567", "group", small, recipe, "demo", 0)

    def trained(folder: Path, end: int) -> dict[str, torch.Tensor]:
        class Stopping:
            def batch(
                self,
                step: int,
                size: int,
                seed: int,
                crop_px: int | None = None,
                *,
                places: slice = slice(None),
            ) -> Batch:
                if step == end:
                    raise KeyboardInterrupt
                return paired_batch(32)

        folder.mkdir(exist_ok=True)
        make = partial(objective, "defocusgan", channels=4)
        with contextlib.suppress(KeyboardInterrupt):
            train(run, make, Stopping(), folder, torch.device("cpu"))
        return dict(load_checkpoint(folder / CHECKPOINT, run.id).tensors)

    expected = trained(tmp_path / "whole", -1)
    for stop_at in (1, 6):
        stopped = trained(tmp_path / "parts", stop_at)
        shared = expected.keys() & stopped.keys()
        assert any(not torch.equal(expected[name], stopped[name]) for name in shared)
    state = trained(tmp_path / "parts", -1)
    assert any(name.startswith("objective.blur_map") for name in expected)
    assert expected.keys() == state.keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in expected.items())


def test_the_first_stage_has_the_released_sizes():
    assert sum(p.numel() for p in BlurMapNet().parameters()) == 3_306_755
    assert sum(p.numel() for p in KernelBank().parameters()) == 55_730
    assert len(KERNEL_RADII) == 25


@pytest.mark.parametrize("index", [0, 1, 2, 9, 24])
def test_kernels_start_as_discs_of_their_radius(index):
    kernel = initial_kernel(index)
    side = 2 * KERNEL_RADII[index] + 1
    assert kernel.shape == (side, side)
    assert float(kernel.sum()) == pytest.approx(1.0)
    torch.testing.assert_close(kernel, kernel.flip(0))
    torch.testing.assert_close(kernel, kernel.T)
    if index > 2:  # a bright rim around a dim middle
        middle = KERNEL_RADII[index]
        assert float(kernel[middle, middle]) < 0.5 * float(kernel.max())


@torch.no_grad()
def test_a_map_between_two_radii_blends_their_kernels():
    bank = KernelBank()
    sharp = torch.zeros(1, 3, 15, 15)
    sharp[..., 7, 7] = 1.0
    same = bank(sharp, torch.zeros_like(sharp))
    torch.testing.assert_close(same, sharp)  # two halves of a delta
    blended = bank(sharp, torch.full_like(sharp, -1.25))
    one, two = (
        nn.functional.pad(initial_kernel(i), (e,) * 4) for i, e in ((1, 6), (2, 4))
    )
    torch.testing.assert_close(blended[0, 1], 0.75 * one + 0.25 * two)


@torch.no_grad()
def test_the_map_is_clamped_and_has_the_picture_s_size():
    torch.manual_seed(0)
    network = BlurMapNet(channels=4).eval()
    network.get_submodule("tail_hard.0").weight.mul_(1e4)
    radii = network(torch.rand(2, 6, 17, 40))
    assert radii.shape == (2, 3, 17, 40)
    assert float(radii.abs().max()) == 24.0


def test_map_and_kernels_learn_in_turns():
    torch.manual_seed(0)
    network, criterion = BlurMapNet(channels=4), objective("defocusgan_map")
    batch = paired_batch(16)
    for epoch, of_kernels in ((0.0, False), (10.5, True), (15.0, False), (24.9, True)):
        network.zero_grad()
        criterion.zero_grad()
        loss, _ = criterion(network, batch, Progress(0, epoch))
        loss.backward()
        assert all((p.grad is None) is of_kernels for p in network.parameters())
        assert any(p.grad is not None for p in criterion.parameters()) is of_kernels
    plain, _ = criterion(network, batch, Progress(2999, 0.0))
    with_variation, _ = criterion(network, batch, Progress(3000, 0.0))
    assert float(with_variation.detach()) > float(plain.detach())
