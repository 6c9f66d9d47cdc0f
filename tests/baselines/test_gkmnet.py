"""GKMNet: its banks, its pyramid, its alternating training."""

import pytest
import torch

from defocus.baselines.objective import Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.gkmnet.kernels import GroupedBank, InterleavedBank
from defocus.baselines.systems.gkmnet.network import GKMNet
from tests.baselines.overfitting import paired_batch


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
