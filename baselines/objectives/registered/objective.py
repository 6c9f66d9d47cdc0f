"""The objective: a plain loss on pairs that are registered once, before the training.

Before training, :mod:`defocus.align` registers the sharp picture of each pair onto the blurry one
and gives it the light of the blurry one; pairs whose misalignment it cannot measure are left out
(the recipe's target ``registered``). What remains is local and below a pixel. On request it is
measured in each step, by tile between output and target, and the target is moved by it. No gradient
passes through the displacement.

With the target ``registered-flow`` the sharp picture is registered by the local flow too. The mask
of where that flow is reliable can choose the pixels that count.
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
    """Settings of the objective.

    Attributes:
        refined: Whether the remaining displacement is measured and taken out.
        masked: Whether only pixels of the ``valid_mask`` count, which the target
            ``registered-flow`` has.
        tile_px: Side of the tiles in which it is measured, a multiple of 4.
        epsilon: Epsilon of the Charbonnier loss.
    """

    refined: bool = False
    masked: bool = False
    tile_px: int = Field(default=32, ge=8, multiple_of=4)
    epsilon: float = Field(default=EPSILON, gt=0)


class RegisteredObjective(Objective):
    """Charbonnier loss between the output and the target, moved to where the output shows it.

    Args:
        settings: Settings of the objective.
    """

    def __init__(self, settings: RegisteredSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or RegisteredSettings()

    def forward(
        self, network: nn.Module, batch: Batch, progress: Progress
    ) -> tuple[torch.Tensor, Parts]:
        """The loss and its parts.

        ``moved_px`` is the mean length of the remaining displacement, ``mask_kept_share`` the share
        of pixels that count.

        Raises:
            SettingsError: The batch has no ``valid_mask``, but the objective is ``masked``.
        """
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
    """Charbonnier loss over the pixels of a mask; the mean is over these pixels alone.

    JDRL divides by all pixels instead, so that its loss falls with the share that its mask keeps.

    Args:
        restored: ``(N, C, h, w)``.
        target: Same shape; what lies outside the mask has no effect.
        mask: ``(N, 1, h, w)``, above 0 where a pixel counts.
        epsilon: Epsilon of the loss.

    Returns:
        A scalar tensor; 0 with a gradient of 0 if no pixel counts.
    """
    kept = (mask > 0).expand_as(restored)
    if not kept.any():
        return 0.0 * restored.sum()
    return charbonnier(restored[kept], target[kept], epsilon)


def _valid_mask(batch: Batch) -> torch.Tensor:
    if "valid_mask" not in batch.supervision:
        raise SettingsError("masked of registered needs the recipe's supervision 'valid_mask'")
    return batch.supervision["valid_mask"]


def make(**settings: object) -> RegisteredObjective:
    """The objective.

    Args:
        settings: Fields of :class:`RegisteredSettings`.

    Raises:
        SettingsError: A setting or value is unknown.
    """
    return RegisteredObjective(
        parse_settings(RegisteredSettings, dict(settings), origin="objective_settings")
    )


def recipe_of(**settings: object) -> dict[str, object]:
    """The pairs that :func:`make` needs with the same settings."""
    found = parse_settings(RegisteredSettings, dict(settings), origin="objective registered")
    if found.masked:
        return {"target": "registered-flow", "supervision": ("valid_mask",)}
    return {"target": "registered"}
