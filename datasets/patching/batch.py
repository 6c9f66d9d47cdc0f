"""Interface of patch sources, and batches of drawn patches."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from defocus.baselines.recipe import Further
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
        """The batch of one step, determined by the arguments, or some places of it."""
        ...


class Patches(Batches, Protocol):
    """Source of training patches."""

    crop_px: int  # default side of a patch
    blurry: str  # the input that is restored: ``blurry`` or ``dual_pixel``
    needs: tuple[Further, ...]  # names of the batches' ``extra`` inputs
    supervision: tuple[Further, ...]  # names of the batches' ``supervision``

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
    """Make a batch of drawn patches with one side, from one or more sources of the same kind."""
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
