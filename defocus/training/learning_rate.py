"""Learning rate over the epochs of a training: constant, steps, milestones, a cosine or a line."""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from defocus.settings import Settings


class Constant(Settings):
    """The learning rate stays."""

    kind: Literal["constant"] = "constant"

    def rate(
        self,
        start: float,
        epoch: float,  # noqa: ARG002 - as the others
        epochs: float,  # noqa: ARG002 - as the others
    ) -> float:
        """The learning rate at an epoch, 0.0 at the first step."""
        return start


class Step(Settings):
    """The learning rate is multiplied by ``factor`` each time ``every`` epochs have passed."""

    kind: Literal["step"] = "step"
    every: float = Field(gt=0)
    factor: float = Field(
        default=0.5,
        gt=0,
        lt=1,
    )

    def rate(
        self,
        start: float,
        epoch: float,
        epochs: float,  # noqa: ARG002 - as the others
    ) -> float:
        """The learning rate at an epoch; see :meth:`Constant.rate`."""
        return start * self.factor ** math.floor(epoch / self.every)


class Milestones(Settings):
    """From the epoch ``epochs[k]`` on, the learning rate is ``factors[k]`` times the first one."""

    kind: Literal["milestones"] = "milestones"
    epochs: tuple[float, ...] = Field(min_length=1)
    factors: tuple[float, ...]

    @model_validator(mode="after")
    def _of_one_length(self) -> "Milestones":
        ascends = list(self.epochs) == sorted(self.epochs)
        if not ascends or len(self.epochs) != len(self.factors):
            raise ValueError("epochs must ascend, and there must be as many factors")
        return self

    def rate(
        self,
        start: float,
        epoch: float,
        epochs: float,  # noqa: ARG002 - as the others
    ) -> float:
        """The learning rate at an epoch; see :meth:`Constant.rate`."""
        passed = sum(milestone <= epoch for milestone in self.epochs)
        return start * (self.factors[passed - 1] if passed else 1.0)


class Cosine(Settings):
    """Half a cosine from the first learning rate down to ``floor``."""

    kind: Literal["cosine"] = "cosine"
    floor: float = Field(default=0.0, ge=0)
    # the rate rises linearly from 0 so long
    warmup_epochs: float = Field(default=0.0, ge=0)
    hold_epochs: float = Field(default=0.0, ge=0)  # so long it stays, after the warm-up

    def rate(
        self,
        start: float,
        epoch: float,
        epochs: float,
    ) -> float:
        """The learning rate at an epoch; see :meth:`Constant.rate`."""
        if epoch < self.warmup_epochs:
            return start * epoch / self.warmup_epochs
        begin = self.warmup_epochs + self.hold_epochs
        share = min(1.0, max(0.0, epoch - begin) / max(epochs - begin, 1e-12))
        left = (1 + math.cos(math.pi * share)) / 2
        return self.floor + (start - self.floor) * left


class Linear(Settings):
    """The learning rate stays for ``hold_epochs`` and then falls on a line to 0 at the end."""

    kind: Literal["linear"] = "linear"
    hold_epochs: float = Field(default=0.0, ge=0)

    def rate(
        self,
        start: float,
        epoch: float,
        epochs: float,
    ) -> float:
        """The learning rate at an epoch; see :meth:`Constant.rate`."""
        falling = max(epochs - self.hold_epochs, 1e-12)
        return start * (1 - min(1.0, max(0.0, epoch - self.hold_epochs) / falling))


Decay = Annotated[
    Constant | Step | Milestones | Cosine | Linear, Field(discriminator="kind")
]
