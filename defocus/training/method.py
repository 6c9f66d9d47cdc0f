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

UNDECIDING = frozenset(
    {
        "checkpoint_minutes",
        "graphs",
        "tensorboard",
        "workers",
    }
)
"""Settings that do not change the result of a training."""


class Training(Settings):
    """How a training is carried out; the values depend on the machine, not on a paper."""

    # ``bfloat16`` computes convolutions and matrix products so; weights stay float32. ``auto`` does
    # it where the device has instructions for it: elsewhere it is slower.
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    # parts into which the batch is split, to save memory
    accumulate: int = Field(default=1, ge=1)
    # decay per step of the running mean of the weights, which is what is evaluated; None for none
    average: float | None = Field(
        default=None,
        gt=0,
        lt=1,
    )
    # whether that decay begins smaller: after step t it is at most (1 + t) / (10 + t), so that the
    # first weights are soon forgotten
    average_warmup: bool = False
    channels_last: bool = (
        False  # the order of the pixels in memory that tensor cores like
    )
    compile: bool = (
        False  # whether PyTorch compiles the network first, which takes minutes
    )
    # whether a GPU replays the network's passes as recorded graphs: small kernels are launched
    # sooner; not for networks that decide anything in Python, such as by a counter
    graphs: bool = False
    # what a GPU computes in TF32, whose factors have 10 bits in place of 23, where float32 is asked
    # for: convolutions, as PyTorch does by default, matrix products as well, or nothing
    tf32: Literal["convolutions", "all", "none"] = "convolutions"
    # how cuDNN chooses an algorithm: by a rule, or the fastest of those that it tries at first,
    # which may be another one in the next run
    cudnn: Literal["rule", "fastest"] = "rule"
    deterministic: bool = (
        False  # refuse operations whose result differs from run to run
    )
    # how often the validation pairs are scored
    validations: int = Field(default=0, ge=0)
    select: Selection = "last"
    checkpoint_minutes: float = Field(default=1.0, gt=0)  # so often the state is saved
    tensorboard: bool = (
        False  # whether TensorBoard gets the curves too; needs that extra
    )
    # how often each pair of a stream is used on average: pairs stay in memory, and crops of them
    # are turned and get other orders of colours; 1 renders a pair for each crop
    reuse: int = Field(default=1, ge=1)
    # of a stream, each with its kernels; None: 200
    lenses: int | None = Field(default=None, ge=1)
    # processes that make batches ahead; 0 makes them in the training's own. None is one less than
    # there are cores, and 0 where fewer than 500 steps are left.
    workers: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.graphs and (self.compile or self.accumulate > 1):
            raise ValueError("graphs goes with accumulate = 1 and without compile")
        if self.deterministic and self.cudnn == "fastest":
            raise ValueError('deterministic goes with cudnn = "rule"')
        return self

    @property
    def of_pairs(self) -> Self:
        """The same without settings that only streams have."""
        return self.model_copy(update={"reuse": 1, "lenses": None})

    @property
    def times(self) -> int:
        """How often to score: a choice by scores needs some."""
        return self.validations or (0 if self.select == "last" else 10)


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
        if len(self.epochs) != len(self.factors) or list(self.epochs) != sorted(
            self.epochs
        ):
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
        return self.floor + (start - self.floor) * (1 + math.cos(math.pi * share)) / 2


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


class Adversary(Settings):
    """How an objective's adversary is trained; by the recipe's optimiser, without decay."""

    learning_rate: float = Field(gt=0)
    steps: int = Field(default=1, ge=1)  # for one of the network


class Method(Settings):
    """How a network is trained; a system's recipe adds the data."""

    # length of the training, in the unit of its schedule; the steps are spread over it
    epochs: int = Field(ge=1)
    warmup_epochs: int = Field(default=0, ge=0)  # of objectives that have a warm-up
    optimiser: Optimiser = Optimiser()
    decay: Decay = Constant()
    # largest Euclidean norm of all gradients together; None for no limit
    gradient_clip: float | None = Field(default=None, gt=0)
    adversary: Adversary | None = None
    # from this epoch on the weights of all steps are averaged, and the mean is evaluated (SWA)
    averaged_from_epoch: float | None = Field(default=None, ge=0)
    training: Training = Training()
