"""Selective scan: a state space whose parameters depend on its input.

Source: Gu and Dao, Mamba (2023), section 3; state-spaces/mamba at e9594ce."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from defocus.extras.reconstructions.selective_scan.recurrence import linear_recurrence

STEPS = 32
"""Steps of a chunk."""
CHUNKS = 64
"""Largest number of chunks that are computed side by side."""
ELEMENTS = 2**20
"""Number of values of the state that are computed at a time: this many fit into a processor's
cache, those of a whole picture do not fit into memory."""
FORGOTTEN = -50.0
"""Exponent of the smallest decay, 2e-22: what is left of a state then no longer shows in a sum, and
processors take many times as long for smaller products."""


def selective_scan(
    values: Tensor,
    widths: Tensor,
    decay: Tensor,
    reading: Tensor,
    writing: Tensor,
    skip: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Read a sequence u ``(N, D, L)`` into a decaying state; y and the last state are returned.

    h_t = exp(w_t A) h_(t-1) + w_t B_t u_t,  y_t = C_t h_t + D u_t, from h = 0."""
    # ``widths`` w >= 0 ``(N, D, L)``, ``decay`` A <= 0 ``(D, S)``, ``reading`` B and ``writing`` C
    # ``(N, G, S, L)``, D / G channels in a row a group. The decay is exact, the gain of first
    # order, as in the official code; states are computed again for the gradient.
    wide = torch.promote_types(values.dtype, torch.float32)
    with _without_mixed_precision(values.device.type):
        inputs = [each.to(wide) for each in (values, widths, decay, reading, writing)]
        if values.is_meta:
            parts = [_without_values(*inputs)]
        else:
            parts = [_scan_channels(*part) for part in _channel_parts(*inputs)]
        written = torch.cat([part[0] for part in parts], dim=1)
        if skip is not None:
            written = torch.addcmul(written, skip.to(wide)[:, None], inputs[0])
    return written, torch.cat([part[1] for part in parts], dim=1)


def _without_mixed_precision(device: str) -> AbstractContextManager[object]:
    if torch.amp.is_autocast_available(device):
        return torch.autocast(device, enabled=False)
    return nullcontext()


def _channel_parts(
    values: Tensor,
    widths: Tensor,
    decay: Tensor,
    reading: Tensor,
    writing: Tensor,
) -> Iterator[tuple[Tensor, ...]]:
    """The inputs of some channels of one group at a time, in order."""
    groups = reading.shape[1]
    each = values.shape[1] // groups
    width = max(1, ELEMENTS // (decay.shape[1] * min(values.shape[2], STEPS * CHUNKS)))
    for group in range(groups):
        for first in range(group * each, (group + 1) * each, width):
            some = slice(first, min(first + width, (group + 1) * each))
            yield (
                values[:, some],
                widths[:, some],
                decay[some],
                reading[:, group],
                writing[:, group],
            )


def _without_values(
    values: Tensor,
    widths: Tensor,
    decay: Tensor,
    reading: Tensor,
    writing: Tensor,
) -> tuple[Tensor, Tensor]:
    """Result of a scan for tensors without values, for which only shapes and memory matter.

    All blocks have the same cost, and a picture would need a hundred thousand operations."""
    given = (
        torch.empty_like(values),
        values.new_empty(*values.shape[:2], decay.shape[1]),
    )
    seen, wide, rates, read, write = next(
        _channel_parts(values, widths, decay, reading, writing)
    )
    state = given[1][:, : seen.shape[1]]
    block = slice(STEPS * CHUNKS)
    sequences = (each[..., block] for each in (seen, wide, read, write))
    _scan_block(rates, state, *sequences)
    return given


def _scan_channels(
    values: Tensor,
    widths: Tensor,
    decay: Tensor,
    reading: Tensor,
    writing: Tensor,
) -> tuple[Tensor, Tensor]:
    """The scan of channels that share a group, block by block of time."""
    state = values.new_zeros(*values.shape[:2], decay.shape[1])
    written = []
    for first in range(0, values.shape[2], STEPS * CHUNKS):
        block = slice(first, first + STEPS * CHUNKS)
        seen = values[..., block]
        wide = widths[..., block]
        parts = (decay, state, seen, wide, reading[..., block], writing[..., block])
        if torch.is_grad_enabled():
            output, state = checkpoint(_scan_block, *parts, use_reentrant=False)
        else:
            output, state = _scan_block(*parts)
        written.append(output)
    return torch.cat(written, dim=-1), state


def _scan_block(
    decay: Tensor,
    state: Tensor,
    values: Tensor,
    widths: Tensor,
    reading: Tensor,
    writing: Tensor,
) -> tuple[Tensor, Tensor]:
    """``(N, D, T)`` and ``(N, S, T)``; returns the output and the final state."""
    length = values.shape[-1]
    driven = _chunked(widths * values)[:, :, :, None]
    steps = _chunked(widths)[:, :, :, None]
    rates = decay[..., None]
    gains = driven * _chunked(reading)[:, :, None]
    decays = _decayed(steps * rates)
    total = _decayed(steps.sum(dim=0) * rates)
    states = linear_recurrence(decays, gains, total, state)
    weights = _chunked(writing)[:, :, None]
    written = (states * weights).sum(dim=3)
    output = written.movedim(0, -1).flatten(-2)
    last = states[-1, ..., -1].clone()  # alone: a view would keep all states
    return output[..., :length], last


def _decayed(exponents: Tensor) -> Tensor:
    """The decayed state; see :data:`FORGOTTEN`."""
    return exponents.clamp_min(FORGOTTEN).exp_()


def _chunked(sequence: Tensor) -> Tensor:
    """From ``(..., T)`` to ``(STEPS, ..., chunks)``; missing steps have width 0."""
    missing = -sequence.shape[-1] % STEPS
    padded = functional.pad(sequence, (0, missing))
    chunks = torch.unflatten(padded, -1, (-1, STEPS))
    return chunks.movedim(-1, 0).contiguous()
