"""MPRNet: its one activation, its patches, its losses."""

import pytest
import torch
from safetensors.torch import load, save

from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.mprnet.network import MPRNet
from tests.baselines.overfitting import loss_falls_to, paired_batch


def narrow() -> MPRNet:
    torch.manual_seed(0)
    return MPRNet(16, 8, 24, 1)


def test_one_activation_serves_all_blocks_and_is_stored_under_each_name() -> None:
    network = narrow()
    state = network.state_dict()
    names = [name for name, entry in state.items() if entry.shape == (1,)]
    assert len(names) == 55 - 3 * 7  # one attention block in each of the three groups, not eight
    assert sum(p.shape == (1,) for p in network.parameters()) == 1
    stored = load(save(dict(state)))
    stored |= dict.fromkeys(names, torch.tensor([0.75]))
    network.load_state_dict(stored, strict=True)
    assert network.get_parameter(names[0]).item() == 0.75
    assert not any("bias" in name for name in state)


@torch.no_grad()
def test_a_stage_sees_its_own_part_of_the_picture() -> None:
    """Stage 1 restores halves from quadrants; stage 2 sees both halves."""
    network = narrow().eval()
    blurry = torch.rand(1, 3, 32, 32)
    changed = blurry.clone()
    changed[..., 24:, 24:] = 0.0
    before, after = network.outputs(blurry), network.outputs(changed)
    moved = {name: before[name] - after[name] for name in before}
    assert not moved["stage1"][..., :16, :].any()
    assert moved["stage1"][..., 16:, :16].any(), "its left quadrant is decoded with it"
    assert moved["stage2"][..., :16, :].any()


def test_losses_and_schedule_are_the_released_ones() -> None:
    made = baseline("mprnet").recipe
    assert made is not None
    recipe = made()
    terms = {(t["loss"], t["of"], t.get("weight", 1.0)) for t in recipe.objective_settings["terms"]}
    stages = ("restored", "stage1", "stage2")
    assert terms == {
        (loss, of, w) for loss, w in (("charbonnier", 1.0), ("edge", 0.05)) for of in stages
    }
    rates = [recipe.learning_rate("paper", epoch) for epoch in (1.5, 3, 3000)]
    assert rates == pytest.approx([1e-4, 2e-4, 1e-6])


def test_one_batch_is_learnt() -> None:
    made = baseline("mprnet").recipe
    assert made is not None
    recipe = made()
    losses = objective(recipe.objective, **recipe.objective_settings)
    assert loss_falls_to(narrow(), losses, recipe, paired_batch(), steps=10) < 0.8
