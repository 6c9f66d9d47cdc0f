"""DRBNet: kernels, scales, stages of training."""

from pathlib import Path

import pytest
import torch

from defocus.baselines.objective import Batch
from defocus.baselines.objectives.supervised import make
from defocus.baselines.recipes.recipe import Recipe, Schedule
from defocus.baselines.registry import baseline
from defocus.baselines.systems.drbnet.kernels import filtered
from defocus.baselines.systems.drbnet.network import DRBNet
from defocus.baselines.weights_files.store import add_weights
from defocus.benchmark.study.plan import Run
from defocus.benchmark.training.train import train
from defocus.errors import InputError
from tests.baselines.overfitting import loss_falls_to, paired_batch


def test_taps_run_row_by_row_and_borders_are_repeated() -> None:
    picture = torch.rand(1, 3, 9, 10)
    kernels = torch.zeros(1, 49, 9, 10)
    kernels[:, 7 * 0 + 6] = 2.0  # three rows above, three columns to the right
    found = filtered(picture, kernels)
    rows = (torch.arange(9) - 3).clamp(min=0)
    columns = (torch.arange(10) + 3).clamp(max=9)
    torch.testing.assert_close(found, 2 * picture[..., rows, :][..., columns])


@torch.no_grad()
def test_without_kernels_and_residuals_the_eighth_comes_back_in_squares() -> None:
    """Coarse to fine: each scale starts from the one before, every pixel of it four times."""
    network = DRBNet().eval()
    for level in range(4):
        for head in ("kernel", "res"):
            last = network.get_submodule(f"upconv{level}_{head}")[-1]
            layer = last if head == "kernel" else last[0]
            layer.weight.zero_()
            layer.bias.zero_()
    blurry = torch.rand(1, 3, 16, 24)
    small = torch.nn.functional.avg_pool2d(blurry, 8)
    squares = small.repeat_interleave(8, -1).repeat_interleave(8, -2)
    torch.testing.assert_close(network(blurry), squares)
    found = network.outputs(blurry)
    assert [tuple(found[f"scale{level}"].shape[-2:]) for level in (3, 2, 1)] == [
        (2, 3),
        (4, 6),
        (8, 12),
    ]


@torch.no_grad()
def test_the_dual_network_decodes_the_views_right_first_and_filters_the_picture() -> None:
    network = DRBNet(dual=True).eval()
    seen: list[torch.Tensor] = []
    layer = network.get_submodule("conv1_1")[0]
    layer.register_forward_hook(lambda _, given, __: seen.extend(given))
    picture, left, right = torch.rand(3, 1, 3, 16, 16)
    first = network(picture, dual_pixel=torch.cat([left, right], dim=1))
    torch.testing.assert_close(seen[0], 2 * torch.cat([right, left], dim=1) - 1)
    assert not torch.allclose(first, network(1 - picture, dual_pixel=torch.cat([left, right], 1)))


def test_the_second_stage_adds_features_and_starts_from_the_first() -> None:
    second, first = (baseline(name).recipe for name in ("drbnet", "drbnet-dpdd-only"))
    assert first is not None
    assert second is not None
    assert [term["loss"] for term in first().objective_settings["terms"]] == ["l1"]
    assert [term["loss"] for term in second().objective_settings["terms"]] == ["l1", "perceptual"]
    assert (first().paper.start, second().paper.start) == (None, "lfdof")
    assert second().demo.start is None, "no one has LFDOF for a demo"


@pytest.mark.full
def test_a_schedule_starts_from_added_weights(tmp_path: Path) -> None:
    """The same label is refused before anything was added under it."""
    system = baseline("kpac-2level")  # a small one
    settings = {"crop_px": 16, "batch": 1, "learning_rate": 1e-12, "steps": 1, "start": "first"}
    schedule = Schedule.model_validate(settings)
    recipe = Recipe(epochs=1, paper=schedule, quick=schedule, demo=schedule)
    run = Run("kpac-2level-01234567", "group", system, recipe, "demo", 0)
    device = torch.device("cpu")

    def trained() -> torch.nn.Module:
        return train(run, make, Patches(), tmp_path, device).network

    with pytest.raises(InputError, match="first: neither a file nor weights added"):
        trained()
    torch.manual_seed(77)
    state = system.build().state_dict()
    torch.save(state, tmp_path / "first.pth")
    add_weights(system, [tmp_path / "first.pth"])
    found = trained().state_dict()
    for name, entry in state.items():
        torch.testing.assert_close(found[name], entry, rtol=0, atol=1e-9)


class Patches:
    def batch(
        self,
        step: int,
        size: int,
        seed: int,
        crop_px: int | None = None,
        *,
        places: slice = slice(None),
    ) -> Batch:
        return paired_batch(16, size)


@pytest.mark.full
def test_one_batch_is_learnt() -> None:
    torch.manual_seed(0)
    made = baseline("drbnet-dpdd-only").recipe
    assert made is not None
    assert loss_falls_to(DRBNet(), make([{"loss": "l1"}]), made(), paired_batch(), steps=8) < 0.8
