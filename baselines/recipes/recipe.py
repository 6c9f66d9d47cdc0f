"""Recipe: typed training settings of one baseline; the defaults are the paper's values."""

import math
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    model_validator,
)

from defocus.baselines.recipes.optimiser import Optimiser
from defocus.baselines.recipes.training import Training
from defocus.settings import Settings

__all__ = [
    "DEFAULT_LOSS",
    "Adversary",
    "Augmentation",
    "BudgetName",
    "Constant",
    "Cosine",
    "Growth",
    "Linear",
    "Milestones",
    "Recipe",
    "Schedule",
    "Step",
    "plain_recipe",
]

DEFAULT_LOSS = "charbonnier"
"""Of the objective ``supervised`` where no terms are set."""

BudgetName = Literal["demo", "quick", "paper", "own"]
"""Budgets; ``demo`` is the default of ``run --all`` and never ranks, nor does ``quick``. ``own`` is
the long training of the networks designed here; no other system has it, and it never ranks."""

Augmentation = Literal["flip", "rotate", "shrink", "grey", "saturation", "noise", "channels"]
"""``flip``: each axis by itself in half of the cases; ``rotate``: by 0, 90, 180 or 270 degrees;
``shrink``: to 0.7 to 1 of the size in half of the cases; ``grey``: without colour in 3 of 10;
``saturation``: by a fifth more or less in a third; ``noise``: on the blurry picture in 1 of 20;
``channels``: red, green and blue in another order in 3 of 10."""


class Growth(Settings):
    """A change of crop and batch in the course of a training.

    Attributes:
        from_epoch: On the recipe's scale, > 0.
        crop_px: Side of the square training crop.
        batch: Crops per step.
    """

    from_epoch: float = Field(gt=0)
    crop_px: int = Field(ge=16)
    batch: int = Field(ge=1)


class Schedule(Settings):
    """How long and on what one budget trains.

    Attributes:
        steps: Optimiser steps, >= 1; None where the paper counts epochs.
        crop_px: Side of the square training crop.
        batch: Crops per step.
        learning_rate: At the start, after a warm-up of the rate.
        growth: Later crops and batches, by ``from_epoch``; needs ``steps``.
        start: Label of added weights that the network starts from; None for fresh ones.
    """

    steps: int | None = Field(default=None, ge=1)
    crop_px: int = Field(ge=16)
    batch: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    growth: tuple[Growth, ...] = ()
    start: str | None = None

    @model_validator(mode="after")
    def _growth_in_order(self) -> "Schedule":
        if self.growth and self.steps is None:
            raise ValueError("growth needs steps: an epoch has no fixed length then")
        if any(first.from_epoch >= second.from_epoch for first, second in pairwise(self.growth)):
            raise ValueError("growth must be in the order of from_epoch")
        return self

    def size_at(self, epoch: float) -> tuple[int, int]:
        """Crop (px) and batch at an epoch of the recipe's scale."""
        reached = [each for each in self.growth if each.from_epoch <= epoch]
        return (reached[-1].crop_px, reached[-1].batch) if reached else (self.crop_px, self.batch)

    @property
    def largest_crop_px(self) -> int:
        """Side of the largest crop."""
        return max([self.crop_px, *(each.crop_px for each in self.growth)])


class Constant(Settings):
    """The learning rate stays."""

    kind: Literal["constant"] = "constant"

    def rate(self, start: float, epoch: float, epochs: float) -> float:  # noqa: ARG002 - as the others
        """The learning rate at an epoch.

        Args:
            start: Start of the schedule.
            epoch: 0.0 at the first step, on the recipe's scale.
            epochs: Epochs of the recipe.
        """
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


class Recipe(Settings):
    """Settings for training one baseline.

    Attributes:
        objective: Name of a module in ``defocus.baselines.objectives``.
        objective_settings: Keyword arguments of its ``make``.
        target: What the network learns to give: ``sharp`` (the picture as captured),
            ``prealigned`` (registered onto the blurry one beforehand), ``truth`` (rendered data).
        supervision: What the objective needs beside what the network is given: ``dual_pixel``,
            ``defocus_map``; see :class:`~defocus.baselines.objective.Batch`.
        epochs: Length of the paper's training, in the unit in which its schedule is stated; other
            budgets stretch the schedule to their steps.
        warmup_epochs: First epochs of objectives that have a warm-up.
        optimiser: How gradients become steps.
        decay: Decay of the learning rate.
        gradient_clip: Largest Euclidean norm of all gradients together; None for no limit.
        adversary: Where the objective has one.
        averaged_from_epoch: From this epoch on, the weights of all steps are averaged, and the mean
            is evaluated (SWA); None for no mean.
        augment: What is drawn for each crop, beside its place.
        bit_depth: Pictures with more bits are rounded to this bit depth.
        training: How it is carried out.
        paper, quick, demo: Schedules of the budgets.
        own: The same, for networks designed here; None for all others.
    """

    objective: str = "supervised"
    objective_settings: dict[str, Any] = Field(default_factory=dict)
    target: Literal["sharp", "prealigned", "truth"] = "sharp"
    supervision: tuple[Literal["dual_pixel", "defocus_map"], ...] = ()
    epochs: int = Field(ge=1)
    warmup_epochs: int = Field(default=0, ge=0)
    optimiser: Optimiser = Optimiser()
    decay: Decay = Constant()
    gradient_clip: float | None = Field(default=None, gt=0)
    adversary: Adversary | None = None
    averaged_from_epoch: float | None = Field(default=None, ge=0)
    augment: tuple[Augmentation, ...] = ()
    bit_depth: Literal[8, 16] = 16
    training: Training = Training()
    paper: Schedule
    quick: Schedule
    demo: Schedule
    own: Schedule | None = None

    def schedule(self, budget: BudgetName) -> Schedule:
        """The schedule of a budget.

        Raises:
            ValueError: The budget is ``own``, and the recipe has no such schedule.
        """
        found = {"paper": self.paper, "quick": self.quick, "demo": self.demo, "own": self.own}
        schedule = found[budget]
        if schedule is None:
            raise ValueError(f"the recipe has no budget {budget}")
        return schedule

    def learning_rate(self, budget: BudgetName, epoch: float) -> float:
        """The learning rate of a budget at an epoch of this recipe's scale."""
        return self.decay.rate(self.schedule(budget).learning_rate, epoch, self.epochs)


def plain_recipe() -> Recipe:
    """Default recipe of a network without one: Adam on the Charbonnier loss."""
    return Recipe(
        epochs=100,
        decay=Cosine(floor=1e-7),
        augment=("flip", "rotate"),
        paper=Schedule(steps=100_000, crop_px=256, batch=8, learning_rate=2e-4),
        quick=Schedule(steps=3000, crop_px=64, batch=4, learning_rate=5e-4),
        demo=Schedule(steps=30, crop_px=64, batch=1, learning_rate=1e-3),
    )
