"""Recipe: typed training settings of one baseline; the defaults are the paper's values."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal

from pydantic import Field, model_validator

from defocus.settings import Settings
from defocus.training.learning_rate import Constant as Constant
from defocus.training.learning_rate import Cosine as Cosine
from defocus.training.learning_rate import Milestones as Milestones
from defocus.training.learning_rate import Step as Step
from defocus.training.method import Adversary as Adversary
from defocus.training.method import Method, Training
from defocus.training.optimiser import Optimiser

TargetName = Literal[
    "sharp", "prealigned", "compensated", "registered", "registered-flow", "truth"
]
"""Targets of a training; see :class:`defocus.baselines.recipe.Recipe`."""

FurtherInput = Literal["dual_pixel", "defocus_map"]
"""Inputs that a network may get in addition to the blurry picture."""

Further = Literal["dual_pixel", "defocus_map", "flow", "valid_mask", "measured_blur"]
"""Data that a pair may have in addition to blurry picture and target. The last two are measured,
and the mask comes with ``registered-flow``."""

NAMES: dict[Further, str] = {
    "dual_pixel": "dual-pixel views",
    "defocus_map": "defocus map",
    "flow": "true flow",
    "valid_mask": "valid mask",
    "measured_blur": "sharp picture, from which its blur could be measured",
}


DEFAULT_LOSS = "charbonnier"
"""Loss of the objective ``supervised`` if no terms are given."""

BudgetName = Literal["demo", "quick", "paper", "own"]
"""Budgets; ``demo`` is the default of ``run --all`` and never ranks, nor does ``quick``. ``own`` is
the long training of the networks designed here; no other system has it, and it never ranks."""

Augmentation = Literal[
    "flip", "rotate", "shrink", "grey", "saturation", "noise", "channels"
]
"""``flip``: each axis by itself in half of the cases; ``rotate``: by 0, 90, 180 or 270 degrees;
``shrink``: to 0.7 to 1 of the size in half of the cases; ``grey``: without colour in 3 of 10;
``saturation``: by a fifth more or less in a third; ``noise``: on the blurry picture in 1 of 20;
``channels``: red, green and blue in another order in 3 of 10."""


class Growth(Settings):
    """A change of crop and batch during a training.

    Attributes:
        from_epoch: Epoch on the recipe's scale from which it holds, above 0.
        crop_px: Side of the square crop, px, >= 16.
        batch: Crops per step, >= 1.
    """

    from_epoch: float = Field(gt=0)
    crop_px: int = Field(ge=16)
    batch: int = Field(ge=1)


class Schedule(Settings):
    """Length and batches of a training budget.

    Attributes:
        steps: Optimiser steps, >= 1; None if the paper counts epochs.
        crop_px: Side of the square training crop, px, >= 16.
        batch: Crops per step, >= 1.
        learning_rate: Initial learning rate, after a warm-up; above 0.
        growth: Later crops and batches, each a table of ``from_epoch`` (above 0, on the scale of
            the recipe's ``epochs``), ``crop_px`` and ``batch``, in the order of ``from_epoch``;
            needs ``steps``.
        start: Label of added weights to start from; None for fresh ones.

    Raises:
        ValueError: A number is out of its range, ``growth`` is not in order or has no ``steps``,
            or a field does not exist.

    Examples:
        >>> import defocus
        >>> later = {"from_epoch": 50, "crop_px": 128, "batch": 4}
        >>> schedule = defocus.Schedule(
        ...     steps=1000, crop_px=64, batch=8, learning_rate=1e-3, growth=(later,)
        ... )
        >>> schedule.size_at(10), schedule.size_at(50)
        ((64, 8), (128, 4))
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
        if any(
            first.from_epoch >= second.from_epoch
            for first, second in pairwise(self.growth)
        ):
            raise ValueError("growth must be in the order of from_epoch")
        return self

    def size_at(self, epoch: float) -> tuple[int, int]:
        """Crop (px) and batch at an epoch of the recipe's scale."""
        reached = [each for each in self.growth if each.from_epoch <= epoch]
        return (
            (reached[-1].crop_px, reached[-1].batch)
            if reached
            else (self.crop_px, self.batch)
        )

    @property
    def largest_crop_px(self) -> int:
        """Side of the largest crop."""
        return max([self.crop_px, *(each.crop_px for each in self.growth)])


class Recipe(Method):
    """Settings for training one baseline.

    Optimiser, decay of the learning rate and the like are those of
    :class:`~defocus.training.method.Method`.

    Attributes:
        objective: Name of a module in ``defocus.baselines.objectives``, or of an objective of a
            plug-in file.
        objective_settings: Keyword arguments of its ``make``.
        target: Target of the network: ``sharp`` (the picture as captured),
            ``prealigned`` (registered onto the blurry one beforehand), ``registered`` (with its
            light too), ``registered-flow`` (the same, by the local flow too), ``compensated`` (as
            ``registered``, and as captured where that is not possible), ``truth`` (rendered data).
        supervision: Further data for the objective: ``dual_pixel``, ``defocus_map``, ``flow``,
            ``measured_blur``, or with the target ``registered-flow`` ``valid_mask``; see
            :class:`~defocus.baselines.objective.Batch`.
        epochs: Length of the paper's training, in the unit in which its schedule is stated; other
            budgets stretch the schedule to their steps.
        augment: Kinds of augmentation besides the random position: ``flip`` (each axis by itself,
            in half of the cases), ``rotate`` (by 0, 90, 180 or 270 degrees), ``shrink`` (to 0.7 to
            1 of the size, in half of the cases), ``grey`` (without colour, in 3 of 10),
            ``saturation`` (by a fifth more or less, in a third), ``noise`` (on the blurry picture,
            in 1 of 20), ``channels`` (red, green and blue in another order, in 3 of 10).
        bit_depth: 8 or 16; pictures with more bits are rounded to this bit depth.
        paper, quick, demo: Schedules of the budgets. Without a paper, ``paper`` is left out and is
            the same as ``own``.
        own: Schedule of the budget ``own``, for networks designed here; None for others.

    Raises:
        ValueError: A value is out of its range, a schedule is missing, or a field does not exist.

    Examples:
        >>> import defocus
        >>> short = defocus.Schedule(steps=20, crop_px=48, batch=2, learning_rate=1e-3)
        >>> recipe = defocus.Recipe(
        ...     epochs=1, paper=short, quick=short, demo=short, augment=("flip", "rotate")
        ... )
        >>> recipe.learning_rate("demo", epoch=0.5)
        0.001
    """

    objective: str = "supervised"
    objective_settings: dict[str, Any] = Field(default_factory=dict)
    target: TargetName = "sharp"
    supervision: tuple[Further, ...] = ()
    augment: tuple[Augmentation, ...] = ()
    bit_depth: Literal[8, 16] = 16
    paper: Schedule
    quick: Schedule
    demo: Schedule
    own: Schedule | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_a_paper(cls, values: Any) -> Any:  # noqa: ANN401 - whatever was given
        if isinstance(values, dict) and "paper" not in values and "own" in values:
            return {**values, "paper": values["own"]}
        return values

    def schedule(self, budget: BudgetName) -> Schedule:
        """The schedule of a budget.

        Raises:
            ValueError: The budget is ``own``, but the recipe has no such schedule.
        """
        schedules = {
            "paper": self.paper,
            "quick": self.quick,
            "demo": self.demo,
            "own": self.own,
        }
        schedule = schedules[budget]
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


TERMS = ({"loss": "l2"},)
"""The loss in the demo, of squared differences as in PSNR. With absolute differences a network that
saw little stays nearer to its input. An adversary or a perceptual loss gains nothing in seconds,
and shifts colours."""
START_TERMS = ({"loss": "l1"}, {"loss": "frequency", "weight": 0.05})
"""The loss of the training before the demo, and where losses are compared, because JDRL uses
absolute differences too."""
NARROW_PAIRS = 24
"""Number of training pairs that a demo aligns and packs; it is too short to see more."""

EPOCHS = 100
FLOOR, WARMUP_SHARE = 1e-6, 0.05
"""Last learning rate, and share of the training in which it rises at first."""
METHOD = Method(
    epochs=EPOCHS,
    optimiser=Optimiser(
        name="adamw",
        betas=(0.9, 0.98),
        weight_decay=1e-3,
        decayed="matrices",
    ),
    decay=Cosine(floor=FLOOR, warmup_epochs=WARMUP_SHARE * EPOCHS),
    gradient_clip=1.0,
    training=Training(average=0.99, average_warmup=True),
)

DEMO = Schedule(steps=32, crop_px=64, batch=2, learning_rate=6e-4)
DEMO_TRAINING = Training(average=0.98)
"""The average of the weights begins with the start weights, so that after 32 steps half of them is
left and the few pairs of a demo do not teach a network their brightness: with an average that
begins afresh, some networks darkened pictures by 2 to 4 of 255 levels."""
MISALIGNED = DEMO.model_copy(update={"steps": 48, "learning_rate": 1e-3})
"""Schedule for pairs that are off by pixels, where losses are compared. It is long and fast enough
that a network learns what its loss prefers; 32 careful steps from the start weights do not show
that."""
REBLUR_SHARE = 0.25
"""Share of a training with JDRL in which its new reblurring network learns alone."""
REBLUR_FEATURES = 16
"""Channels of the reblurring network that trains with a narrow copy. The paper's has 64."""


def narrow_recipe(own: Callable[[], Recipe], *, keeps_objective: bool) -> Recipe:
    """The training settings of a narrow copy; an objective such as JDRL may be the point of it."""
    recipe = own()
    changed: dict[str, Any] = {
        **{name: getattr(METHOD, name) for name in ("optimiser", "gradient_clip")},
        "training": DEMO_TRAINING,
        "decay": Cosine(floor=FLOOR, warmup_epochs=WARMUP_SHARE * recipe.epochs),
        "averaged_from_epoch": None,
        "augment": ("flip", "rotate"),
        "target": "compensated" if recipe.target == "sharp" else recipe.target,
        "demo": DEMO,
    }
    if not keeps_objective:
        changed |= {
            "objective": "supervised",
            "objective_settings": {"terms": TERMS},
            "warmup_epochs": 0,
            "adversary": None,
            "supervision": (),
        }
    elif recipe.objective in {"jdrl", "rjdrl"}:
        changed["objective_settings"] = _beside_a_narrow_copy(recipe)
    return recipe.model_copy(update=changed)


def misaligned(own: Callable[[], Recipe]) -> Recipe:
    """The training settings of a narrow copy where losses are compared on pairs as captured."""
    recipe = own()
    changed: dict[str, Any] = {"demo": MISALIGNED, "training": METHOD.training}
    if recipe.target == "compensated":
        changed["target"] = "sharp"
    if recipe.objective == "supervised":
        changed["objective_settings"] = {"terms": START_TERMS}
    return recipe.model_copy(update=changed)


def _beside_a_narrow_copy(recipe: Recipe) -> dict[str, Any]:
    """JDRL's settings: a narrow reblurring network; the start weights are the pretraining."""
    settings = {"features": REBLUR_FEATURES, **recipe.objective_settings}
    settings.pop("pretraining", None)
    if "reblur_epochs" in settings:
        settings["reblur_epochs"] = REBLUR_SHARE * recipe.epochs
    return settings
