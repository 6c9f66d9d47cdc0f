"""Parallel linear recurrences h_t = a_t h_(t-1) + b_t, without a step per pixel.

Sequences are ``(K, ..., C)``: C chunks of K steps; step t is ``[t % K, ..., t // K]``."""

from typing import Any

import torch
from torch import Tensor


def linear_recurrence(
    decay: Tensor,
    gain: Tensor,
    total: Tensor,
    start: Tensor,
) -> Tensor:
    """The states after each step; differentiable. ``start`` is that before the first, ``(...)``.

    ``decay`` is a in [0, 1], ``gain`` b, ``total`` the product of a chunk's decays, ``(..., C)``.
    """
    # Chunks go side by side: what each ends with from nothing, what it really starts with, all
    # again from there. Nothing is divided by a decay, which may be 0. The ``total`` is given, as a
    # product step by step passes through numbers so small that processors take far longer for them.
    states: Tensor = _Recurrence.apply(decay, gain, total, start)
    return states


class _Recurrence(torch.autograd.Function):
    """The gradient of a recurrence is a recurrence backwards in time with the same decays."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - PyTorch's own context
        decay: Tensor,
        gain: Tensor,
        total: Tensor,
        start: Tensor,
    ) -> Tensor:
        states = _scan(decay, gain, total, start, backwards=False)
        ctx.save_for_backward(decay, states, total, start)
        return states

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401 - PyTorch's own context
        *gradients: Tensor,
    ) -> tuple[Tensor, Tensor, None, Tensor]:
        decay, states, total, start = ctx.saved_tensors
        (of_states,) = gradients
        nothing = torch.zeros_like(start)
        passed = _scan(decay, decay * of_states, total, nothing, backwards=True)
        of_gain = of_states.clone()
        of_gain[:-1] += passed[1:]
        of_gain[-1, ..., :-1] += passed[0, ..., 1:]
        of_decay = torch.empty_like(decay)
        torch.mul(of_gain[1:], states[:-1], out=of_decay[1:])
        of_decay[0, ..., 1:] = of_gain[0, ..., 1:] * states[-1, ..., :-1]
        of_decay[0, ..., 0] = of_gain[0, ..., 0] * start
        return of_decay, of_gain, None, passed[0, ..., 0]


def _scan(
    decay: Tensor,
    gain: Tensor,
    total: Tensor,
    start: Tensor,
    *,
    backwards: bool,
) -> Tensor:
    states = torch.empty_like(gain)
    steps = list(zip(gain.unbind(), decay.unbind(), states.unbind(), strict=True))
    if backwards:
        steps.reverse()
    end = torch.zeros_like(total)
    for added, kept, _ in steps:
        torch.addcmul(added, kept, end, out=end)
    before = _starts(total, end, start, backwards=backwards)
    for added, kept, state in steps:
        before = torch.addcmul(added, kept, before, out=state)
    return states


def _starts(
    total: Tensor,
    end: Tensor,
    start: Tensor,
    *,
    backwards: bool,
) -> Tensor:
    """The state with which each chunk starts, ``(..., C)``."""
    chunks = list(zip(end.unbind(-1), total.unbind(-1), strict=True))
    if backwards:
        chunks.reverse()
    starts = [start]
    for added, kept in chunks[:-1]:
        starts.append(torch.addcmul(added, kept, starts[-1]))
    if backwards:
        starts.reverse()
    return torch.stack(starts, dim=-1)
