"""Settings of the JDRL objective; the defaults follow the paper."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import Field, model_validator

from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
from defocus.errors import SettingsError
from defocus.settings import Settings

MaskKind: TypeAlias = Literal["paper", "official", "consistency", "none"]
Kernels: TypeAlias = Literal[
    "isotropic", "free", "single", "thin-lens", "thin-lens-measured", "none"
]
WarmUp: TypeAlias = Literal["both", "forward"]

OFFICIAL: Mapping[str, Any] = {
    "mask": "official",
    "warp": "half-pixel",
    "warmup": "forward",
    "estimator": "pwcnet",
}
"""Settings that ``reading = "official"`` stands for: the released code where it differs from the
paper."""


class Pretraining(Settings):
    """The wrapped network's own training, before that of the reblurring network R.

    It ends at ``epochs``, an epoch of the recipe."""

    objective: str
    settings: dict[str, Any] = Field(default_factory=dict)
    epochs: float = Field(gt=0)


class JDRLSettings(Settings):
    """Settings of the objective; the README of this folder says what each of their values does."""

    reading: Literal["paper", "official"] = "paper"
    mask: MaskKind = "paper"
    band: float = Field(default=0.35, ge=0, lt=1)
    warp: Literal["correct", "half-pixel"] = "correct"
    warmup: WarmUp = "both"
    deformation: Literal["cycle", "output", "none"] = "cycle"
    flow: Literal["measured", "true"] = "measured"
    curriculum_px: float | None = Field(default=None, gt=0)
    kernels: Kernels = "isotropic"
    levels: int = Field(default=8, ge=2, le=32)
    features: int = Field(default=64, ge=1)
    alpha: float = Field(default=0.5, ge=0)
    epsilon: float = Field(default=1e-3, gt=0)
    estimator: str = DEFAULT_ESTIMATOR
    weights: Path | None = None
    operator: Literal["torch", "compiled", "triton"] | None = None
    pretraining: Pretraining | None = None
    reblur_epochs: float = Field(default=0.0, ge=0)
    reblur_alone: Literal["output", "target"] = "output"

    @model_validator(mode="before")
    @classmethod
    def _official_defaults(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic hands over anything
        if isinstance(given, dict) and given.get("reading") == "official":
            return {**OFFICIAL, **given}
        return given

    @property
    def joint_from(self) -> float:
        """First epoch of the joint training."""
        return (
            self.pretraining.epochs if self.pretraining else 0.0
        ) + self.reblur_epochs


UNLEARNED: Collection[Kernels] = ("none", "thin-lens", "thin-lens-measured")
"""Kernels without a reblurring network."""


class _Without(NamedTuple):
    """Settings that have no effect where another setting has one of these values."""

    beside: str
    values: Collection[str]
    no_effect: tuple[str, ...]


WITHOUT_EFFECT = (
    _Without("flow", ("true",), ("estimator", "weights")),
    _Without(
        "deformation",
        ("none",),
        ("curriculum_px", "band", "estimator", "weights"),
    ),
    _Without("mask", ("none", "consistency"), ("band",)),
    _Without("kernels", ("none",), ("alpha",)),
    _Without("kernels", UNLEARNED, ("levels",)),
    _Without("kernels", (*UNLEARNED, "free"), ("operator",)),
)
"""Settings that are refused because another setting leaves them without effect. ``features`` would
belong here for kernels without a network, but every narrow copy sets it, and the ids of finished
trainings include it."""


def refuse_contradictions(settings: JDRLSettings) -> None:
    """Refuse written settings that contradict each other or have no effect, before any training."""
    if settings.reblur_epochs and settings.kernels in UNLEARNED:
        raise SettingsError(
            f"jdrl: reblur_epochs need a reblurring network, and kernels = {settings.kernels!r} "
            "have none; set other kernels or leave reblur_epochs out"
        )
    if settings.reblur_alone == "target" and not settings.reblur_epochs:
        raise SettingsError(
            "jdrl: reblur_alone = 'target' needs reblur_epochs; set them"
        )
    if settings.flow == "true" and settings.deformation == "none":
        raise SettingsError(
            "jdrl: deformation = 'none' uses no flow; leave flow = 'true' out"
        )
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
    """Whether the user gave a setting a value.

    None does not count, nor does a value that ``reading`` implies."""
    value = getattr(settings, name)
    of_reading = settings.reading == "official" and value == OFFICIAL.get(name)
    return name in settings.model_fields_set and value is not None and not of_reading
