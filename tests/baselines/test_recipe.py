"""Schedules of learning rate, crop and batch, by hand; settings that contradict themselves."""

from operator import attrgetter

import pytest
from pydantic import ValidationError

from defocus.baselines.recipe import Recipe
from defocus.baselines.registry import all_baselines
from defocus.training.optimiser import Optimiser

GROWN = {"from_epoch": 1, "crop_px": 64, "batch": 1}


def schedule(**settings: object) -> dict[str, object]:
    return {"steps": 10, "crop_px": 64, "batch": 8, "learning_rate": 1e-4, **settings}


def test_the_budget_own_is_the_one_that_may_be_missing(refused):
    one = schedule()
    recipe = Recipe.model_validate(
        {"epochs": 100, "paper": one, "quick": one, "demo": one}
    )
    assert recipe.schedule("paper").steps == 10
    with refused(ValueError):
        recipe.schedule("own")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        (
            {"decay": {"kind": "milestones", "epochs": [5, 3], "factors": [0.5, 0.1]}},
            "ascend",
        ),
        ({"decay": {"kind": "milestones", "epochs": [5], "factors": []}}, "as many"),
        ({"decay": {"kind": "cosine", "every": 3}}, "extra_forbidden"),
        ({"decay": {"kind": "logarithmic"}}, "logarithmic"),
        ({"paper": schedule(steps=None, growth=[GROWN])}, "growth needs steps"),
        ({"augment": ["mirror"]}, "should be 'flip'"),
        ({"optimiser": {"name": "sgdd"}}, "did you mean 'sgd"),
        ({"optimiser": {"name": "lbfgs"}}, "several times"),
        ({"optimiser": {"name": "sgd", "betas": [0.5, 0.9]}}, "no setting 'betas'"),
        (
            {"optimiser": {"name": "sgd", "settings": {"momentun": 0.9}}},
            "did you mean 'momentum",
        ),
        (
            {"optimiser": {"name": "sgd", "settings": {"momentum": -1}}},
            "Invalid momentum",
        ),
        ({"gradient_clip": 0}, "greater than 0"),
    ],
)
def test_contradictions_are_refused(changes, word):
    one = schedule()
    settings = {"epochs": 100, "paper": one, "quick": one, "demo": one, **changes}
    with pytest.raises(ValidationError, match=word):
        Recipe.model_validate(settings)


Facts = dict[str, object]
PUBLISHED: dict[str, tuple[Facts, dict[float, float]]] = {
    "dmphn": ({"epochs": 4000}, {999: 1e-4, 1000: 1e-5, 3999: 1e-7}),
    "dmphn-1-2-4": ({"epochs": 2400}, {}),
    "dmphn-stack4": ({"epochs": 3000}, {}),
    "drbnet": (
        {
            "paper.start": "lfdof",
            "demo.start": None,
            "paper.crop_px": 256,
            "paper.batch": 4,
        }
        | {"augment": (), "optimiser": Optimiser(), "gradient_clip": None},
        {99: 1e-4},
    ),
    "drbnet-dpdd-only": ({"paper.start": None}, {}),
    "dpdnet-single": (
        {
            "epochs": 200,
            "paper.crop_px": 512,
            "paper.batch": 5,
            "augment": (),
            "bit_depth": 16,
        },
        {0: 2e-5, 59.9: 2e-5, 60: 1e-5, 120: 5e-6, 199: 2.5e-6},
    ),
    "gkmnet": ({"epochs": 4000}, {0: 1e-4, 2999: 1e-4, 3000: 1e-5}),
    "gkmnet-updating": ({"epochs": 3000}, {2999: 1e-4}),
    "ifan": (
        {"paper.steps": 600_000, "paper.crop_px": 256, "paper.batch": 8, "bit_depth": 8}
        | {"augment": ("shrink", "grey", "noise"), "gradient_clip": 0.5}
        | {"optimiser": Optimiser(name="radam", weight_decay=0.01)},
        {499: 1e-4, 549: 5e-5, 550: 2.5e-5},
    ),
    "ifan-16bit": ({"bit_depth": 16}, {}),
    "jdrl-unet": (
        {
            "warmup_epochs": 15,
            "target": "sharp",
            "optimiser": Optimiser(),
            "gradient_clip": None,
        },
        {59: 2e-5, 60: 1e-5},
    ),
    "iniknet": ({}, {1199: 2e-4, 1200: 1e-4, 2400: 5e-5, 3600: 2.5e-5, 4999: 2.5e-5}),
    "kpac": ({"paper.batch": 8, "paper.learning_rate": 1e-4}, {}),
    "lakdnet": ({"bit_depth": 8}, {}),
    "lakdnet-l-dual": ({"bit_depth": 16}, {}),
    "mdp-views": ({"epochs": 60, "paper.start": None, "paper.learning_rate": 3e-4}, {}),
    "mdp": (
        {
            "epochs": 80,
            "paper.start": "views",
            "quick.start": None,
            "paper.crop_px": 512,
        }
        | {"paper.batch": 8, "supervision": ("dual_pixel",)},
        {0: 6e-4, 16: 6e-4 / 4},
    ),
    "mprnet": ({}, {1.5: 1e-4, 3: 2e-4, 3000: 1e-6}),
    "nafnet": (
        {"paper.steps": 200_000, "paper.crop_px": 256, "paper.batch": 32}
        | {"augment": ("flip", "rotate"), "gradient_clip": 0.01}
        | {"optimiser": Optimiser(name="adamw", betas=(0.9, 0.9), weight_decay=1e-3)},
        {0: 1e-3, 100: (1e-3 + 1e-7) / 2, 200: 1e-7},
    ),
    "nafnet-w64": (
        {"paper.steps": 400_000, "paper.batch": 64, "gradient_clip": 0.01},
        {},
    ),
    "nrknet": ({}, {1999: 1e-4, 2000: 5e-5, 3000: 5e-5, 3001: 2.5e-5, 4001: 1e-5}),
    "pptformer": ({"paper.steps": 302_000}, {0.05: 5e-4, 302: 1e-7}),
    "restormer": (
        {
            "bit_depth": 8,
            "paper.crop_px": 128,
            "paper.batch": 64,
            "augment": ("flip", "rotate"),
        }
        | {
            "optimiser": Optimiser(name="adamw", weight_decay=1e-4),
            "gradient_clip": 0.01,
        },
        {92: 3e-4, 196: (3e-4 + 1e-6) / 2, 300: 1e-6},
    ),
    "restormer-dual": ({"bit_depth": 16}, {}),
    "unet": (
        {"epochs": 100, "paper.crop_px": 256, "paper.batch": 1, "augment": ("flip",)},
        {59: 2e-5, 60: 1e-5},
    ),
    "unet-prealigned": ({"target": "prealigned"}, {}),
    "unet-truth": ({"target": "truth"}, {}),
}
"""Of released scripts or papers: facts of the recipe, and learning rates at epochs."""
MOTION = (
    {
        "gradient_clip": 0.01,
        "paper.crop_px": 256,
        "paper.batch": 4,
        "paper.learning_rate": 1e-4,
    },
    {1: 1e-4 / 3, 3: 1e-4, 1501.5: (1e-4 + 1e-6) / 2, 3000: 1e-6},
)
"""SFNet's and FSNet's released trainer of motion deblurring; their kin has SFNet's by choice."""
PUBLISHED |= dict.fromkeys(("sfnet", "fsnet", "focalnet", "irnext", "oknet"), MOTION)
PUBLISHED["convir-s"] = (MOTION[0] | {"gradient_clip": 0.001}, MOTION[1])


@pytest.mark.parametrize("name", PUBLISHED)
def test_recipes_are_the_published_ones(name):
    facts, rates = PUBLISHED[name]
    recipe = all_baselines()[name].recipe()
    assert {fact: attrgetter(fact)(recipe) for fact in facts} == facts
    rates_by_epoch = {epoch: recipe.learning_rate("paper", epoch) for epoch in rates}
    assert rates_by_epoch == pytest.approx(rates)


def test_crops_of_restormer_grow_as_published():
    paper = all_baselines()["restormer"].recipe().paper
    sizes = [paper.size_at(epoch) for epoch in (91.9, 92, 156, 204, 240, 276, 299)]
    assert sizes == [
        (128, 64),
        (160, 40),
        (192, 32),
        (256, 16),
        (320, 8),
        (384, 8),
        (384, 8),
    ]
    assert [each.from_epoch for each in paper.growth] == [92, 156, 204, 240, 276]
    assert paper.largest_crop_px == 384


STAGES = ("restored", "stage2", "stage1")
SCALES = ["restored", "half", "quarter"]
BACKBONES = [("lpips", SCALES, 0.1), ("perceptual", SCALES, 0.1)]


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        *(
            (f"dmphn-stack{n}", [("l2", f"stage{k + 1}", 1) for k in range(n)])
            for n in (2, 3, 4)
        ),
        (
            "mprnet",
            [
                (*term, of, w)
                for *term, w in (("charbonnier", 1), ("edge", 0.05))
                for of in STAGES
            ],
        ),
        *(
            (name, [("l1", "restored", 1), ("perceptual", "restored", 0.01)])
            for name in ("kpac", "drbnet")
        ),
        *(
            (name, [("l1", "restored", 1)])
            for name in ("drbnet-dpdd-only", "restormer")
        ),
        ("nafnet", [("psnr", "restored", 1)]),
        ("iniknet", [("l2", SCALES, 1), ("frequency", SCALES, 0.2), *BACKBONES]),
    ],
)
def test_terms_of_the_loss_are_the_published_ones(name, terms):
    settings = all_baselines()[name].recipe().objective_settings
    parts = [
        (t["loss"], t.get("of", "restored"), t.get("weight", 1))
        for t in settings["terms"]
    ]
    assert parts == terms
