"""Data-parallel training of one run in processes started by ``torchrun``; the first writes files.

Every process computes the loss of its part of the same batch; gradients are averaged."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from defocus.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from defocus.training.objective import BatchT, TrainingObjective


@dataclass(frozen=True)
class Ranks:
    """Number of this process, among all (``rank``) and on this machine, and of all processes."""

    rank: int = 0
    world: int = 1
    local: int = 0
    beside: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0


def ranks() -> Ranks:
    """Ranks from ``torchrun``'s variables; a single process without it."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return Ranks()
    names = (
        "RANK",
        "WORLD_SIZE",
        "LOCAL_RANK",
        "LOCAL_WORLD_SIZE",
    )
    return Ranks(*(int(os.environ[name]) for name in names))


@contextlib.contextmanager
def processes(device: "torch.device") -> Iterator[Ranks]:
    """Join the process group while the block runs; a single process joins nothing."""
    mine = ranks()
    # graphs are recorded on the current device, and NCCL waits there
    if device.type == "cuda":
        import torch

        torch.cuda.set_device(device)
    if mine.world == 1:
        yield mine
        return
    from torch import distributed

    # numbers of the CPU, such as whether to stop, are shared without waiting for the GPU
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    )
    try:
        yield mine
    finally:
        distributed.destroy_process_group()


def part_of(batch: "BatchT", mine: Ranks) -> "BatchT":
    """This process's equal part of a batch that is the same in all processes."""
    places = places_of(batch.size, mine)
    return batch.each(lambda tensor: tensor[places])


def places_of(size: int, mine: Ranks) -> slice:
    """This process's places in a batch of this many crops, which must be divisible."""
    if size % mine.world:
        raise InputError(
            f"a batch of {size} crops cannot be divided among {mine.world} processes; change the "
            "number of processes or the batch"
        )
    each = size // mine.world
    return slice(mine.rank * each, (mine.rank + 1) * each)


def together(
    network: "nn.Module",
    objective: "TrainingObjective[BatchT]",
    mine: Ranks,
    device: "torch.device",
) -> "nn.Module | None":
    """Join network and objective in a module with averaged gradients; None for one process."""
    # An objective with an adversary is refused.
    if mine.world == 1:
        return None
    if objective.adversary is not None:
        raise InputError(
            "an objective with an adversary trains in one process only, without torchrun"
        )
    from torch.nn.parallel import DistributedDataParallel

    from defocus.training.steps.losses import NetworkAndObjective

    numbers = [mine.local] if device.type == "cuda" else None
    return DistributedDataParallel(
        NetworkAndObjective(network, objective),
        device_ids=numbers,
        find_unused_parameters=True,
    )
