"""What every registered system must keep, whoever wrote it."""

import functools

import pytest
import torch
from safetensors.torch import save
from torch import nn

from defocus.baselines.objectives.objective import Batch, Progress
from defocus.baselines.registry import all_baselines, baseline, objective

SYSTEMS = sorted(all_baselines())
TRAINED = [name for name in SYSTEMS if baseline(name).recipe is not None]


@functools.cache
def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    return baseline(name).build().eval()


def pictures(name: str, count: int, height: int, width: int) -> torch.Tensor:
    channels = 6 if baseline(name).card.input == "dual" else 3
    generator = torch.Generator().manual_seed(height * width)
    return torch.rand(count, channels, height, width, generator=generator)


@torch.no_grad()
def restore(name: str, blurry: torch.Tensor) -> torch.Tensor:
    return built(name)(blurry)


@pytest.mark.parametrize("size", [(16, 16), (17, 16), (16, 31), (33, 50), (64, 48)])
@pytest.mark.parametrize("name", SYSTEMS)
def test_any_size_in_is_the_size_out(name: str, size: tuple[int, int]) -> None:
    restored = restore(name, pictures(name, 1, *size))
    assert restored.shape == (1, 3, *size)
    assert restored.dtype == torch.float32
    assert torch.isfinite(restored).all()


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_batch_gives_what_its_members_give(name: str) -> None:
    batch = pictures(name, 3, 37, 45)
    single = torch.cat([restore(name, one[None]) for one in batch])
    torch.testing.assert_close(restore(name, batch), single, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", SYSTEMS)
def test_twice_gives_what_once_gives_and_leaves_the_input(name: str) -> None:
    blurry = pictures(name, 1, 40, 33)
    kept = blurry.clone()
    first = restore(name, blurry).clone()
    torch.testing.assert_close(restore(name, blurry), first, rtol=0, atol=0)
    torch.testing.assert_close(blurry, kept, rtol=0, atol=0)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", SYSTEMS)
def test_flat_and_saturated_pictures_give_finite_ones(name: str, value: float) -> None:
    blurry = torch.full_like(pictures(name, 1, 32, 40), value)
    assert torch.isfinite(restore(name, blurry)).all()
    blurry[..., :16] = 1.0
    assert torch.isfinite(restore(name, blurry)).all()


@pytest.mark.parametrize("epoch", [0.0, 50.0])
@pytest.mark.parametrize("name", TRAINED)
def test_a_training_step_gives_finite_gradients(name: str, epoch: float) -> None:
    recipe = baseline(name).recipe
    assert recipe is not None
    settings = recipe()
    network = baseline(name).build().train()
    loss_of = objective(settings.objective, **settings.objective_settings).train()
    batch = Batch(pictures(name, 1, 32, 32), torch.rand(1, 3, 32, 32))
    loss, parts = loss_of(network, batch, Progress(0, epoch, settings.warmup_epochs))
    loss.backward()
    assert loss.shape == ()
    assert all(isinstance(value, float) for value in parts.values())
    gradients = [p.grad for p in network.parameters() if p.requires_grad]
    assert all(g is not None and torch.isfinite(g).all() for g in gradients)
    assert sum(float(g.abs().sum()) for g in gradients if g is not None) > 0


@pytest.mark.parametrize("name", TRAINED)
def test_recipes_have_all_budgets(name: str) -> None:
    recipe = baseline(name).recipe
    assert recipe is not None
    settings = recipe()
    assert settings.schedule("paper").steps is None  # the paper counts epochs
    demo, quick = settings.schedule("demo").steps, settings.schedule("quick").steps
    assert demo is not None
    assert quick is not None
    assert demo <= quick


@pytest.mark.parametrize("name", SYSTEMS)
def test_cards_say_what_a_reader_needs(name: str) -> None:
    card = baseline(name).card
    for text in (card.display_name, card.source, card.follows, card.licence):
        assert text.strip() == text
        assert len(text) > 3
    assert card.kind == "objective" or not name.startswith("jdrl-")


@pytest.mark.parametrize("name", SYSTEMS)
def test_weights_can_be_stored_as_safetensors(name: str) -> None:
    assert save(dict(built(name).state_dict()))
