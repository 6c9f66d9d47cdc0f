"""What every source of training patches is, and a batch of what sources drew."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from defocus.datasets.patching.packing import Further

if TYPE_CHECKING:
    import torch

    from defocus.baselines.objective import Batch

__all__ = ["Patches", "drawn_batch"]


class Patches(Protocol):
    """Where training patches come from.

    Attributes:
        crop_px: Side of a patch, where no other one is asked for.
        blurry: Name of what is restored: ``blurry`` or ``dual_pixel``.
        needs: What batches have as ``extra``.
        supervision: What batches have as ``supervision``.
    """

    crop_px: int
    blurry: str
    needs: tuple[Further, ...]
    supervision: tuple[Further, ...]

    @property
    def pixels(self) -> int:
        """How many make an epoch."""
        ...

    def batch(self, step: int, size: int, seed: int, crop_px: int | None = None) -> "Batch":
        """One batch; the same for the same arguments."""
        ...

    def draw(self, random: np.random.Generator, side: int) -> "tuple[Patches, Any]":
        """A random patch, and whose it is."""
        ...

    def patch(self, what: str, drawn: Any, side: int) -> "torch.Tensor":  # noqa: ANN401 - own kind
        """One member of a patch that was drawn."""
        ...


def drawn_batch(drawn: "Sequence[tuple[Patches, Any]]", side: int) -> "Batch":
    """The batch of patches that were drawn, all from sources of one kind.

    Args:
        drawn: Sources and what they drew, one or more.
        side: Side of the patches.

    Raises:
        DatasetError: A packed file is damaged.
    """
    import torch

    from defocus.baselines.objective import Batch

    def stacked(what: str) -> torch.Tensor:
        return torch.stack([source.patch(what, crop, side) for source, crop in drawn])

    kind = drawn[0][0]
    return Batch(
        blurry=stacked(kind.blurry),
        target=stacked("target"),
        extra={one: stacked(one) for one in kind.needs},
        supervision={one: stacked(one) for one in kind.supervision},
    )
