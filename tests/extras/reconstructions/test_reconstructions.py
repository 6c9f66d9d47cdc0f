"""Networks rebuilt from abstracts: what their cards must say, their sizes, parts and trainings."""

from functools import partial

import pytest
import torch
from torch import nn

from defocus.baselines.objective import Batch, Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.size import parameter_count
from defocus.extras.reconstructions.baselines.cmddnet.network import CMDDNet
from defocus.extras.reconstructions.baselines.daeformer.attention import (
    ChannelEnhanced,
    SpaceEnhanced,
)
from defocus.extras.reconstructions.baselines.daeformer.network import DAEformer
from defocus.extras.reconstructions.baselines.ggkmnet.network import GGKMNet
from defocus.extras.reconstructions.baselines.pfanet.network import PFANet
from defocus.extras.reconstructions.baselines.swin_diff.diffusion import (
    diffused_prior,
    first_noise,
    noised_prior,
)
from defocus.extras.reconstructions.baselines.swin_diff.network import SwinDiff
from defocus.training.steps.optimisers import make_optimisers, optimiser_step
from tests.baselines.overfitting import loss_falls_to, paired_batch
from tests.baselines.test_reconstructions import says_so

REBUILT = (
    "cmddnet",
    "daeformer",
    "ggkmnet",
    "pfanet",
    "score-sde-defocus",
    "swin-diff",
)


@pytest.mark.parametrize("name", REBUILT)
def test_a_rebuilt_system_says_so(name):
    says_so(baseline(name))


def test_the_printed_size_is_met():
    assert parameter_count(baseline("cmddnet")) == 9_741_731  # printed: 9.74 M


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("cmddnet", partial(CMDDNet, width=8, encoder=(1, 1), middle=1)),
        ("pfanet", partial(PFANet, width=8, encoder=(1, 1), middle=1)),
        ("ggkmnet", GGKMNet),
    ],
)
def test_they_learn_a_batch_by_heart(name, build):
    torch.manual_seed(0)
    recipe = baseline(name).recipe()
    criterion = objective(recipe.objective, **recipe.objective_settings)
    ratio = loss_falls_to(
        build(), criterion, recipe, paired_batch(32), steps=20, learning_rate=3e-3
    )
    assert ratio < 0.85


@pytest.mark.full
def test_swin_diff_learns_a_batch_in_its_second_stage():
    """The picture does; a prior takes longer than a test has."""
    torch.manual_seed(0)
    recipe = baseline("swin-diff").recipe()
    network, criterion = (
        SwinDiff(dim=8, blocks=(1, 2, 1, 1), refinement=1),
        objective("swin_diff"),
    )
    optimisers, batch = make_optimisers(recipe, network, criterion), paired_batch(32)
    pictures = [
        optimiser_step(
            recipe, optimisers, network, criterion, batch, Progress(step, 0.0), 3e-3
        )["picture"]
        for step in range(15)
    ]
    assert pictures[-1] < 0.8 * pictures[0]
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()


@pytest.mark.full
def test_daeformer_learns_from_both_views():
    torch.manual_seed(0)
    recipe = baseline("daeformer").recipe()
    pair = paired_batch(32)
    batch = Batch(pair.supervision["dual_pixel"], pair.target)
    criterion = objective(recipe.objective, **recipe.objective_settings)
    network = DAEformer(dim=16, blocks=(2, 1, 1, 1), refinement=2, heads=(1, 2, 2, 2))
    assert (
        loss_falls_to(network, criterion, recipe, batch, steps=15, learning_rate=3e-3)
        < 0.8
    )


@torch.no_grad()
def test_attention_of_one_kind_is_gated_by_the_other():
    """A gate that is shut in all channels, or at all pixels, leaves nothing."""
    torch.manual_seed(0)
    features = torch.rand(1, 16, 20, 12)
    for layer in (SpaceEnhanced(16, 2, shifted=True), ChannelEnhanced(16, 2)):
        assert layer(features).shape == features.shape
        last = layer.gate[2] if isinstance(layer.gate, nn.Sequential) else layer.gate
        nn.init.constant_(last.bias, -100.0)  # type: ignore[arg-type]
        assert float(layer(features).abs().max()) < 1e-6


@torch.no_grad()
def test_windows_reach_across_their_border_where_they_are_shifted():
    torch.manual_seed(0)
    features = torch.rand(1, 16, 16, 16)
    changed = features.clone()
    changed[0, :, 7, 7] += 1
    reached = []
    for shifted in (False, True):
        layer = SpaceEnhanced(16, 2, shifted=shifted).attention
        reached.append((layer(changed) - layer(features)).abs().amax(dim=(0, 1)) > 1e-6)
    assert reached[0].nonzero().amax(dim=0).tolist() == [7, 7]
    assert reached[1].nonzero().amin(dim=0).tolist() == [4, 4]
    assert reached[1].nonzero().amax(dim=0).tolist() == [11, 11]


@torch.no_grad()
def test_grouped_shares_are_a_mixture_and_a_flat_picture_stays():
    torch.manual_seed(0)
    network = GGKMNet()
    shares = network.mixture(torch.rand(1, 32, 32, 48), torch.rand(1, 32, 16, 24))
    assert shares.shape == (1, 22, 32, 48)
    assert float(shares.min()) >= 0
    torch.testing.assert_close(shares.sum(1), torch.ones(1, 32, 48))
    flat = torch.full((1, 3, 32, 48), 0.4)
    torch.testing.assert_close(network.blurred(flat, shares), flat)
    delta = torch.zeros_like(shares)
    delta[:, 0] = 1
    picture = torch.rand(1, 3, 32, 48)
    torch.testing.assert_close(network.blurred(picture, delta), picture)


def test_swin_diffs_stages_train_what_they_should():
    torch.manual_seed(0)
    network = SwinDiff(dim=8, blocks=(1, 1, 1, 1), refinement=1)
    criterion = objective("swin_diff")
    trained = {}
    for stage, epoch in (("first", 0.0), ("second", 300.0)):
        network.zero_grad()
        criterion.zero_grad()
        loss, _ = criterion(network, paired_batch(32), Progress(0, epoch, 300))
        loss.backward()
        parts = {"transformer": network.transformer, "encoder": network.encoder}
        parts |= {
            "denoiser": network.denoiser,
            "target": criterion.get_submodule("encoder"),
        }
        trained[stage] = {
            name
            for name, part in parts.items()
            if next(part.parameters()).grad is not None
        }
    assert trained["first"] == {"transformer", "target"}
    assert trained["second"] == {"transformer", "encoder", "denoiser"}


@torch.no_grad()
def test_a_denoiser_that_knows_the_noise_gives_the_prior_back():
    """The posterior's mean leads to the clean prior, from any start, where the noise is known."""
    generator = torch.Generator().manual_seed(0)
    wanted = 0.9 * torch.rand(1, 16, 256, generator=generator)
    betas = torch.linspace(0.1, 0.99, 8, dtype=torch.float64)
    kept = torch.cumprod(1 - betas, dim=0)

    class Knows(nn.Module):
        def forward(
            self, noisy: torch.Tensor, time: int, condition: torch.Tensor
        ) -> torch.Tensor:
            share = float(kept[time])
            return (noisy - share**0.5 * condition) / (1 - share) ** 0.5

    start = first_noise(wanted, generator)
    torch.testing.assert_close(
        diffused_prior(Knows(), wanted, start), wanted, rtol=0, atol=1e-5
    )
    assert float((noised_prior(wanted, start) - start).abs().max()) < 1e-3, (
        "nearly pure noise"
    )
