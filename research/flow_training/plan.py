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
"""Raised when the same settings come to other weights. 1: the learning rate of step t in the
warm-up was that of t + 1 now; the shipped weights are of it."""

DEFAULT_SETTINGS = Path(__file__).parent / "default.toml"

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Length = Annotated[float, Field(ge=0)]


class FlowStage(Settings):
    """A stage with pairs of one difficulty.

    Attributes:
        share: Share of all steps, relative to the other stages.
        batch: Number of pairs per step.
        crop_px: Side of a pair; a multiple of 64.
        coc_px: Largest diameter of the circle of confusion.
        flow_px: Largest shift of the whole picture; zoom and rotation move the corners as far.
        parallax_px: Largest displacement between the nearest and the farthest surface.
        sharp_share: Share of pairs whose members are equally sharp.
        equalised_share: Share of pairs whose sharp member is blurred about as much as the other
            one.
        photometric: Whether exposure, vignetting and noise differ within a pair.
    """

    share: Annotated[float, Field(gt=0)]
    batch: Annotated[int, Field(ge=1, le=64)]
    crop_px: Annotated[int, Field(ge=64, multiple_of=64)]
    coc_px: Length
    flow_px: Length
    parallax_px: Length
    sharp_share: Share
    equalised_share: Share
    photometric: bool


class TrainingSettings(Settings):
    """Settings of a training.

    Attributes:
        steps: Number of steps of all stages together.
        learning_rate: Largest learning rate of Adam, reached after the warm-up and followed by a
            cosine to zero.
        warm_up_steps: Number of steps in which the learning rate rises linearly.
        weight_decay: Weight decay, decoupled from the gradient.
        gradient_norm: Longer gradients are clipped to this norm.
        normalise: Whether the network's cost volume uses normalised features.
        bfloat16: Whether convolutions run in bfloat16; weights and the cost volume stay in float32.
        validate_every: Steps between two validations.
        validation_pairs: Number of pairs of the split ``choose`` in the last stage's ranges.
        stages: The stages, in order.
    """

    steps: Count
    learning_rate: Annotated[float, Field(gt=0)]
    warm_up_steps: Annotated[int, Field(ge=0)]
    weight_decay: Length
    gradient_norm: Annotated[float, Field(gt=0)]
    normalise: bool
    bfloat16: bool
    validate_every: Count
    validation_pairs: Count
    stages: Annotated[tuple[FlowStage, ...], Field(min_length=1)]

    @property
    def validated_steps(self) -> frozenset[int]:
        """The steps after which to validate."""
        return frozenset({*range(self.validate_every, self.steps, self.validate_every), self.steps})

    def method(self, *, on_gpu: bool) -> Method:
        """Recipe for the training loop, with one step per epoch.

        Args:
            on_gpu: Whether to use the memory layout of tensor cores, which is slower on a CPU.
        """
        precision: Literal["bfloat16", "float32"] = "bfloat16" if self.bfloat16 else "float32"
        return Method(
            epochs=self.steps,
            optimiser=Optimiser(name="adamw", weight_decay=self.weight_decay),
            decay=Cosine(warmup_epochs=min(self.warm_up_steps, self.steps // 2)),
            gradient_clip=self.gradient_norm,
            training=Training(precision=precision, channels_last=on_gpu),
        )


@dataclass(frozen=True)
class TrainingPlan:
    """A training with everything that determines its result.

    Attributes:
        settings: Settings of the training.
        seed: Seed of the initial weights and of every pair.
        pictures: SHA-256 of the textures in order, as one hash.
        start: SHA-256 hash of the initial weights; empty for random ones.
    """

    settings: TrainingSettings
    seed: int
    pictures: str
    start: str

    @property
    def id(self) -> str:
        """Name of the training: a hash of the plan."""
        document = {
            **vars(self),
            "settings": self.settings.model_dump(mode="json"),
            "revision": REVISION,
        }
        digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        return f"flow-{digest[:16]}"

    def stage(self, step: int) -> FlowStage:
        """The stage of a step (counted from 0)."""
        stages, steps = self.settings.stages, self.settings.steps
        total = sum(stage.share for stage in stages)
        end = 0.0
        for stage in stages:
            end += stage.share / total * steps
            if step < round(end):
                return stage
        return stages[-1]


def read_settings(path: Path | None, steps: int | None) -> TrainingSettings:
    """Read the settings of a TOML file, or return those of the shipped weights.

    Args:
        path: The file.
        steps: Overrides the number of steps; the stages keep their shares.

    Raises:
        SettingsError: The file is missing, not TOML, has an unknown key or a wrong value.
    """
    settings = load_settings(TrainingSettings, path or DEFAULT_SETTINGS)
    return settings if steps is None else settings.model_copy(update={"steps": steps})
