"""Averages of weights over training steps (EMA, SWA), used for evaluation."""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from defocus.training.method import Method, Training


def make_average(method: Method, network: nn.Module) -> AveragedModel | None:
    """Make the average of the weights; None if the method has none."""
    # ``training.average``, a mean with a decay, replaces ``averaged_from_epoch``, which weights all
    # steps equally. Only the former averages running statistics; else they are those of the last
    # step.
    if method.training.average is not None:
        return AveragedModel(network, use_buffers=True)
    return AveragedModel(network) if method.averaged_from_epoch is not None else None


def update(
    average: AveragedModel | None,
    method: Method,
    network: nn.Module,
    epoch: float,
) -> None:
    """Add a step's weights to the mean, if averaging has begun by this epoch."""
    if average is None:
        return
    if method.training.average is not None:
        _move_towards(average, network, method.training)
    elif epoch >= (method.averaged_from_epoch or 0.0):
        average.update_parameters(network)


@torch.no_grad()
def _move_towards(
    average: AveragedModel,
    network: nn.Module,
    training: Training,
) -> None:
    """Move the running mean, all tensors of a kind in one call."""
    # ``AveragedModel`` would count on the network's device, and to read that waits for it.
    step = int(average.n_averaged)  # it is in the CPU's memory
    decay = training.average or 0.0
    if training.average_warmup:
        decay = min(decay, (1 + step) / (10 + step))
    means = []
    weights = []
    for mean, weight in zip(_tensors(average.module), _tensors(network), strict=True):
        if not step:
            mean.copy_(weight)
        elif mean.is_floating_point():
            means.append(mean)
            weights.append(weight)
        else:
            mean.copy_(mean * decay + weight * (1 - decay))
    if means:
        torch._foreach_lerp_(means, weights, 1 - decay)
    average.n_averaged += 1


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return [*(one.detach() for one in module.parameters()), *module.buffers()]


def evaluated(average: AveragedModel | None, network: nn.Module) -> nn.Module:
    """The network with the mean weights, or the network itself before averaging has begun."""
    if average is None or not int(average.n_averaged):
        return network
    averaged: nn.Module = average.module
    return averaged
