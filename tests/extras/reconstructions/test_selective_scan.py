"""The selective scan against the recurrence step by step: values and gradients."""

from functools import partial

import pytest
import torch

from defocus.extras.reconstructions.selective_scan.mamba import Mamba
from defocus.extras.reconstructions.selective_scan.scan import selective_scan
from defocus.extras.reconstructions.selective_scan.ss2d import SS2D
from defocus.training.memory import LiveBytes
from tests.extras.reconstructions.recurrence import recurrence, sequences

drawn = partial(sequences, channels=4, groups=2, states=3)


@pytest.mark.parametrize("length", [1, 31, 33, 2048, 2500])
def test_equals_the_recurrence_in_float32(length):
    exact = recurrence(*drawn(length))
    given = selective_scan(*(each.float() for each in drawn(length)))
    for result, wanted in zip(given, exact, strict=True):
        assert result.dtype == torch.float32
        scale = float(wanted.abs().max())
        assert float((result - wanted).abs().max()) <= 1e-5 * max(1.0, scale)


def test_gradients_equal_those_of_the_recurrence(monkeypatch):
    """Over two blocks of time, and channels one by one that share what they read."""
    monkeypatch.setattr(
        "defocus.extras.reconstructions.selective_scan.scan.ELEMENTS", 1
    )
    gradients = []
    for scan in (selective_scan, recurrence):
        inputs = [
            each.requires_grad_() for each in sequences(2100, channels=2, states=2)
        ]
        written, state = scan(*inputs)
        loss = (written * torch.linspace(-1, 1, 2100)).sum() + state.square().sum()
        gradients.append(torch.autograd.grad(loss, inputs))
    for gradient, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-9, atol=1e-9)


def test_stays_in_float32_under_mixed_precision():
    inputs = [each.float() for each in drawn(64)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        written, _ = selective_scan(*inputs)
    assert torch.equal(written, selective_scan(*inputs)[0])


@torch.no_grad()
def test_without_values_it_has_the_shapes_and_the_memory_of_any_other():
    seen_shapes = []
    for device in ("cpu", "meta"):
        shapes = (
            (1, 64, 5000),
            (1, 64, 5000),
            (64, 16),
            (1, 1, 16, 5000),
            (1, 1, 16, 5000),
            (64,),
        )
        with torch.no_grad(), LiveBytes() as live:
            given = selective_scan(
                *(torch.zeros(shape, device=device) for shape in shapes)
            )
        seen_shapes.append((*(each.shape for each in given), live.peak))
    (*shapes_with, peak), (*shapes_without, hollow) = seen_shapes
    assert shapes_with == shapes_without
    assert hollow == pytest.approx(peak, rel=0.03)


def test_mamba_sees_the_past_alone_and_ss2d_the_whole_picture():
    torch.manual_seed(0)
    sequence = torch.rand(1, 40, 16)
    changed = sequence.clone()
    changed[0, 20] += 1
    block = Mamba(16)
    difference = (block(changed) - block(sequence)).detach().abs().amax(dim=(0, 2))
    assert float(difference[:20].max()) == 0.0
    assert float(difference[20:].min()) > 0.0
    picture = torch.rand(1, 8, 6, 7)
    other = picture.clone()
    other[0, :, 3, 3] += 1
    scanned = SS2D(8, states=4)
    assert (
        float((scanned(other) - scanned(picture)).detach().abs().amax(dim=1).min())
        > 0.0
    )
