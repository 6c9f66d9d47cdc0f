"""Cards of a chain: the system itself and its variants of published strength."""

from collections.abc import Mapping

from defocus.baselines.card import Baseline, Card
from defocus.baselines.operators.classical.chains.presets import PRESETS

__all__ = ["with_presets"]


def with_presets(
    module: str,
    card: Card,
    network: str,
    narrow: Mapping[str, object] | None = None,
    *,
    own_objective: bool = False,
) -> tuple[Baseline, ...]:
    """A system and its variants; what makes the chain takes a preset's name as ``strength``."""
    own = Baseline.of_folder(
        module, network, card, narrow, own_objective=own_objective, strength=""
    )
    variants = (
        own.variant(
            f"{card.name}-{preset.name}",
            f"{card.display_name} ({preset.name})",
            network={"strength": preset.name},
            follows=f"as {card.name}, with the published stage's hard levels, power "
            f"{preset.prior.alpha:g}, weight {preset.prior.weight:g}; {preset.source}",
            published_as=card.published_as,
        )
        for preset in PRESETS
    )
    return (own, *variants)
