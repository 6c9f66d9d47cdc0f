"""NRKNet: its blur, its series, its colours and its objective."""

import pytest
import torch
from torch import nn

from defocus.baselines.objective import Batch, Progress
from defocus.baselines.objective_registry import objective
from defocus.baselines.objectives.nrknet import squares_and_frequencies
from defocus.baselines.registry import baseline
from defocus.baselines.systems.nrknet.blur import RecursiveBlur
from defocus.baselines.systems.nrknet.network import NRKNet
from tests.baselines.overfitting import loss_falls_to, paired_batch


@pytest.fixture(scope="module")
def network() -> NRKNet:
    torch.manual_seed(0)
    return NRKNet().eval()


@torch.no_grad()
def test_atoms_are_blurred_again_and_again() -> None:
    torch.manual_seed(0)
    blur = RecursiveBlur()
    picture = torch.rand(1, 3, 9, 11)
    atoms = blur(picture).view(22, 3, 9, 11)
    torch.testing.assert_close(atoms[0], picture[0], rtol=0, atol=0)
    outer, middle = blur.kernels[3 * 4 + 1, 0, 0].exp().tolist()  # fifth step, green
    taps = torch.tensor([outer, middle, outer]) / (2 * outer + middle)
    before = nn.functional.pad(atoms[4, 1][None, None], (1, 1, 1, 1), mode="reflect")[0, 0]
    expected = torch.stack([taps @ before[2:5, column : column + 3] @ taps for column in range(11)])
    torch.testing.assert_close(atoms[5, 1, 2], expected)


@torch.no_grad()
def test_a_series_of_an_exact_blur_tends_to_the_inverse(network: NRKNet) -> None:
    """With weights 1 on the picture's own atom and a sum of half of it, (1 - 1/2)^k remain."""
    summed = network.SummationLayer.conv
    kept = summed.weight.clone(), summed.bias.clone()
    nn.init.zeros_(summed.weight)
    nn.init.zeros_(summed.bias)
    for colour in range(3):
        summed.weight[colour, colour] = 0.5
    picture = torch.rand(1, 3, 8, 8)
    total, last = network._series(picture, torch.ones(1, 66, 8, 8), 3)
    summed.weight[:], summed.bias[:] = kept
    torch.testing.assert_close(last, picture / 8)
    torch.testing.assert_close(total, picture * (1 + 1 / 2 + 1 / 4 + 1 / 8))


@torch.no_grad()
def test_colours_are_bgr_inside_and_the_frame_is_a_reflection(network: NRKNet) -> None:
    blurry = torch.rand(1, 3, 45, 50)
    padded = nn.functional.pad(blurry, (7, 7, 1, 2), mode="reflect")
    seen: list[torch.Tensor] = []
    handle = network.feat_extract[0].register_forward_hook(
        lambda _, given, __: seen.append(given[0])
    )
    outputs = network.outputs(blurry)
    handle.remove()
    torch.testing.assert_close(seen[-1], padded.flip(1), rtol=0, atol=0)
    torch.testing.assert_close(seen[0], padded.flip(1)[..., ::4, ::4], rtol=0, atol=0)
    alone = network(padded)[..., 1:46, 7:57]
    torch.testing.assert_close(outputs["restored"], alone)


@torch.no_grad()
def test_small_pictures_are_reflected_to_32_px(network: NRKNet) -> None:
    assert network(torch.rand(1, 3, 16, 17)).shape == (1, 3, 16, 17)


@torch.no_grad()
def test_the_blur_that_is_found_is_laid_on_the_sharp_picture(network: NRKNet) -> None:
    """Reblurring the blurry picture itself is the first step of the series, at every scale."""
    blurry = torch.rand(1, 3, 32, 32)
    outputs = network.outputs(blurry, blurry)
    for name, side in (("quarter", 8), ("half", 16), ("full", 32)):
        assert outputs[f"reblurred_{name}"].shape[-1] == side
    every = blurry[..., ::2, ::2]
    torch.testing.assert_close(outputs["blurry_half"], every, rtol=0, atol=0)


@torch.no_grad()
def test_the_paper_adds_the_reblurring_and_the_code_leaves_it_out(network: NRKNet) -> None:
    batch = paired_batch(64, count=1)
    paper, parts = objective("nrknet")(network, batch, Progress(0, 0.0))
    official, _ = objective("nrknet", reblurring=0.0)(network, batch, Progress(0, 0.0))
    assert parts["reblurring"] > 0
    assert float(official) == pytest.approx(float(parts["restoring"]))
    assert float(paper - official) == pytest.approx(float(parts["reblurring"]), rel=1e-4)


@torch.no_grad()
def test_structure_alone_counts_in_its_turns(network: NRKNet) -> None:
    made = objective("nrknet", reblurring=0.0)
    batch = paired_batch(64, count=1)
    losses = {
        epoch: float(made(network, batch, Progress(0, epoch))[0])
        for epoch in (0.0, 999.0, 1000.0, 1100.0, 1101.0, 1199.0, 1200.0)
    }
    by_structure = {epoch for epoch, value in losses.items() if value != losses[0.0]}
    assert by_structure == {1101.0, 1199.0}
    assert losses[1101.0] <= 2 * 2.5  # four dissimilarities of at most 2, weights sum to 2.5


def test_it_trains_no_other_network() -> None:
    batch = Batch(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))
    with pytest.raises(TypeError, match="Conv2d"):
        objective("nrknet")(nn.Conv2d(3, 3, 1), batch, Progress(0, 0.0))


def test_the_rate_falls_as_in_the_released_script() -> None:
    recipe = baseline("nrknet").recipe()
    rates = [recipe.learning_rate("paper", epoch) for epoch in (1999, 2000, 3000, 3001, 4001)]
    assert rates == pytest.approx([1e-4, 5e-5, 5e-5, 2.5e-5, 1e-5])


@pytest.mark.full
def test_it_learns_a_batch_by_heart() -> None:
    torch.manual_seed(0)
    recipe = baseline("nrknet").recipe()
    made = objective(recipe.objective, **recipe.objective_settings)
    assert loss_falls_to(NRKNet(), made, recipe, paired_batch(32), steps=6) < 0.8


def test_frequencies_are_the_sum_of_both_parts() -> None:
    """A constant difference d is d per value in the spectrum's real part, nothing in the other."""
    target = torch.rand(2, 3, 8, 12)
    found = squares_and_frequencies(target + 0.2, target)
    assert float(found) == pytest.approx(0.2**2 + 0.1 * 0.2, rel=1e-4)
