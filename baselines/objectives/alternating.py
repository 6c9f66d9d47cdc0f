"""Alternating training: each phase uses one of two sums of losses."""

from collections.abc import Mapping, Sequence

from pydantic import Field
from torch import nn

from defocus.baselines.objective import Batch, Objective, Progress, Result
from defocus.baselines.objectives.supervised import make as make_supervised
from defocus.settings import Settings, parse_settings


class AlternatingSettings(Settings):
    """From ``from_epoch`` on, the second sum is used from ``begin`` to ``end`` of each cycle."""

    from_epoch: int = Field(ge=0)
    every: int = Field(ge=1)
    begin: int = Field(ge=0)
    end: int = Field(ge=1)

    def second(self, epoch: float) -> bool:
        """Whether the second sum is used at an epoch, rounded down."""
        return (
            epoch >= self.from_epoch
            and self.begin <= int(epoch) % self.every < self.end
        )


class AlternatingObjective(Objective):
    """Alternates between two objectives."""

    # Source: GKMNet's and NRKNet's released training scripts.

    def __init__(
        self,
        first: Objective,
        second: Objective,
        turns: AlternatingSettings,
    ) -> None:
        super().__init__()
        self.first = first
        self.second = second
        self.turns = turns

    def forward(self, network: nn.Module, batch: Batch, progress: Progress) -> Result:
        """The loss and the parts of the present objective."""
        chosen = self.second if self.turns.second(progress.epoch) else self.first
        loss: Result = chosen(network, batch, progress)
        return loss


def make(
    first: Sequence[Mapping[str, object]],
    second: Sequence[Mapping[str, object]],
    turns: Mapping[str, object],
) -> AlternatingObjective:
    """The objective; terms are as in ``supervised``, turns the :class:`AlternatingSettings`."""
    when = parse_settings(
        AlternatingSettings,
        dict(turns),
        origin="objective_settings.turns",
    )
    return AlternatingObjective(make_supervised(first), make_supervised(second), when)
