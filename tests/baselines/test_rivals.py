"""DnCNN, FFDNet, CycleGAN: their traps and their training."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from defocus.baselines.objective import Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.cyclegan.critic import Pool
from defocus.baselines.systems.cyclegan.network import Generator
from defocus.baselines.systems.dncnn.network import DnCNN
from defocus.baselines.systems.ffdnet.network import FFDNet
from defocus.training.steps.optimisers import make_optimisers, optimiser_step
from tests.baselines.overfitting import loss_falls_to, paired_batch


@torch.no_grad()
def test_the_normalised_denoiser_is_the_merged_one() -> None:
    """Batch normalisation of eps 1e-4 goes into the convolutions, as in the released weights."""
    torch.manual_seed(0)
    network, merged = DnCNN(depth=5).double().eval(), DnCNN(depth=5, normalised=False).double()
    norms = [layer for layer in network.model if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
        nn.init.uniform_(norm.running_var, 1e-4, 1e-3)  # type: ignore[arg-type]
    ours = [layer for layer in network.model if isinstance(layer, nn.Conv2d)]
    theirs = [layer for layer in merged.model if isinstance(layer, nn.Conv2d)]
    for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        other.load_state_dict(one.state_dict())
        if 0 < index < len(ours) - 1:
            norm = norms[index - 1]
            scale = norm.weight / (norm.running_var + 1e-4).sqrt()  # type: ignore[operator]
            other.weight.mul_(scale[:, None, None, None])
            other.bias.sub_(norm.running_mean).mul_(scale).add_(norm.bias)  # type: ignore[union-attr,arg-type]
    picture = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(network(picture), merged(picture), rtol=1e-9, atol=1e-9)
    for convolution in theirs:
        nn.init.zeros_(convolution.weight)
        nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    assert torch.equal(merged(picture), picture), "it gives what is taken off the picture"


@torch.no_grad()
def test_the_denoiser_is_told_a_level_per_picture() -> None:
    network = FFDNet(width=8, depth=3).eval()
    picture = torch.rand(1, 3, 17, 21).expand(2, -1, -1, -1)
    both = network.denoised(picture, torch.tensor([0.1, 0.4]).view(2, 1, 1, 1))
    assert both.shape == picture.shape
    assert not torch.allclose(both[0], both[1])
    torch.testing.assert_close(
        network(picture)[:1],
        network.denoised(picture[:1], torch.full((1, 1, 1, 1), 15 / 255)),
        rtol=0,
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("name", "build"),
    [("dncnn", partial(DnCNN, depth=5)), ("ffdnet", partial(FFDNet, width=24, depth=4))],
)
def test_denoisers_learn_a_batch_by_heart(name: str, build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    recipe = baseline(name).recipe()
    made = objective(recipe.objective, **recipe.objective_settings)
    assert loss_falls_to(build(), made, recipe, paired_batch(32), steps=25) < 0.8


def test_the_pool_gives_earlier_pictures_and_survives_a_checkpoint() -> None:
    torch.manual_seed(0)
    pool = Pool(3)
    numbered = torch.arange(40.0).view(40, 1, 1, 1).expand(-1, 3, 2, 2)
    given = pool.exchanged(numbered)
    assert torch.equal(given[:3], numbered[:3]), "while it fills, pictures come back at once"
    earlier = (given[:, 0, 0, 0] < numbered[:, 0, 0, 0]).float().mean()
    assert 0.2 < float(earlier) < 0.8
    resumed = Pool(3)
    resumed.load_state_dict(pool.state_dict())
    torch.manual_seed(1)
    first = pool.exchanged(numbered)
    torch.manual_seed(1)
    assert torch.equal(resumed.exchanged(numbered), first)
    assert pool.exchanged(torch.zeros(1, 3, 4, 4)).shape == (1, 3, 4, 4), "of another size"


def test_generators_and_critics_learn_in_turns() -> None:
    torch.manual_seed(0)
    recipe = baseline("cyclegan").recipe()
    network = Generator(width=8, blocks=1).train()
    made = objective("cyclegan", width=8, blocks=1).train()
    batch = paired_batch(32)
    optimisers = make_optimisers(recipe, network, made)
    parts = [
        optimiser_step(recipe, optimisers, network, made, batch, Progress(step, 0.0), 2e-3)
        for step in range(10)
    ]
    assert parts[-1]["cycle"] < 0.8 * parts[0]["cycle"]
    assert parts[-1]["adversary"] < 0.8 * parts[0]["adversary"]
    assert made.adversary is not None
    assert all(parameter.grad is not None for parameter in made.adversary.parameters())
    assert len(made.state_dict()["sharp_pool.pictures"]) == 20
    assert recipe.learning_rate("paper", 100) == 2e-4
    assert recipe.learning_rate("paper", 150) == pytest.approx(1e-4)
