"""Training plan: settings, stages and their execution."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from defocus.settings import Settings, load_settings
from defocus.training.method import Cosine, Method, Training
from defocus.training.optimiser import Optimiser

REVISION = 2
"""Revision of the plan, raised when the same settings lead to other weights. In revision 1, by
which the shipped weights were made, the learning rate of step t in the warm-up was what is now that
of t + 1."""

DEFAULT_SETTINGS = Path(__file__).parent / "default.toml"

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Length = Annotated[float, Field(ge=0)]


class FlowStage(Settings):
    """A stage with pairs of one difficulty."""

    share: Annotated[float, Field(gt=0)]  # of all steps, relative to the other stages
    batch: Annotated[int, Field(ge=1, le=64)]  # pairs per step
    crop_px: Annotated[int, Field(ge=64, multiple_of=64)]  # side of a pair
    coc_px: Length  # largest diameter
    flow_px: Length  # largest shift of the whole picture; zoom and rotation move corners as far
    parallax_px: Length  # largest, from the nearest to the farthest surface
    sharp_share: Share  # pairs whose members are equally sharp
    equalised_share: Share  # pairs whose sharp member is blurred about as the other
    photometric: bool  # exposure, vignetting and noise differ within a pair


class TrainingSettings(Settings):
    """Settings of a training."""

    steps: Count  # of all stages together
    # the largest, after the warm-up; then a cosine to 0
    learning_rate: Annotated[float, Field(gt=0)]
    warm_up_steps: Annotated[int, Field(ge=0)]  # in which the rate rises linearly
    weight_decay: Length  # decoupled from the gradient
    gradient_norm: Annotated[float, Field(gt=0)]  # longer gradients are clipped to it
    normalise: bool  # features of the cost volume
    bfloat16: bool  # of convolutions; weights and the cost volume stay in float32
    validate_every: Count  # steps
    validation_pairs: Count  # of the split ``choose``, in the last stage's ranges
    stages: Annotated[tuple[FlowStage, ...], Field(min_length=1)]

    @property
    def validated_steps(self) -> frozenset[int]:
        """The steps after which to validate."""
        return frozenset(
            {*range(self.validate_every, self.steps, self.validate_every), self.steps}
        )

    def method(self, *, on_gpu: bool) -> Method:
        """Recipe for the training loop, one step per epoch.

        On a GPU in the memory layout of tensor cores, which is slower on a CPU."""
        precision: Literal["bfloat16", "float32"] = (
            "bfloat16" if self.bfloat16 else "float32"
        )
        return Method(
            epochs=self.steps,
            optimiser=Optimiser(name="adamw", weight_decay=self.weight_decay),
            decay=Cosine(warmup_epochs=min(self.warm_up_steps, self.steps // 2)),
            gradient_clip=self.gradient_norm,
            training=Training(precision=precision, channels_last=on_gpu),
        )


@dataclass(frozen=True)
class TrainingPlan:
    """A training with everything that determines its result."""

    settings: TrainingSettings
    seed: int  # of the initial weights and of every pair
    pictures: str  # SHA-256 of the textures in order, as one hash
    start: str  # SHA-256 of the initial weights; empty for random ones

    @property
    def id(self) -> str:
        """Name of the training: a hash of the plan."""
        document = {
            **vars(self),
            "settings": self.settings.model_dump(mode="json"),
            "revision": REVISION,
        }
        digest = hashlib.sha256(
            json.dumps(document, sort_keys=True).encode()
        ).hexdigest()
        return f"flow-{digest[:16]}"

    def stage(self, step: int) -> FlowStage:
        """The stage of a step (counted from 0)."""
        stages = self.settings.stages
        steps = self.settings.steps
        total = sum(stage.share for stage in stages)
        end = 0.0
        for stage in stages:
            end += stage.share / total * steps
            if step < round(end):
                return stage
        return stages[-1]


def read_settings(path: Path | None, steps: int | None) -> TrainingSettings:
    """Settings of a TOML file, or those of the shipped weights.

    ``steps`` replaces the number of steps; the stages keep their shares."""
    settings = load_settings(TrainingSettings, path or DEFAULT_SETTINGS)
    return settings if steps is None else settings.model_copy(update={"steps": steps})
