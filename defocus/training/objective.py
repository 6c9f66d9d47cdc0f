"""Requirements of the loop on a batch and on an objective."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Self, TypeAlias, TypeVar

import torch
from torch import nn

Parts: TypeAlias = Mapping[str, torch.Tensor | float]
"""Parts of a loss by name, for the training curve. A tensor, without gradient, stays on its device
until a line of the curve is written; a number makes each step wait for the device."""


class TrainingBatch:
    """Examples of one step: tensors whose first axis counts the examples."""

    @property
    def inputs(self) -> torch.Tensor:
        """The tensor that the network is given first."""
        raise NotImplementedError

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Self:
        """The batch with every tensor changed."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """How many examples it has."""
        return len(self.inputs)

    def to(self, device: torch.device) -> Self:
        """The batch on a device; what is in pinned memory is copied while the program goes on."""
        return self.each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Self:
        """The batch in memory from which a GPU copies by itself; what is on a GPU stays there."""
        return self.each(
            lambda one: one.pin_memory() if one.device.type == "cpu" else one
        )

    def parts(self, number: int) -> list[Self]:
        """The batch split into ``number`` parts whose sizes differ by at most one example."""
        limits = [self.size * k // number for k in range(number + 1)]
        parts = []
        for first, last in pairwise(limits):
            if first < last:
                part = self.each(lambda tensor, a=first, b=last: tensor[a:b])  # type: ignore[misc]
                parts.append(part)
        return parts


BatchT = TypeVar("BatchT", bound=TrainingBatch)


@dataclass(frozen=True)
class Progress:
    """How far training is: steps done, and epochs on the scale of the method's."""

    step: int
    epoch: float
    warmup_epochs: int = 0

    @property
    def in_warmup(self) -> bool:
        """Whether the warm-up is still going on."""
        return self.epoch < self.warmup_epochs


class TrainingObjective(nn.Module, Generic[BatchT]):
    """From (network, batch, progress) to a loss and its parts.

    Its own parameters (such as JDRL's reblurring network) are trained along with the network's and
    dropped at test time. Modules that stay fixed must have ``requires_grad`` off.

    Attributes:
        adversary: A sub-module that is trained against the network, by its own optimiser (the
            method's ``adversary``) on :meth:`adversary_loss`; its parameters get no gradient
            from :meth:`forward`. None if there is none.

    Examples:
        >>> import torch
        >>> from defocus.baselines.objective import Batch
        >>> from defocus.training.objective import Progress, TrainingObjective
        >>> class Mean(TrainingObjective[Batch]):
        ...     def forward(self, network, batch, progress):
        ...         return network(batch.inputs).mean(), {}
        >>> batch = Batch(torch.full((1, 3, 8, 8), 0.5), torch.zeros(1, 3, 8, 8))
        >>> Mean()(torch.nn.Identity(), batch, Progress(step=0, epoch=0.0))
        (tensor(0.5000), {})
    """

    def __init__(self) -> None:
        super().__init__()
        # Not an attribute of the class: that would be found before a sub-module of this name.
        self.adversary: nn.Module | None = None

    def forward(
        self,
        network: nn.Module,
        batch: BatchT,
        progress: Progress,
    ) -> tuple[torch.Tensor, Parts]:
        """Compute the loss of one step.

        Args:
            network: The network that is trained. One that deblurs takes ``(N, 3, h, w)`` float32
                RGB in [0, 1] and returns the same shape.
            batch: The examples of the step, on the network's device. A batch for deblurring has
                ``blurry`` and ``target``, ``(N, 3, h, w)`` float32 RGB in [0, 1].
            progress: Steps and epochs so far.

        Returns:
            The loss, a scalar tensor with gradients, and named parts of it for the training curve:
            numbers, or scalar tensors without gradients.
        """
        raise NotImplementedError

    def adversary_loss(
        self,
        network: nn.Module,
        batch: BatchT,
        progress: Progress,
    ) -> tuple[torch.Tensor, Parts] | None:
        """Compute the adversary's loss, after the network's step; the arguments are the same.

        The network's output is to be computed without gradients here.

        Returns:
            The loss and its parts, as those of :meth:`forward`; None while the adversary rests.
        """
        raise NotImplementedError
