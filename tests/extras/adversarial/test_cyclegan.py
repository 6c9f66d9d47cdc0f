"""CycleGAN: its pool of pictures, and its training in turns."""

import pytest
import torch

from defocus.baselines.objective import Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.extras.adversarial.baselines.cyclegan.critic import Pool
from defocus.extras.adversarial.baselines.cyclegan.network import Generator
from defocus.training.steps.optimisers import make_optimisers, optimiser_step
from tests.baselines.overfitting import paired_batch


def test_the_pool_gives_earlier_pictures_and_survives_a_checkpoint():
    torch.manual_seed(0)
    pool = Pool(3)
    numbered = torch.arange(40.0).view(40, 1, 1, 1).expand(-1, 3, 2, 2)
    given = pool.exchanged(numbered)
    assert torch.equal(given[:3], numbered[:3]), (
        "while it fills, pictures come back at once"
    )
    earlier = (given[:, 0, 0, 0] < numbered[:, 0, 0, 0]).float().mean()
    assert 0.2 < float(earlier) < 0.8
    resumed = Pool(3)
    resumed.load_state_dict(pool.state_dict())
    torch.manual_seed(1)
    first = pool.exchanged(numbered)
    torch.manual_seed(1)
    assert torch.equal(resumed.exchanged(numbered), first)
    assert pool.exchanged(torch.zeros(1, 3, 4, 4)).shape == (1, 3, 4, 4), (
        "of another size"
    )


def test_generators_and_critics_learn_in_turns():
    torch.manual_seed(0)
    recipe = baseline("cyclegan").recipe()
    network = Generator(width=8, blocks=1).train()
    criterion = objective("cyclegan", width=8, blocks=1).train()
    batch = paired_batch(32)
    optimisers = make_optimisers(recipe, network, criterion)
    parts = [
        optimiser_step(
            recipe, optimisers, network, criterion, batch, Progress(step, 0.0), 2e-3
        )
        for step in range(10)
    ]
    assert parts[-1]["cycle"] < 0.8 * parts[0]["cycle"]
    assert parts[-1]["adversary"] < 0.8 * parts[0]["adversary"]
    assert criterion.adversary is not None
    assert all(
        parameter.grad is not None for parameter in criterion.adversary.parameters()
    )
    assert len(criterion.state_dict()["sharp_pool.pictures"]) == 20
    assert recipe.learning_rate("paper", 100) == 2e-4
    assert recipe.learning_rate("paper", 150) == pytest.approx(1e-4)
