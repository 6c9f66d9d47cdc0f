"""What a training objective is."""

from dataclasses import dataclass

import torch
from torch import nn

__all__ = ["Batch", "Objective", "Progress"]


@dataclass(frozen=True)
class Batch:
    """One training batch: crops at the same place of blurry and target picture.

    Attributes:
        blurry: ``(N, 3, h, w)`` float32 RGB in [0, 1], or ``(N, 6, h, w)`` for dual input.
        target: ``(N, 3, h, w)`` float32 RGB in [0, 1].
    """

    blurry: torch.Tensor
    target: torch.Tensor


@dataclass(frozen=True)
class Progress:
    """Where training stands.

    Attributes:
        step: Steps done, 0 at the first.
        epoch: The same on the scale of the recipe's epochs, 0.0 at the first step.
        warmup_epochs: Of the recipe.
    """

    step: int
    epoch: float
    warmup_epochs: int = 0

    @property
    def in_warmup(self) -> bool:
        """Whether the warm-up is still going on."""
        return self.epoch < self.warmup_epochs


class Objective(nn.Module):
    """From (network, batch, progress) to a loss and its parts.

    Its own parameters (such as JDRL's reblurring network) are trained along with the network's and
    dropped at test time. Modules that stay fixed must have ``requires_grad`` off.
    """

    def forward(
        self, network: nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss (a scalar tensor) and named parts of it for the training curve."""
        raise NotImplementedError
