"""Training plan: settings, stages and the learning rate of each step."""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from defocus.settings import Settings, load_settings

__all__ = ["DEFAULT_SETTINGS", "FlowStage", "TrainingPlan", "TrainingSettings", "read_settings"]

DEFAULT_SETTINGS = Path(__file__).parent / "default.toml"

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Length = Annotated[float, Field(ge=0)]


class FlowStage(Settings):
    """Pairs of one difficulty.

    Attributes:
        share: Share of all steps, relative to the other stages.
        batch: Pairs in a step.
        crop_px: Side of a pair; a multiple of 64.
        coc_px: Largest diameter of the circle of confusion.
        flow_px: Largest shift of the whole picture; zoom and rotation move the corners as far.
        parallax_px: Largest displacement between the nearest and the farthest surface.
        sharp_share: Part of the pairs whose members are equally sharp.
        equalised_share: Part of the pairs whose sharp member is blurred about as the other one.
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
    """A training.

    Attributes:
        steps: Number of steps of all stages together.
        learning_rate: Adam's greatest; reached after the warm-up, then a cosine leads to zero.
        warm_up_steps: The learning rate rises evenly during them.
        weight_decay: Decoupled from the gradient.
        gradient_norm: Longer gradients are cut to it.
        normalise: Whether the network's cost volume sees normalised features.
        bfloat16: Whether convolutions run in bfloat16; weights and the cost volume do not.
        validate_every: Steps between two validations.
        validation_pairs: Pairs of the split ``choose``, those of the last stage.
        stages: In order.
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


@dataclass(frozen=True)
class TrainingPlan:
    """A training and all that decides its result.

    Attributes:
        settings: How.
        seed: Decides the first weights and every pair.
        pictures: SHA-256 of the textures in order, as one hash.
        start: SHA-256 of the weights that the training starts from; empty for random ones.
    """

    settings: TrainingSettings
    seed: int
    pictures: str
    start: str

    def identity(self) -> str:
        """Hash of the plan."""
        document = {**vars(self), "settings": self.settings.model_dump(mode="json")}
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

    def stage(self, step: int) -> FlowStage:
        """The stage that a step (counted from 0) belongs to."""
        stages, steps = self.settings.stages, self.settings.steps
        total = sum(stage.share for stage in stages)
        end = 0.0
        for stage in stages:
            end += stage.share / total * steps
            if step < round(end):
                return stage
        return stages[-1]

    def learning_rate(self, step: int) -> float:
        """Adam's learning rate at a step (counted from 0)."""
        settings = self.settings
        warm_up = min(settings.warm_up_steps, settings.steps // 2)
        if step < warm_up:
            return settings.learning_rate * (step + 1) / warm_up
        done = (step - warm_up) / max(1, settings.steps - warm_up)
        return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def read_settings(path: Path | None, steps: int | None) -> TrainingSettings:
    """The settings of a TOML file, or those the shipped weights were made with.

    Args:
        path: The file.
        steps: Replaces the number of steps; the stages keep their shares.

    Raises:
        SettingsError: The file is missing, not TOML, has an unknown key or a wrong value.
    """
    settings = load_settings(TrainingSettings, path or DEFAULT_SETTINGS)
    return settings if steps is None else settings.model_copy(update={"steps": steps})
