"""Losses against other people's code, or by hand."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from defocus.baselines.losses.charbonnier import charbonnier
from defocus.baselines.losses.edge import edge, laplacian
from defocus.baselines.losses.frequency import frequency
from defocus.baselines.losses.psnr import negative_psnr
from defocus.baselines.losses.ssim import dissimilarity
from defocus.baselines.objective_registry import loss, losses

NEED_WEIGHTS = {"perceptual", "lpips"}


@pytest.fixture
def pair():
    draw = torch.Generator().manual_seed(3)
    first = torch.rand(2, 3, 24, 21, generator=draw)
    noise = torch.tensor([0.05, 0.2])[:, None, None, None] * torch.randn(
        2, 3, 24, 21, generator=draw
    )
    return first, (first + noise).clamp(0, 1)


@pytest.mark.parametrize("name", sorted(set(losses()) - NEED_WEIGHTS))
def test_every_loss_pulls_towards_the_target(name):
    """Symmetric enough to be least at the target, with finite gradients there and elsewhere."""
    draw = torch.Generator().manual_seed(1)
    target = torch.rand(2, 3, 24, 24, generator=draw)
    compare = loss(name)
    values = []
    for distance in (0.0, 0.05, 0.3):
        output = (
            target + distance * torch.randn(target.shape, generator=draw)
        ).requires_grad_()
        value = compare(output, target)
        value.backward()
        assert value.shape == ()
        assert output.grad is not None
        assert bool(torch.isfinite(output.grad).all())
        values.append(value.item())
    assert values == sorted(values)


def test_charbonnier_by_hand():
    loss = charbonnier(torch.tensor([0.3, 0.0]), torch.tensor([0.0, 0.0]), 0.4)
    assert loss.item() == pytest.approx((0.5 + 0.4) / 2)


def test_psnr_is_that_of_each_picture(pair):
    errors = [
        float(np.mean((a.numpy() - b.numpy()) ** 2)) for a, b in zip(*pair, strict=True)
    ]
    expected = np.mean([10 * math.log10(error) for error in errors])
    assert negative_psnr(*pair).item() == pytest.approx(expected, abs=1e-4)


def test_ssim_is_skimage_s_on_the_valid_pixels(pair):
    maps = [
        structural_similarity(
            a.double().numpy(),
            b.double().numpy(),
            channel_axis=0,
            data_range=1.0,
            gaussian_weights=True,
            use_sample_covariance=False,
            full=True,
        )[1][:, 5:-5, 5:-5]
        for a, b in zip(*pair, strict=True)
    ]
    assert dissimilarity(*pair).item() == pytest.approx(1 - np.mean(maps), abs=1e-5)


def test_frequencies_by_numpy(pair):
    difference = np.fft.fft2(pair[0].numpy()) - np.fft.fft2(pair[1].numpy())
    parts = np.mean([np.abs(difference.real), np.abs(difference.imag)])
    assert frequency(*pair).item() == pytest.approx(parts, rel=1e-4)
    magnitude = frequency(*pair, distance="magnitude").item()
    assert magnitude == pytest.approx(np.abs(difference).mean(), rel=1e-4)
    half = np.abs(difference[..., : 21 // 2 + 1])
    assert frequency(*pair, distance="magnitude", half=True).item() == pytest.approx(
        half.mean(), rel=1e-4
    )


def test_the_laplacian_of_a_flat_picture_is_nothing_inside():
    flat = torch.full((1, 3, 17, 22), 0.6)
    inside = laplacian(flat)[..., 4:-4, 4:-4]
    torch.testing.assert_close(inside, torch.zeros_like(inside), rtol=0, atol=1e-6)


def test_the_laplacian_of_a_point_by_hand():
    """At an even place the point survives the thinning; taps 0.4 and 0.05 meet it again."""
    point = torch.zeros(1, 1, 16, 16)
    point[..., 8, 8] = 1.0
    # kept every second sample of the filter, filtered again
    line = 0.4 * 0.4 + 2 * 0.05 * 0.05
    assert laplacian(point)[0, 0, 8, 8].item() == pytest.approx(
        1 - 4 * line**2, abs=1e-6
    )
    assert edge(point, point).item() == pytest.approx(1e-3)
