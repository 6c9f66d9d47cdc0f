"""Supervised training: a weighted sum of losses against the unaligned target."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.loss import LossFunction
from defocus.baselines.objective import Batch, Objective, Progress, Result, outputs_of
from defocus.baselines.objective_registry import loss as make_loss
from defocus.baselines.recipe import DEFAULT_LOSS
from defocus.settings import Settings, parse_settings


class Term(Settings):
    """One term of the sum: a loss of one or several outputs, which are added."""

    loss: str
    of: str | tuple[str, ...] = "restored"
    weight: float = Field(default=1.0, gt=0)
    from_epoch: float = Field(default=0.0, ge=0)
    settings: dict[str, Any] = Field(default_factory=dict)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the compared outputs."""
        return (self.of,) if isinstance(self.of, str) else self.of


class SupervisedObjective(Objective):
    """Sum over terms of weight x loss(output, target), the target resized to a smaller output."""

    def __init__(self, terms: Sequence[Term], *, antialias: bool = True) -> None:
        super().__init__()
        self.terms = tuple(terms)
        self.antialias = antialias
        self._losses: list[LossFunction] = [
            make_loss(term.loss, **term.settings) for term in self.terms
        ]

    def forward(self, network: nn.Module, batch: Batch, progress: Progress) -> Result:
        """The loss; its parts are the unweighted losses, if there are several."""
        outputs = outputs_of(network, batch)
        targets: dict[tuple[int, int], Tensor] = {}
        total = batch.target.new_zeros(())
        parts: dict[str, Tensor] = {}
        for term, compare in zip(self.terms, self._losses, strict=True):
            if progress.epoch < term.from_epoch:
                continue
            for name in term.outputs:
                value = compare(
                    outputs[name],
                    self._target(outputs[name], batch.target, targets),
                )
                total = total + term.weight * value
                parts[f"{term.loss}_{name}"] = value.detach()
        several = sum(len(term.outputs) for term in self.terms) > 1
        return total, parts if several else {}

    def _target(
        self,
        output: Tensor,
        target: Tensor,
        sizes: dict[tuple[int, int], Tensor],
    ) -> Tensor:
        """The target in the size of an output; each size is made once."""
        size = (output.shape[-2], output.shape[-1])
        if size == tuple(target.shape[-2:]):
            return target
        if size not in sizes:
            sizes[size] = functional.interpolate(
                target,
                size,
                mode="bilinear",
                antialias=self.antialias,
            )
        return sizes[size]


def make(
    terms: Sequence[Mapping[str, object]] | None = None,
    *,
    antialias: bool = True,
) -> SupervisedObjective:
    """The objective of tables with :class:`Term`'s fields; Charbonnier of the picture if None."""
    if terms is None:
        return SupervisedObjective([Term(loss=DEFAULT_LOSS)], antialias=antialias)
    origin = "objective_settings.terms"
    parsed = [parse_settings(Term, dict(term), origin=origin) for term in terms]
    return SupervisedObjective(parsed, antialias=antialias)
