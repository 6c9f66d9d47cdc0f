"""Training of narrow copies: for all of them the same, so that their rows compare."""

from collections.abc import Callable
from typing import Any

from defocus.baselines.recipe import Cosine, Recipe, Schedule
from defocus.training.method import Method
from defocus.training.optimiser import Optimiser
from defocus.training.settings import Training

__all__ = [
    "DEMO",
    "DEMO_TRAINING",
    "METHOD",
    "MISALIGNED",
    "NARROW_PAIRS",
    "START_TERMS",
    "TERMS",
    "misaligned",
    "narrow_recipe",
]

TERMS = ({"loss": "l2"},)
"""The loss in the demo: of squared differences, as PSNR is. One of absolute differences keeps a
network that saw little nearer to its input. An adversary or a perceptual loss tells nothing in
seconds, and pulls colours away."""
START_TERMS = ({"loss": "l1"}, {"loss": "frequency", "weight": 0.05})
"""The loss before the demo, and where losses are compared: JDRL's is of absolute differences too.
"""
NARROW_PAIRS = 24
"""As many training pairs are aligned and packed for a demo; more would not be seen."""

EPOCHS = 100
FLOOR, WARMUP_SHARE = 1e-6, 0.05
"""Last learning rate, and share of the training in which it rises at first."""
METHOD = Method(
    epochs=EPOCHS,
    optimiser=Optimiser(name="adamw", betas=(0.9, 0.98), weight_decay=1e-3, decayed="matrices"),
    decay=Cosine(floor=FLOOR, warmup_epochs=WARMUP_SHARE * EPOCHS),
    gradient_clip=1.0,
    training=Training(average=0.99, average_warmup=True),
)

DEMO = Schedule(steps=32, crop_px=64, batch=2, learning_rate=6e-4)
DEMO_TRAINING = Training(average=0.98)
"""The average over the steps begins at the start weights. So a network of 32 steps keeps half of
them, and the few pairs of a demo do not teach it their brightness: with an average that begins
afresh, some networks darkened pictures by 2 to 4 of 255 levels."""
MISALIGNED = DEMO.model_copy(update={"steps": 48, "learning_rate": 1e-3})
"""On pairs that are off by pixels, where losses are compared: long and fast enough that a network
learns what its loss asks for, which 32 careful steps from the start weights do not show."""
REBLUR_SHARE = 0.25
"""Share of a training with JDRL in which its reblurring network learns alone, as it starts anew."""
REBLUR_FEATURES = 16
"""Channels of the reblurring network beside a narrow copy; the paper's has 64."""


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
