"""Interface of a training objective."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import nn

__all__ = ["Batch", "Objective", "Progress", "outputs_of"]

NOTHING: Mapping[str, torch.Tensor] = MappingProxyType({})


@dataclass(frozen=True)
class Batch:
    """One training batch: crops at the same place of blurry and target picture.

    Attributes:
        blurry: ``(N, 3, h, w)`` float32 RGB in [0, 1], or ``(N, 6, h, w)`` for dual input.
        target: ``(N, 3, h, w)`` float32 RGB in [0, 1].
        extra: What the card ``needs``, handed to the network by keyword: ``dual_pixel``
            ``(N, 6, h, w)``, left and right view; ``defocus_map`` ``(N, 1, h, w)``, diameter of
            the circle of confusion in px.
        supervision: The same kinds for the objective alone, as the recipe's ``supervision`` says;
            at test time they are not there.
    """

    blurry: torch.Tensor
    target: torch.Tensor
    extra: Mapping[str, torch.Tensor] = field(default_factory=lambda: NOTHING)
    supervision: Mapping[str, torch.Tensor] = field(default_factory=lambda: NOTHING)

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        return self.each(lambda tensor: tensor.to(device))

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Batch":
        """The same with every tensor changed."""
        return Batch(
            change(self.blurry),
            change(self.target),
            {name: change(tensor) for name, tensor in self.extra.items()},
            {name: change(tensor) for name, tensor in self.supervision.items()},
        )

    def parts(self, number: int) -> "list[Batch]":
        """The batch split into ``number`` parts whose sizes differ by at most one crop."""
        size = len(self.blurry)
        limits = [size * k // number for k in range(number + 1)]
        return [
            self.each(lambda tensor, a=first, b=last: tensor[a:b])  # type: ignore[misc]
            for first, last in pairwise(limits)
            if first < last
        ]


@dataclass(frozen=True)
class Progress:
    """Where training stands.

    Attributes:
        step: Steps done, 0 at the first.
        epoch: The same on the scale of the recipe's epochs, 0.0 at the first step.
        warmup_epochs: Warmup epochs of the recipe.
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

    Attributes:
        name: Name by which recipes and ``--objective`` call a plug-in file's objective. Its class
            is called with the recipe's ``objective_settings``. Objectives of the package are known
            by their module.
        adversary: A sub-module that is trained against the network, by an optimiser of its own
            (recipe's ``adversary``) on :meth:`adversary_loss`; its parameters get no gradient
            from :meth:`forward`. None where there is none.
    """

    name: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        # Not an attribute of the class: that would be found before a sub-module of this name.
        self.adversary: nn.Module | None = None

    def forward(
        self, network: nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss (a scalar tensor) and named parts of it for the training curve."""
        raise NotImplementedError

    def adversary_loss(
        self, network: nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, dict[str, float]] | None:
        """The adversary's loss and its parts; None while it rests. Called after the network's step.

        The network's output is to be computed without gradients here.
        """
        raise NotImplementedError


def outputs_of(network: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
    """All outputs of a network by name; ``restored`` is the picture.

    A network with one output gives only ``restored``; others have a method ``outputs``.
    """
    outputs = getattr(network, "outputs", None)
    if outputs is None:
        return {"restored": network(batch.blurry, **batch.extra)}
    named: dict[str, torch.Tensor] = outputs(batch.blurry, **batch.extra)
    return named
