"""Training settings: precision, averaging, checkpoints, validation."""

from typing import Literal, Self

from pydantic import Field

from defocus.settings import Settings

__all__ = ["UNDECIDING", "Selection", "Training"]

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
