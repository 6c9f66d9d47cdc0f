"""The Charbonnier loss: L1 with a smooth minimum."""

import torch
from torch import nn

from defocus.baselines.objectives.objective import Batch, Objective, Progress

__all__ = ["EPSILON", "CharbonnierObjective", "charbonnier", "make"]

EPSILON = 1e-3


def charbonnier(
    first: torch.Tensor, second: torch.Tensor, epsilon: float = EPSILON
) -> torch.Tensor:
    """Mean of sqrt(d² + eps²) over pixels and channels.

    Args:
        first: Any shape.
        second: Same shape.
        epsilon: Value of the loss at d = 0, in the unit of the pictures.

    Returns:
        A scalar tensor, >= ``epsilon``.

    Source: JDRL (AAAI 2023), L_d and L_r; the mean over pixels is the released code's reading.
    """
    return torch.sqrt((first - second).square() + epsilon**2).mean()


class CharbonnierObjective(Objective):
    """Per-pixel loss against the target as it lies; shifts in the pairs are learnt too."""

    def forward(
        self,
        network: nn.Module,
        batch: Batch,
        progress: Progress,  # noqa: ARG002 - the same loss from first to last step
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss; it has no parts."""
        return charbonnier(network(batch.blurry), batch.target), {}


def make() -> CharbonnierObjective:
    """The objective."""
    return CharbonnierObjective()
