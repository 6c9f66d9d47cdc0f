"""The objective: a plain loss on pairs that are registered once, before the training.

Before training, :mod:`defocus.align` registers the sharp picture of each pair onto the blurry one
and gives it the light of the blurry one; pairs whose misalignment it cannot measure are left out
(the recipe's target ``registered``). What remains is local and below a pixel. On request it is
measured in each step, by tile between output and target, and the target is moved by it. No gradient
passes through the displacement.
"""

import torch
from pydantic import Field
from torch import nn

from defocus.baselines.losses.charbonnier import EPSILON, charbonnier
from defocus.baselines.objective import Batch, Objective, Progress, outputs_of
from defocus.baselines.objectives.registered.displacement import moved_by, remaining_displacement
from defocus.settings import Settings, parse_settings

__all__ = ["RegisteredObjective", "RegisteredSettings", "make"]


class RegisteredSettings(Settings):
    """Settings of the objective.

    Attributes:
        refined: Whether the remaining displacement is measured and taken out.
        tile_px: Side of the tiles in which it is measured, a multiple of 4.
        epsilon: Epsilon of the Charbonnier loss.
    """

    refined: bool = False
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
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss, and ``moved_px``: mean length of the remaining displacement."""
        del progress
        restored = outputs_of(network, batch)["restored"]
        if not self.settings.refined:
            return charbonnier(restored, batch.target, self.settings.epsilon), {}
        moved = remaining_displacement(restored.detach(), batch.target, self.settings.tile_px)
        loss = charbonnier(restored, moved_by(batch.target, moved), self.settings.epsilon)
        return loss, {"moved_px": float(torch.linalg.vector_norm(moved, dim=1).mean())}


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
