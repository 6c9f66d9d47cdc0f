"""Method of a training: optimiser, decay of the learning rate, averaging, adversary."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from defocus.settings import Settings
from defocus.training.optimiser import Optimiser

Selection = Literal["last", "validation", "official"]
"""Which weights are evaluated. ``last``: of the last step; ``validation``: of the best validation.
``official``: of the last step too, but the test pictures are looked at in between, as the released
code of some systems does, and what a choice by them would have been worth is reported."""

UNDECIDING = frozenset({"checkpoint_minutes", "tensorboard", "workers"})
"""Settings that change nothing of what a training comes to."""


class Training(Settings):
    """How a training is carried out; the values are those of no paper but of the machine.

    Attributes:
        precision: ``bfloat16`` computes convolutions and matrix products so; weights stay float32.
            ``auto`` does it where the device has instructions for it: elsewhere it is slower.
        accumulate: Number of parts into which the batch is split, to save memory.
        average: Decay per step of the running mean of the weights, which is what is evaluated;
            None for no mean.
        average_warmup: Whether that decay begins smaller: after step t it is at most
            (1 + t) / (10 + t), so that the first weights are soon forgotten.
        channels_last: Order of the pixels in memory that tensor cores like.
        compile: Whether PyTorch compiles the network before the first step, which takes minutes.
        deterministic: Refuse operations whose result differs from run to run.
        validations: How often the validation pairs are scored in the course of a training.
        select: Which weights are evaluated.
        checkpoint_minutes: So often the state is saved, beside the end.
        tensorboard: Whether TensorBoard gets the curves too; it needs the extra of that name.
        reuse: How often each pair of a stream is used on average: pairs stay in memory, and crops
            of them are turned and get other orders of colours. 1 renders a pair for each crop.
        lenses: Number of lenses of a stream, each with kernels of its own; None for 200.
        workers: Processes that make batches ahead; 0 makes them in the training's own. None stands
            for one less than there are cores, and for 0 where fewer than 500 steps are left.
    """

    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    accumulate: int = Field(default=1, ge=1)
    average: float | None = Field(default=None, gt=0, lt=1)
    average_warmup: bool = False
    channels_last: bool = False
    compile: bool = False
    deterministic: bool = False
    validations: int = Field(default=0, ge=0)
    select: Selection = "last"
    checkpoint_minutes: float = Field(default=1.0, gt=0)
    tensorboard: bool = False
    reuse: int = Field(default=1, ge=1)
    lenses: int | None = Field(default=None, ge=1)
    workers: int | None = Field(default=None, ge=0)

    @property
    def of_pairs(self) -> Self:
        """The same without what concerns streams alone."""
        return self.model_copy(update={"reuse": 1, "lenses": None})

    @property
    def times(self) -> int:
        """How often to score: a choice by scores needs some."""
        return self.validations or (0 if self.select == "last" else 10)


class Constant(Settings):
    """The learning rate stays."""

    kind: Literal["constant"] = "constant"

    def rate(self, start: float, epoch: float, epochs: float) -> float:  # noqa: ARG002 - as the others
        """The learning rate at an epoch, 0.0 at the first step."""
        return start


class Step(Settings):
    """The learning rate is multiplied by ``factor`` each time ``every`` epochs have passed."""

    kind: Literal["step"] = "step"
    every: float = Field(gt=0)
    factor: float = Field(default=0.5, gt=0, lt=1)

    def rate(self, start: float, epoch: float, epochs: float) -> float:  # noqa: ARG002 - as the others
        """The learning rate at an epoch; see :meth:`Constant.rate`."""
        return start * self.factor ** math.floor(epoch / self.every)


class Milestones(Settings):
    """From the epoch ``epochs[k]`` on, the learning rate is ``factors[k]`` times the first one."""

    kind: Literal["milestones"] = "milestones"
    epochs: tuple[float, ...] = Field(min_length=1)
    factors: tuple[float, ...]

    @model_validator(mode="after")
    def _of_one_length(self) -> "Milestones":
        if len(self.epochs) != len(self.factors) or list(self.epochs) != sorted(self.epochs):
            raise ValueError("epochs must ascend, and there must be as many factors")
        return self

    def rate(self, start: float, epoch: float, epochs: float) -> float:  # noqa: ARG002 - as the others
        """The learning rate at an epoch; see :meth:`Constant.rate`."""
        passed = sum(milestone <= epoch for milestone in self.epochs)
        return start * (self.factors[passed - 1] if passed else 1.0)


class Cosine(Settings):
    """Half a cosine from the first learning rate down to ``floor``.

    Attributes:
        floor: The last learning rate.
        warmup_epochs: The rate rises linearly from 0 so long, before all else.
        hold_epochs: So long it stays, after the warm-up.
    """

    kind: Literal["cosine"] = "cosine"
    floor: float = Field(default=0.0, ge=0)
    warmup_epochs: float = Field(default=0.0, ge=0)
    hold_epochs: float = Field(default=0.0, ge=0)

    def rate(self, start: float, epoch: float, epochs: float) -> float:
        """The learning rate at an epoch; see :meth:`Constant.rate`."""
        if epoch < self.warmup_epochs:
            return start * epoch / self.warmup_epochs
        begin = self.warmup_epochs + self.hold_epochs
        share = min(1.0, max(0.0, epoch - begin) / max(epochs - begin, 1e-12))
        return self.floor + (start - self.floor) * (1 + math.cos(math.pi * share)) / 2


class Linear(Settings):
    """The learning rate stays for ``hold_epochs`` and then falls on a line to 0 at the end."""

    kind: Literal["linear"] = "linear"
    hold_epochs: float = Field(default=0.0, ge=0)

    def rate(self, start: float, epoch: float, epochs: float) -> float:
        """The learning rate at an epoch; see :meth:`Constant.rate`."""
        falling = max(epochs - self.hold_epochs, 1e-12)
        return start * (1 - min(1.0, max(0.0, epoch - self.hold_epochs) / falling))


Decay = Annotated[Constant | Step | Milestones | Cosine | Linear, Field(discriminator="kind")]


class Adversary(Settings):
    """How an objective's adversary is trained; by the recipe's optimiser, without decay.

    Attributes:
        learning_rate: Learning rate of its own optimiser.
        steps: Its steps for one of the network.
    """

    learning_rate: float = Field(gt=0)
    steps: int = Field(default=1, ge=1)


class Method(Settings):
    """How anything here is trained; a system's recipe adds what it is trained on.

    Attributes:
        epochs: Length of the training, in the unit in which its schedule is stated; the steps of a
            training are spread over it.
        warmup_epochs: First epochs of objectives that have a warm-up.
        optimiser: How gradients become steps.
        decay: Decay of the learning rate.
        gradient_clip: Largest Euclidean norm of all gradients together; None for no limit.
        adversary: Where the objective has one.
        averaged_from_epoch: From this epoch on, the weights of all steps are averaged, and the mean
            is evaluated (SWA); None for no mean.
        training: How it is carried out.
    """

    epochs: int = Field(ge=1)
    warmup_epochs: int = Field(default=0, ge=0)
    optimiser: Optimiser = Optimiser()
    decay: Decay = Constant()
    gradient_clip: float | None = Field(default=None, gt=0)
    adversary: Adversary | None = None
    averaged_from_epoch: float | None = Field(default=None, ge=0)
    training: Training = Training()
