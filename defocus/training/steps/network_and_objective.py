"""Network and objective as one module, for ``DistributedDataParallel``."""

from typing import Generic

import torch
from torch import distributed, nn

from defocus.training.objective import BatchT, Parts, Progress, TrainingObjective

__all__ = ["NetworkAndObjective", "mean_over_processes"]


class NetworkAndObjective(nn.Module, Generic[BatchT]):
    """Module that maps a batch to the loss."""

    def __init__(self, network: nn.Module, objective: TrainingObjective[BatchT]) -> None:
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
