"""Facts about exported weights that every format states."""

from dataclasses import dataclass
from pathlib import Path

from defocus.baselines.card import Baseline
from defocus.baselines.weights.own import OwnCard, find_own_weights, own_card
from defocus.baselines.weights.store import StoredWeights
from defocus.benchmark.results.run_folder import package_version

MODEL_CARD = "README.md"
"""File next to shipped weights: data, licences, what they do, where they fail."""


@dataclass(frozen=True)
class WeightsOrigin:
    """Where exported weights come from."""

    system: Baseline  # whose they are
    stored: StoredWeights  # as they are stored
    own: OwnCard | None = (
        None  # card of the training, where the package ships them; else None
    )
    model_card: str = (
        ""  # Markdown of the page beside shipped weights; empty for others
    )

    @property
    def trained_on(self) -> str:
        """Names of datasets, as text."""
        return ", ".join(self.stored.trained_on) or "not known"

    def facts(self) -> dict[str, str]:
        """Facts for the table inside an exported file."""
        card = self.system.card
        return {
            "system": card.name,
            "display_name": card.display_name,
            "source": card.source,
            "licence": self.stored.licence,
            "trained_on": self.trained_on,
            "weights_sha256": self.stored.source_sha256,
            "made_by": f"defocus {package_version()}",
            "pictures": "sRGB-encoded RGB in [0, 1], channels first",
        }


def origin_of(system: Baseline, stored: StoredWeights) -> WeightsOrigin:
    """The facts about weights; those that the package ships have a card."""
    path = find_own_weights(system)
    if path is None or own_card(path).sha256 != stored.source_sha256:
        return WeightsOrigin(system, stored)
    return WeightsOrigin(
        system,
        stored,
        own_card(path),
        _text(path.with_name(MODEL_CARD)),
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
