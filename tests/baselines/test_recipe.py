"""Schedules of learning rate, crop and batch, by hand; settings that contradict themselves."""

import math

import pytest
from pydantic import ValidationError

from defocus.baselines.recipes.recipe import (
    Constant,
    Cosine,
    Growth,
    Milestones,
    Recipe,
    Schedule,
    Step,
)
from defocus.baselines.registry import all_baselines
from defocus.training.method import Decay

START = 2.0


@pytest.mark.parametrize(
    ("decay", "epoch", "expected"),
    [
        (Constant(), 99, 2.0),
        (Step(every=60), 59.9, 2.0),
        (Step(every=60), 60, 1.0),
        (Step(every=20, factor=0.8), 41, 2 * 0.64),
        (Milestones(epochs=(50, 55), factors=(0.5, 0.1)), 49.99, 2.0),
        (Milestones(epochs=(50, 55), factors=(0.5, 0.1)), 50, 1.0),
        (Milestones(epochs=(50, 55), factors=(0.5, 0.1)), 99, 0.2),
        (Cosine(floor=0.2), 0, 2.0),
        (Cosine(floor=0.2), 50, 1.1),
        (Cosine(floor=0.2), 100, 0.2),
        (Cosine(warmup_epochs=10), 5, 1.0),
        (Cosine(warmup_epochs=10, hold_epochs=30), 39, 2.0),
        (Cosine(warmup_epochs=10, hold_epochs=30), 70, 1.0),
        (Cosine(), 25, 1 + math.cos(math.pi / 4)),
    ],
)
def test_learning_rates(decay: Decay, epoch: float, expected: float) -> None:
    assert decay.rate(START, epoch, 100) == pytest.approx(expected)


def schedule(**settings: object) -> dict[str, object]:
    return {"steps": 10, "crop_px": 64, "batch": 8, "learning_rate": 1e-4, **settings}


def test_crops_grow_from_their_epoch_on() -> None:
    growth = (
        Growth(from_epoch=30, crop_px=96, batch=4),
        Growth(from_epoch=60, crop_px=128, batch=1),
    )
    made = Schedule.model_validate(schedule(growth=growth))
    found = [made.size_at(epoch) for epoch in (0, 29.9, 30, 59, 60, 99)]
    assert found == [(64, 8), (64, 8), (96, 4), (96, 4), (128, 1), (128, 1)]
    assert made.largest_crop_px == 128
    assert Schedule.model_validate(schedule()).largest_crop_px == 64


def test_the_budget_own_is_the_one_that_may_be_missing() -> None:
    one = schedule()
    recipe = Recipe.model_validate({"epochs": 100, "paper": one, "quick": one, "demo": one})
    assert recipe.schedule("paper").steps == 10
    with pytest.raises(ValueError, match="own"):
        recipe.schedule("own")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"decay": {"kind": "milestones", "epochs": [5, 3], "factors": [0.5, 0.1]}}, "ascend"),
        ({"decay": {"kind": "milestones", "epochs": [5], "factors": []}}, "as many"),
        ({"decay": {"kind": "cosine", "every": 3}}, "extra"),
        ({"decay": {"kind": "logarithmic"}}, "logarithmic"),
        (
            {"paper": schedule(steps=None, growth=[{"from_epoch": 1, "crop_px": 64, "batch": 1}])},
            "steps",
        ),
        ({"augment": ["mirror"]}, "flip"),
        ({"optimiser": {"name": "sgdd"}}, "did you mean 'sgd"),
        ({"optimiser": {"name": "lbfgs"}}, "several times"),
        ({"optimiser": {"name": "sgd", "betas": [0.5, 0.9]}}, "no setting 'betas'"),
        ({"optimiser": {"name": "sgd", "settings": {"momentun": 0.9}}}, "did you mean 'momentum"),
        ({"optimiser": {"name": "sgd", "settings": {"momentum": -1}}}, "Invalid momentum"),
        ({"gradient_clip": 0}, "greater than 0"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, object], word: str) -> None:
    one = schedule()
    settings = {"epochs": 100, "paper": one, "quick": one, "demo": one, **changes}
    with pytest.raises(ValidationError, match=word):
        Recipe.model_validate(settings)


@pytest.mark.parametrize("name", ["sfnet", "fsnet", "focalnet", "irnext", "oknet"])
def test_the_training_of_the_sfnet_family_is_that_of_motion_deblurring(name: str) -> None:
    """Values of SFNet's and FSNet's released trainer; the others have SFNet's by choice."""
    recipe = all_baselines()[name].recipe()
    paper = recipe.paper
    assert recipe.gradient_clip == 0.01
    assert (paper.crop_px, paper.batch, paper.learning_rate) == (256, 4, 1e-4)
    rates = [recipe.learning_rate("paper", epoch) for epoch in (1, 3, 1501.5, 3000)]
    assert rates == pytest.approx([1e-4 / 3, 1e-4, (1e-4 + 1e-6) / 2, 1e-6])
    terms = recipe.objective_settings["terms"]
    assert [(one["loss"], one.get("weight", 1)) for one in terms] == [("l1", 1), ("frequency", 0.1)]


def test_features_count_little_in_drbnets_second_stage_and_nothing_in_its_first() -> None:
    both, first = (all_baselines()[f"drbnet{end}"].recipe() for end in ("", "-dpdd-only"))
    features = {"loss": "perceptual", "weight": 0.01, "settings": {"last": 25}}
    assert both.objective_settings["terms"] == [{"loss": "l1"}, features]
    assert first.objective_settings["terms"] == [{"loss": "l1"}]
