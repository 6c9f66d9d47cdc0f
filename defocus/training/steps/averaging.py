"""Averages of weights over training steps (EMA, SWA), used for evaluation."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from defocus.training.method import Method

__all__ = ["evaluated", "make_average", "update"]


def make_average(method: Method, network: nn.Module) -> AveragedModel | None:
    """Make the average of the weights; None if the method has none.

    The setting ``training.average``, a running mean with a decay, replaces the method's
    ``averaged_from_epoch``, which weights all steps equally. Only the former averages running
    statistics too; with the latter, they are those of the last step.
    """
    if method.training.average is not None:
        decaying = _decaying(method.training.average, warmup=method.training.average_warmup)
        return AveragedModel(network, multi_avg_fn=decaying, use_buffers=True)
    return AveragedModel(network) if method.averaged_from_epoch is not None else None


_Tensors: TypeAlias = tuple[torch.Tensor, ...] | list[torch.Tensor]
_Mean: TypeAlias = Callable[[_Tensors, _Tensors, torch.Tensor | int], None]
"""Changes the means (first) by the weights of a step (second), so many of which have counted."""


def _decaying(decay: float, *, warmup: bool) -> _Mean:
    if not warmup:
        plain: _Mean = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        return plain

    def mean(means: _Tensors, weights: _Tensors, counted: torch.Tensor | int) -> None:
        step = int(counted)
        kept: _Mean = get_ema_multi_avg_fn(  # type: ignore[no-untyped-call]
            min(decay, (1 + step) / (10 + step))
        )
        kept(means, weights, counted)

    return mean


def update(average: AveragedModel | None, method: Method, network: nn.Module, epoch: float) -> None:
    """Add a step's weights to the mean, if averaging has begun.

    Args:
        average: The result of :func:`make_average`.
        method: The training's method.
        network: The network after the step.
        epoch: Epoch of the step, on the method's scale.
    """
    if average is None:
        return
    if method.training.average is None and epoch < (method.averaged_from_epoch or 0.0):
        return
    average.update_parameters(network)


def evaluated(average: AveragedModel | None, network: nn.Module) -> nn.Module:
    """The network with the mean weights, or the network itself before averaging has begun."""
    if average is None or not int(average.n_averaged):
        return network
    averaged: nn.Module = average.module
    return averaged
