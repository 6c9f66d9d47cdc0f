"""P2IKT: its bank, its scrambled kernels, its recipe."""

import pytest
import torch

from defocus.baselines.objective_registry import objective
from defocus.baselines.registry import baseline
from defocus.baselines.systems.p2ikt.kernels import KernelFeatures, inverse_gaussians
from defocus.baselines.systems.p2ikt.network import P2IKT
from tests.baselines.overfitting import loss_falls_to, paired_batch


def test_the_bank_is_an_unshifted_inverse_in_absolute_values() -> None:
    bank = inverse_gaussians()
    assert bank.shape == (6, 5, 5)
    delta = torch.zeros(5, 5)
    delta[2, 2] = 1.0
    torch.testing.assert_close(bank[0], delta)
    assert float(bank.min()) >= 0
    # sigma 0.25 on 3 px is nearly a delta in the middle, (1, 1). Its spectrum has the phase of
    # that shift, the inverse the opposite one: the peak is at (-1, -1) = (2, 2) of the 3 x 3 part.
    peak = divmod(int(bank[1].argmax()), 5)
    assert peak == (3, 3)
    assert float(bank[1][0].abs().max()) == 0.0  # padded after the inversion
    assert float(bank[1].sum()) != pytest.approx(1.0, abs=1e-3)  # and not normalised


def test_red_meets_the_first_two_kernels_alone() -> None:
    rows = KernelFeatures().bank[:, 0]
    bank = inverse_gaussians()
    for index, row in enumerate(rows):
        torch.testing.assert_close(row, bank[index // 3])
    assert rows.shape[0] == 18  # six rows a group: red has kernels 0 and 1, blue 4 and 5


@torch.no_grad()
def test_predicted_kernels_are_one_over_all_colours_and_per_picture() -> None:
    torch.manual_seed(0)
    predictor = KernelFeatures().adaption_conv.eval()
    pictures = torch.rand(2, 3, 16, 20)
    filtered = predictor(pictures)
    assert torch.equal(filtered[:, 0], filtered[:, 2])
    values = predictor.ConvNet(pictures)
    assert values.shape == (2, 25, 3, 1)
    kernel = values[0].flatten().reshape(3, 5, 5)  # the memory as it lies
    expected = (kernel * pictures[0, :, 6:11, 8:13]).sum()
    torch.testing.assert_close(filtered[0, 0, 8, 10], expected)


@torch.no_grad()
def test_corrected_every_colour_meets_all_kernels_and_has_its_own() -> None:
    torch.manual_seed(0)
    corrected = KernelFeatures(corrected=True).eval()
    bank = inverse_gaussians()
    for colour in range(3):
        torch.testing.assert_close(corrected.bank[6 * colour : 6 * colour + 6, 0], bank)
    pictures = torch.rand(2, 3, 16, 20)
    predictor = corrected.adaption_conv
    taps = predictor.ConvNet(pictures)[1, :, 2, 0]
    assert float(taps.sum()) == pytest.approx(1.0)
    expected = (taps.reshape(5, 5) * pictures[1, 2, 6:11, 8:13]).sum()
    torch.testing.assert_close(predictor(pictures)[1, 2, 8, 10], expected)
    official, mended = (baseline(name).recipe() for name in ("p2ikt", "p2ikt-corrected"))
    lpips = [made.objective_settings["terms"][2]["settings"] for made in (official, mended)]
    assert lpips == [{"normalise": False}, {"normalise": True}]


@torch.no_grad()
def test_scales_see_every_second_and_fourth_pixel() -> None:
    torch.manual_seed(0)
    network = P2IKT(width=8, deep=16).eval()
    blurry = torch.rand(1, 3, 48, 64)
    other = blurry.clone()
    other[..., 1::4, :] = 0.5  # rows that the coarser scales do not see
    first, second = network.outputs(blurry), network.outputs(other)
    for name in ("quarter", "half"):
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)
    assert not torch.equal(first["restored"], second["restored"])
    assert first["half"].shape == (1, 3, 24, 32)


@torch.no_grad()
def test_the_smallest_picture_is_reflected_to_what_the_predictor_needs() -> None:
    network = P2IKT(width=8, deep=16).eval()
    given = network.outputs(torch.rand(1, 3, 16, 19))
    assert given["restored"].shape == (1, 3, 16, 19)
    assert given["quarter"].shape == (1, 3, 4, 5)


def test_it_learns_a_batch_by_heart() -> None:
    torch.manual_seed(0)
    recipe = baseline("p2ikt").recipe()
    made = objective(recipe.objective, **recipe.objective_settings)
    network = P2IKT(width=16, deep=16)
    assert loss_falls_to(network, made, recipe, paired_batch(32), steps=6) < 0.8
