"""Losses of steps, which stay on the device until they are read."""

import math
from collections.abc import Sequence
from typing import Generic

import torch
from torch import distributed, nn

from defocus.errors import TrainingError
from defocus.training.objective import BatchT, Parts, Progress, TrainingObjective


class NetworkAndObjective(nn.Module, Generic[BatchT]):
    """Module that maps a batch to the loss."""

    def __init__(
        self,
        network: nn.Module,
        objective: TrainingObjective[BatchT],
    ) -> None:
        super().__init__()
        self.network = network
        self.objective = objective

    def forward(self, batch: BatchT, progress: Progress) -> tuple[torch.Tensor, Parts]:
        """Compute the loss and its parts; see :class:`TrainingObjective`."""
        loss, parts = self.objective(self.network, batch, progress)
        return loss, parts


def mean_over_processes(values: list[float]) -> list[float]:
    """Mean of each number over the processes of a group."""
    if not distributed.is_initialized():
        return values
    tensor = torch.tensor(values, dtype=torch.float64)
    distributed.all_reduce(tensor)
    return [value / distributed.get_world_size() for value in tensor.tolist()]


CHECKED = ("loss", "adversary")


def as_numbers(values: Sequence[torch.Tensor | float]) -> list[float]:
    """Read scalars, those of one device at once."""
    tensors = [value for value in values if isinstance(value, torch.Tensor)]
    on_device = [tensor.detach().double() for tensor in tensors]
    read = iter(torch.stack(on_device).tolist() if on_device else [])
    numbers = []
    for value in values:
        is_tensor = isinstance(value, torch.Tensor)
        numbers.append(next(read) if is_tensor else float(value))
    return numbers


class Losses:
    """The losses of the steps since the last reading."""

    def __init__(self) -> None:
        self._unread: list[tuple[int, str, torch.Tensor | float]] = []
        self._values: Parts = {}
        self._numbers: dict[str, float] = {}

    def add(self, step: int, values: Parts) -> None:
        """Keep the losses of a step."""
        for name in CHECKED:
            if name in values:
                self._unread.append((step, name, values[name]))
        self._values = values

    def read(self) -> dict[str, float]:
        """The values of the last step, means over processes; TrainingError if one is not finite."""
        if not self._unread:
            return self._numbers
        unread = self._unread
        kept = [value for _, _, value in unread]
        numbers = as_numbers([*kept, *self._values.values()])
        self._unread = []
        losses = mean_over_processes(numbers[: len(unread)])
        for (step, _, _), value in zip(unread, losses, strict=True):
            if not math.isfinite(value):
                do = "correct the network or its loss"
                if step:
                    do = "lower learning_rate"
                raise TrainingError(f"loss is {value} at step {step + 1}; {do}")
        self._numbers = dict(zip(self._values, numbers[len(unread) :], strict=True))
        last = unread[-1][0]
        self._numbers |= {
            name: value
            for (step, name, _), value in zip(unread, losses, strict=True)
            if step == last
        }
        return self._numbers
