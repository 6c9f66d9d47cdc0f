"""The objective: a plain loss on pairs that are registered once, before the training.

:mod:`defocus.align` registers each sharp picture onto the blurry one (the recipe's target
``registered``); unmeasurable pairs are left out. What remains is below a pixel; on request it is
measured in each step, by tile between output and target, and the target is moved by it, without
gradient. With ``registered-flow`` the local flow is used too, and its mask can choose the pixels.
"""

import torch
from pydantic import Field
from torch import nn

from defocus.baselines.losses.charbonnier import EPSILON, charbonnier
from defocus.baselines.objective import Batch, Objective, Parts, Progress, outputs_of
from defocus.baselines.objectives.registered.displacement import moved_by, remaining_displacement
from defocus.errors import SettingsError
from defocus.settings import Settings, parse_settings

__all__ = [
    "RegisteredObjective",
    "RegisteredSettings",
    "make",
    "masked_charbonnier",
    "recipe_of",
]


class RegisteredSettings(Settings):
    """Settings of the objective."""

    # ``refined`` takes the remaining displacement out, by tiles of a multiple of 4; ``masked``
    # counts only pixels of the ``valid_mask``, which the target ``registered-flow`` has.

    refined: bool = False
    masked: bool = False
    tile_px: int = Field(default=32, ge=8, multiple_of=4)
    epsilon: float = Field(default=EPSILON, gt=0)


class RegisteredObjective(Objective):
    """Charbonnier loss between the output and the target, moved to where the output shows it."""

    def __init__(self, settings: RegisteredSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or RegisteredSettings()

    def forward(
        self, network: nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, Parts]:
        """The loss and its parts."""
        # ``moved_px`` is the mean length of the remaining displacement, ``mask_kept_share`` the
        # share of pixels that count.
        del progress
        settings = self.settings
        parts: dict[str, torch.Tensor] = {}
        restored, target = outputs_of(network, batch)["restored"], batch.target
        if settings.refined:
            moved = remaining_displacement(restored.detach(), target, settings.tile_px)
            target = moved_by(target, moved)
            parts["moved_px"] = torch.linalg.vector_norm(moved, dim=1).mean().detach()
        if not settings.masked:
            return charbonnier(restored, target, settings.epsilon), parts
        mask = _valid_mask(batch)
        parts["mask_kept_share"] = mask.mean()
        return masked_charbonnier(restored, target, mask, settings.epsilon), parts


def masked_charbonnier(
    restored: torch.Tensor, target: torch.Tensor, mask: torch.Tensor, epsilon: float = EPSILON
) -> torch.Tensor:
    """Charbonnier loss over the pixels of a mask; the mean is over these pixels alone."""
    # JDRL divides by all pixels instead, so that its loss falls with the share that its mask keeps.
    # If no pixel counts, it is 0 with a gradient of 0.
    kept = (mask > 0).expand_as(restored)
    if not kept.any():
        return 0.0 * restored.sum()
    return charbonnier(restored[kept], target[kept], epsilon)


def _valid_mask(batch: Batch) -> torch.Tensor:
    if "valid_mask" not in batch.supervision:
        raise SettingsError("masked of registered needs the recipe's supervision 'valid_mask'")
    return batch.supervision["valid_mask"]


def make(**settings: object) -> RegisteredObjective:
    """The objective, by the fields of :class:`RegisteredSettings`."""
    return RegisteredObjective(
        parse_settings(RegisteredSettings, dict(settings), origin="objective_settings")
    )


def recipe_of(**settings: object) -> dict[str, object]:
    """The pairs that :func:`make` needs with the same settings."""
    found = parse_settings(RegisteredSettings, dict(settings), origin="objective registered")
    if found.masked:
        return {"target": "registered-flow", "supervision": ("valid_mask",)}
    return {"target": "registered"}
