"""Settings of JDRL that contradict each other, or have no effect beside another one."""

from collections.abc import Collection
from typing import NamedTuple

from defocus.baselines.objectives.jdrl.settings import OFFICIAL, JDRLSettings, Kernels
from defocus.errors import SettingsError

__all__ = ["refuse_contradictions"]

UNLEARNED: Collection[Kernels] = ("none", "thin-lens", "thin-lens-measured")
"""Kernels without a reblurring network."""


class _Without(NamedTuple):
    """Settings that do nothing where another one has one of these values."""

    beside: str
    values: Collection[str]
    no_effect: tuple[str, ...]


WITHOUT_EFFECT = (
    _Without("flow", ("true",), ("estimator", "weights")),
    _Without("deformation", ("none",), ("curriculum_px", "band", "estimator", "weights")),
    _Without("mask", ("none", "consistency"), ("band",)),
    _Without("kernels", ("none",), ("alpha",)),
    _Without("kernels", UNLEARNED, ("levels",)),
    _Without("kernels", (*UNLEARNED, "free"), ("operator",)),
)
"""``features`` is not among them: a narrow copy has it in every recipe, also beside kernels without
a network, and the ids of finished trainings are made from that."""


def refuse_contradictions(settings: JDRLSettings) -> None:
    """Refuse written settings that contradict or idle each other, before any training."""
    if settings.reblur_epochs and settings.kernels in UNLEARNED:
        raise SettingsError(
            f"jdrl: reblur_epochs need a reblurring network, and kernels = {settings.kernels!r} "
            "have none; set other kernels or leave reblur_epochs out"
        )
    if settings.reblur_alone == "target" and not settings.reblur_epochs:
        raise SettingsError("jdrl: reblur_alone = 'target' needs reblur_epochs; set them")
    if settings.flow == "true" and settings.deformation == "none":
        raise SettingsError("jdrl: deformation = 'none' uses no flow; leave flow = 'true' out")
    if settings.deformation == "output" and settings.warmup == "forward":
        raise SettingsError(
            "jdrl: deformation = 'output' warps the restored picture alone, and warmup = 'forward' "
            "(as of reading = 'official' and of rjdrl) the sharp one; set warmup = 'both'"
        )
    for beside, values, no_effect in WITHOUT_EFFECT:
        value = getattr(settings, beside)
        name = next((one for one in no_effect if _is_written(settings, one)), None)
        if value in values and name:
            raise SettingsError(
                f"jdrl: {name} has no effect with {beside} = {value!r}; leave {name} out"
            )


def _is_written(settings: JDRLSettings, name: str) -> bool:
    """Whether the user gave it a value: None is none, nor is what the reading stands for."""
    value = getattr(settings, name)
    of_reading = settings.reading == "official" and value == OFFICIAL.get(name)
    return name in settings.model_fields_set and value is not None and not of_reading
