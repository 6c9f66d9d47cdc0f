"""Cards of a chain: the system itself and its variants of published strength."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card
from defocus.baselines.operators.classical.presets import PRESETS

if TYPE_CHECKING:
    from torch import nn

    from defocus.baselines.recipe import Recipe

__all__ = ["with_presets"]


def with_presets(
    card: Card,
    build: "Callable[[str], nn.Module]",
    recipe: "Callable[[], Recipe] | None" = None,
) -> tuple[Baseline, ...]:
    """A system and its variants.

    Args:
        card: Of the system.
        build: Makes the module by the preset's name, empty for the default.
        recipe: Of the system, where something is trained.
    """
    variants = (
        Baseline(
            replace(
                card,
                name=f"{card.name}-{preset.name}",
                display_name=f"{card.display_name} ({preset.name})",
                follows=f"as {card.name}, with the published stage's hard levels, power "
                f"{preset.prior.alpha:g}, weight {preset.prior.weight:g}; {preset.source}",
                variant_of=card.name,
            ),
            partial(build, preset.name),
            recipe,
        )
        for preset in PRESETS
    )
    return (Baseline(card, partial(build, ""), recipe), *variants)
