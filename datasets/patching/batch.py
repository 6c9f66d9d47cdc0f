"""Interface of patch sources, and batches of drawn patches."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from defocus.baselines.recipes.members import Further
from defocus.isolation import LeftOut

if TYPE_CHECKING:
    import torch

    from defocus.baselines.objective import Batch

__all__ = ["ALL_PLACES", "Batches", "Patches", "drawn_batch"]

ALL_PLACES = slice(None)
"""Of a batch: processes that share it make some each."""


class Batches(Protocol):
    """Source of batches; see :func:`defocus.datasets.patching.source.training_patches`."""

    def batch(
        self,
        step: int,
        size: int,
        seed: int,
        crop_px: int | None = None,
        *,
        places: slice = ALL_PLACES,
    ) -> "Batch":
        """The batch of one step, determined by the arguments, or some places of it.

        ``crop_px`` is the side of the crops if they are smaller than the largest ones.
        """
        ...


class Patches(Batches, Protocol):
    """Source of training patches.

    Attributes:
        crop_px: Default side of a patch.
        blurry: Input that is restored: ``blurry`` or ``dual_pixel``.
        needs: Names of the batches' ``extra`` inputs.
        supervision: Names of the batches' ``supervision``.
    """

    crop_px: int
    blurry: str
    needs: tuple[Further, ...]
    supervision: tuple[Further, ...]

    @property
    def pixels(self) -> int:
        """Number of pixels of an epoch."""
        ...

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Pairs that could not be read."""
        ...

    def draw(self, random: np.random.Generator, side: int) -> "tuple[Patches, Any]":
        """Draw a random patch; return its source and the patch, which is read or rendered later."""
        ...

    def patch(self, what: str, drawn: Any, side: int) -> "torch.Tensor":  # noqa: ANN401 - own kind
        """One member of a drawn patch."""
        ...


def drawn_batch(drawn: "Sequence[tuple[Patches, Any]]", side: int) -> "Batch":
    """Make a batch of drawn patches, all from sources of the same kind.

    Args:
        drawn: Sources and their drawn patches, one or more.
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
