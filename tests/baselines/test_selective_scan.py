"""The selective scan against the recurrence step by step: values, gradients, time."""

import time

import pytest
import torch

from defocus.baselines.selective_scan.mamba import Mamba
from defocus.baselines.selective_scan.scan import selective_scan
from defocus.baselines.selective_scan.ss2d import SS2D

Inputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def drawn(
    length: int, *, channels: int = 4, groups: int = 2, states: int = 3, seed: int = 0
) -> Inputs:
    """Two sequences in float64; decays from nearly 1 down to what float32 cannot hold."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    decay = -torch.logspace(-3, 2.5, channels * states, dtype=torch.float64)
    return (
        normal(2, channels, length),
        normal(2, channels, length).abs(),
        decay.view(channels, states),
        normal(2, groups, states, length),
        normal(2, groups, states, length),
    )


def recurrence(
    values: torch.Tensor,
    widths: torch.Tensor,
    decay: torch.Tensor,
    reading: torch.Tensor,
    writing: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """A step at a time."""
    shared = values.shape[1] // reading.shape[1]
    read, write = (each.repeat_interleave(shared, dim=1) for each in (reading, writing))
    state = values.new_zeros(*values.shape[:2], decay.shape[1])
    written = []
    for step in range(values.shape[2]):
        width = widths[:, :, step, None]
        gain = width * read[..., step] * values[:, :, step, None]
        state = (width * decay).exp() * state + gain
        written.append((state * write[..., step]).sum(-1))
    return torch.stack(written, dim=-1), state


@pytest.mark.parametrize("length", [1, 31, 33, 2048, 2500])
def test_equals_the_recurrence_in_float32(length: int) -> None:
    exact = recurrence(*drawn(length))
    given = selective_scan(*(each.float() for each in drawn(length)))
    for ours, wanted in zip(given, exact, strict=True):
        assert ours.dtype == torch.float32
        scale = float(wanted.abs().max())
        assert float((ours - wanted).abs().max()) <= 1e-5 * max(1.0, scale)


def test_gradients_equal_those_of_the_recurrence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over two blocks of time, and channels one by one that share what they read."""
    monkeypatch.setattr("defocus.baselines.selective_scan.scan.ELEMENTS", 1)
    gradients = []
    for scan in (selective_scan, recurrence):
        inputs = [each.requires_grad_() for each in drawn(2100, channels=2, groups=1, states=2)]
        written, state = scan(*inputs)
        loss = (written * torch.linspace(-1, 1, 2100)).sum() + state.square().sum()
        gradients.append(torch.autograd.grad(loss, inputs))
    for ours, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-9, atol=1e-9)


def test_stays_in_float32_under_mixed_precision() -> None:
    inputs = [each.float() for each in drawn(64)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        written, _ = selective_scan(*inputs)
    assert torch.equal(written, selective_scan(*inputs)[0])


def seconds(length: int, scan: object) -> float:
    """Processor time, the best of three."""
    assert callable(scan)
    inputs = [each.float() for each in drawn(length, channels=32, groups=1, states=16)]
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        with torch.no_grad():
            scan(*inputs)
        best = min(best, time.process_time() - started)
    return best


def test_faster_than_a_loop_and_linear_in_the_pixels() -> None:
    """Four times the pixels are four times the time; the margin is for a busy machine."""
    short, long = seconds(4096, selective_scan), seconds(16384, selective_scan)
    assert seconds(4096, recurrence) > 2 * short
    assert long < 8 * short


@torch.no_grad()
def test_mamba_sees_the_past_alone_and_ss2d_the_whole_picture() -> None:
    torch.manual_seed(0)
    sequence = torch.rand(1, 40, 16)
    changed = sequence.clone()
    changed[0, 20] += 1
    block = Mamba(16)
    difference = (block(changed) - block(sequence)).abs().amax(dim=(0, 2))
    assert float(difference[:20].max()) == 0.0
    assert float(difference[20:].min()) > 0.0
    picture = torch.rand(1, 8, 6, 7)
    other = picture.clone()
    other[0, :, 3, 3] += 1
    scanned = SS2D(8, states=4)
    assert float((scanned(other) - scanned(picture)).abs().amax(dim=1).min()) > 0.0
