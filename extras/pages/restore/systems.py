"""Systems that can restore a picture here and now: those whose weights are on this computer."""

from dataclasses import dataclass

import torch

from defocus.baselines.card import Baseline
from defocus.baselines.registry import all_baselines
from defocus.baselines.systems import DEFAULT_SYSTEM
from defocus.baselines.weights.own import OWN, find_own_weights
from defocus.baselines.weights.store import StoredWeights, all_weights, find_weights
from defocus.restoration.restorer import Restorer, restorer_of


@dataclass(frozen=True)
class Choice:
    """A system with weights, as a person chooses it."""

    system: Baseline
    weights: str  # label of added weights, ``own``, or empty where the system has none

    @property
    def title(self) -> str:
        """The title that the page shows."""
        words = {OWN: "own weights", "": "nothing learned"}.get(
            self.weights,
            self.weights,
        )
        return f"{self.system.card.display_name} ({words})"

    def restorer(self, tile_px: int | None, device: torch.device) -> Restorer:
        """Load the network."""
        weights = find_weights(self.system, self.weights) if self.weights else None
        return restorer_of(self.system, weights, tile_px, device)


def as_choice(system: Baseline, weights: StoredWeights | None) -> Choice:
    """The choice that the command line makes."""
    if weights is None:
        return Choice(system, "")
    return Choice(system, OWN if weights.origin == OWN else weights.label)


def choices_here(asked: Choice) -> list[Choice]:
    """Systems that a person can choose: shipped weights, added ones, then others ``asked``."""
    systems = {}
    shipped = []
    for name, system in all_baselines().items():
        if system.card.input == "single" and not system.card.needs:
            systems[name] = system
            if find_own_weights(system) is not None:
                shipped.append(Choice(system, OWN))

    def order(choice: Choice) -> tuple[bool, str]:
        return choice.system.card.name != DEFAULT_SYSTEM, choice.title

    stored, _ = all_weights()
    choices = sorted(shipped, key=order)
    for one in stored:
        if one.system in systems and one.origin != OWN:
            choices.append(Choice(systems[one.system], one.label))
    return choices if asked in choices else [*choices, asked]
