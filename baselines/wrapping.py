"""Cards of a network trained with JDRL, and of its two controls.

All have the number of steps of the network's own training, so that they are comparable."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from defocus.baselines.card import Baseline, settings
from defocus.baselines.objective_registry import recipe_changes

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

SOURCE = "Li et al., JDRL, AAAI 2023; github.com/liyucs/JDRL at c9c420e"

ALONE_FROM, JOINT_FROM = 0.7, 0.75
"""Shares of the training after which R learns alone, and after which both learn."""
JOINT_RATE = 0.1
"""Learning rate of joint training, relative to the network's own. The authors give 0.1 to 0.01."""


def with_jdrl(own: Baseline, display_name: str, **facts: Any) -> tuple[Baseline, ...]:  # noqa: ANN401
    """``jdrl-NAME``, and the controls ``NAME-prealigned`` and ``NAME-truth``."""
    return (
        jdrl_around(own, display_name, variant_of=own.card.variant_of, **facts),
        *controls(own),
    )


def jdrl_around(own: Baseline, display_name: str, **facts: Any) -> Baseline:  # noqa: ANN401 - a card's
    """``jdrl-NAME``: the network, its own training, then JDRL's two phases."""
    given = {
        "kind": "objective",
        "status": "paper",
        "source": f"{SOURCE}; {own.card.source}",
        "follows": f"{own.card.name} as here; its own training first, then the reblurring network "
        "on the fixed network, then both at a tenth of the rate, as the authors advise; their "
        "epochs for it are not published",
        "weights_trained_on": (),
        **facts,
    }
    return own.variant(
        f"jdrl-{own.card.name}",
        display_name,
        recipe=joint_recipe,
        **given,
    )


def controls(own: Baseline) -> tuple[Baseline, Baseline]:
    """The network with its own loss, on pairs aligned beforehand and on truly aligned pairs."""
    aligned = "registered onto the blurry one before training"
    return (
        _control(own, "prealigned", "pre-aligned pairs", aligned),
        _control(own, "truth", "truly aligned pairs", "rendered data's true one"),
    )


def _control(
    own: Baseline,
    target: str,
    pairs: str,
    sharp: str,
) -> Baseline:
    return own.variant(
        f"{own.card.name}-{target}",
        f"{own.card.display_name} ({pairs})",
        recipe=settings(target=target),
        follows=f"the same network and loss as {own.card.name}; the sharp picture is {sharp}",
        weights_trained_on=(),
    )


def joint_recipe(own: "Recipe") -> "Recipe":
    """The network's settings with the two phases of JDRL at the end of its training."""
    # A cosine schedule has reached about a tenth by then and continues; any other decay is replaced
    # by one step to a tenth.
    from defocus.baselines.recipe import Milestones

    pretraining = {
        "objective": own.objective,
        "settings": own.objective_settings,
        "epochs": ALONE_FROM * own.epochs,
    }
    step = Milestones(epochs=(JOINT_FROM * own.epochs,), factors=(JOINT_RATE,))
    return own.model_copy(
        update={
            "objective": "jdrl",
            "objective_settings": {
                "pretraining": pretraining,
                "reblur_epochs": (JOINT_FROM - ALONE_FROM) * own.epochs,
            },
            "decay": own.decay if own.decay.kind == "cosine" else step,
        }
    )


def wrapped_name(own: Baseline, objective: str) -> str:
    """Name of a system trained with an objective, such as ``jdrl-nafnet``."""
    return f"{objective.replace('_', '-')}-{own.card.name}"


def wrapped(own: Baseline, objective: str) -> Baseline:
    """A variant of the system with another objective."""
    # JDRL comes after the network's own training, as its authors advise; any other objective
    # replaces the network's own from the first step.
    if objective == "jdrl":
        return jdrl_around(own, f"{own.card.display_name} + JDRL")
    return own.variant(
        wrapped_name(own, objective),
        f"{own.card.display_name}, {objective}",
        recipe=partial(retrained, objective=objective),
        kind="objective",
        follows=f"{own.card.name} as here, trained with the objective {objective}",
        weights_trained_on=(),
    )


def retrained(
    own: "Recipe",
    objective: str,
    settings: Mapping[str, object] | None = None,
    warmup_epochs: int = 0,
) -> "Recipe":
    """A network's settings with another objective, and with what that needs."""
    return own.model_copy(
        update={
            "objective": objective,
            "objective_settings": dict(settings or {}),
            "warmup_epochs": warmup_epochs,
            "adversary": own.adversary if objective == own.objective else None,
            **recipe_changes(objective, settings or {}),
        }
    )
