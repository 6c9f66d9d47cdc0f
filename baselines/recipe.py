"""Recipe: typed settings for training one baseline; the paper's values are the default."""

from typing import Literal

from pydantic import Field

from defocus.settings import Settings

__all__ = ["BudgetName", "Recipe", "Schedule"]

BudgetName = Literal["demo", "quick", "paper"]
"""Budgets; ``demo`` is the default of ``run --all`` and never ranks, nor does ``quick``."""


class Schedule(Settings):
    """How long and on what one budget trains.

    Attributes:
        steps: Optimiser steps, >= 1; ``paper`` leaves it None and counts epochs.
        crop_px: Side of the square training crop.
        batch: Crops per step.
        learning_rate: Of Adam.
    """

    steps: int | None = Field(default=None, ge=1)
    crop_px: int = Field(ge=16)
    batch: int = Field(ge=1)
    learning_rate: float = Field(gt=0)


class Recipe(Settings):
    """Settings for training one baseline.

    Attributes:
        objective: Name of a module in ``defocus.baselines.objectives``.
        target: What the network learns to give: ``sharp`` (the picture as captured),
            ``prealigned`` (registered onto the blurry one beforehand), ``truth`` (rendered data).
        epochs: Length of the paper's training; other budgets stretch its schedule to their steps.
        warmup_epochs: First epochs of objectives that have a warm-up.
        halve_every_epochs: The learning rate halves each time this many epochs have passed.
        paper, quick, demo: Schedules of the budgets.
    """

    objective: str = "charbonnier"
    target: Literal["sharp", "prealigned", "truth"] = "sharp"
    epochs: int = Field(ge=1)
    warmup_epochs: int = Field(default=0, ge=0)
    halve_every_epochs: int | None = Field(default=None, ge=1)
    paper: Schedule
    quick: Schedule
    demo: Schedule

    def schedule(self, budget: BudgetName) -> Schedule:
        """The schedule of a budget."""
        return {"paper": self.paper, "quick": self.quick, "demo": self.demo}[budget]
