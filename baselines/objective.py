"""Interface of a training objective."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from torch import Tensor, nn

from defocus.training.objective import Parts, Progress, TrainingBatch, TrainingObjective

__all__ = [
    "Batch",
    "Objective",
    "Parts",
    "Progress",
    "Result",
    "detached",
    "outputs_of",
]

Result: TypeAlias = tuple[Tensor, Parts]
"""A loss and its parts."""


@dataclass(frozen=True)
class Batch(TrainingBatch):
    """A training batch: crops at the same position of blurry and target picture.

    Attributes:
        blurry: ``(N, 3, h, w)`` float32 RGB in [0, 1], or ``(N, 6, h, w)`` for dual input.
        target: ``(N, 3, h, w)`` float32 RGB in [0, 1].
        extra: Inputs that the card ``needs``, passed to the network by keyword: ``dual_pixel``
            ``(N, 6, h, w)``, left and right view; ``defocus_map`` ``(N, 1, h, w)``, diameter of
            the circle of confusion in px.
        supervision: The same kinds of data for the objective only, as listed in the recipe's
            ``supervision``; ``flow`` ``(N, 2, h, w)``, the true flow from the blurry to the sharp
            picture as captured, px; and ``valid_mask`` ``(N, 1, h, w)`` in {0, 1}, 1 where the
            target ``registered-flow`` is reliable, as was measured; not available at test time.

    Examples:
        >>> import torch
        >>> from defocus.baselines.objective import Batch
        >>> batch = Batch(torch.zeros(4, 3, 32, 32), torch.ones(4, 3, 32, 32))
        >>> [part.size for part in batch.parts(3)]
        [1, 1, 2]
    """

    blurry: Tensor
    target: Tensor
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    supervision: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def inputs(self) -> Tensor:
        """The blurry crops."""
        return self.blurry

    def each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """The batch with a function applied to every tensor."""
        return Batch(
            change(self.blurry),
            change(self.target),
            {name: change(tensor) for name, tensor in self.extra.items()},
            {name: change(tensor) for name, tensor in self.supervision.items()},
        )


class Objective(TrainingObjective[Batch]):
    """Computes a loss and its parts from (network, batch, progress).

    A subclass has ``forward(network, batch, progress)``. The batch has ``blurry`` and ``target``,
    ``(N, 3, h, w)`` float32 RGB in [0, 1]; :class:`Batch` has what else it may hold. ``forward``
    returns a scalar tensor and a mapping from names to numbers, for the training curve.

    Attributes:
        name: Name by which recipes and ``--objective`` call a plug-in file's objective. Its class
            is called with the recipe's ``objective_settings``. Objectives of the package are known
            by their module.
        adversary: Sub-module that is trained against the network; None if there is none. It needs
            ``adversary_loss``.

    Examples:
        >>> import torch
        >>> import defocus
        >>> from defocus.baselines.objective import Batch, Progress
        >>> class Nearest(defocus.Objective):
        ...     name = "nearest"
        ...     def forward(self, network, batch, progress):
        ...         loss = (network(batch.blurry) - batch.target).abs().mean()
        ...         return loss, {"l1": loss.item()}
        >>> batch = Batch(torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 0.5))
        >>> Nearest()(torch.nn.Identity(), batch, Progress(step=0, epoch=0.0))
        (tensor(0.5000), {'l1': 0.5})
    """

    name: ClassVar[str] = ""


def detached(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors without their history of gradients, as an objective returns the parts of its loss."""
    return {name: value.detach() for name, value in values.items()}


def outputs_of(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """All outputs of a network, from its method ``outputs`` if any; ``restored`` is the picture."""
    outputs = getattr(network, "outputs", None)
    if outputs is None:
        return {"restored": network(batch.blurry, **batch.extra)}
    named: dict[str, Tensor] = outputs(batch.blurry.clone(), **batch.extra)
    return named
