"""Method of a training: optimiser, decay of the learning rate, averaging, adversary."""

from typing import Literal, Self

from pydantic import Field, model_validator

from defocus.settings import Settings
from defocus.training.learning_rate import Constant, Decay
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
        """The settings without those that only streams have."""
        return self.model_copy(update={"reuse": 1, "lenses": None})

    @property
    def times(self) -> int:
        """How often to score: a choice by scores needs some."""
        return self.validations or (0 if self.select == "last" else 10)


class Adversary(Settings):
    """How an objective's adversary is trained; by the recipe's optimiser, without decay."""

    learning_rate: float = Field(gt=0)
    steps: int = Field(default=1, ge=1)  # for one of the network


class Method(Settings):
    """How a network is trained; a system's recipe adds the data.

    Attributes:
        epochs: Length of the training, >= 1, in the unit of its schedule; the steps are spread
            over it.
        warmup_epochs: Epochs of the warm-up of an objective that has one.
        optimiser: How gradients become steps.
        decay: Learning rate over the epochs, by its ``kind``: ``constant``, ``step``,
            ``milestones``, ``cosine`` or ``linear``.
        gradient_clip: Largest Euclidean norm of all gradients together, above 0; None for no
            limit.
        adversary: How an objective's adversary is trained; None without one.
        averaged_from_epoch: From this epoch on the weights of all steps are averaged, and the mean
            is evaluated; None for no average. Source: Izmailov et al., Averaging Weights Leads to
            Wider Optima and Better Generalization (SWA), UAI 2018.
        training: How it is carried out on a machine: precision, memory, workers.
    """

    epochs: int = Field(ge=1)
    warmup_epochs: int = Field(default=0, ge=0)
    optimiser: Optimiser = Optimiser()
    decay: Decay = Constant()
    gradient_clip: float | None = Field(default=None, gt=0)
    adversary: Adversary | None = None
    averaged_from_epoch: float | None = Field(default=None, ge=0)
    training: Training = Training()
