"""Cards of a chain: the system itself and its variants of published strength; light to import."""

from collections.abc import Mapping
from dataclasses import dataclass

from defocus.baselines.card import Baseline, Card


@dataclass(frozen=True)
class Prior:
    """How much the picture's gradients count against the data."""

    # ``alpha`` is their power, 0 to 1, 1.5 or 2; ``weight`` lambda of the squared data term: larger
    # is sharper and noisier.

    alpha: float
    weight: float


@dataclass(frozen=True)
class Preset:
    """A strength, by the suffix of the systems that use it, with its source and printed rows."""

    name: str
    prior: Prior
    source: str


DEFAULT = Preset(
    "",
    Prior(1.5, 16.8),
    "power 1.5, weight 16.8: the present released code's for DPDD",
)
"""Preset whose levels blend. The others reproduce the released stage."""

# DMENet's authors set a weight by hand for each data set, and versions of their code differ; which
# one a printed row comes from is not said.
PRESETS = (
    Preset(
        "dpdd",
        Prior(1.5, 16.8),
        "released code at d844e5a, DPDD: may explain the rows on DPDD of the IFAN poster "
        "(JNB 23.69, EBDB 23.94, DMENet 23.90 dB)",
    ),
    Preset(
        "dpdd-squares",
        Prior(2.0, 2.016),
        "released code at 276e02e, DPDD: may explain the rows on DPDD of JDRL's Table 2 "
        "(JNB 22.13, EBDB 23.19, DMENet 23.33 dB)",
    ),
    Preset(
        "realdof",
        Prior(1.5, 4.2),
        "released code at d844e5a, RealDOF: may explain the rows on RealDOF of the IFAN poster "
        "(JNB 22.36, EBDB 22.38, DMENet 22.41 dB)",
    ),
    Preset(
        "realdof-squares",
        Prior(2.0, 0.588),
        "released code at 276e02e, RealDOF: may explain the same rows, if they are older",
    ),
)

STRENGTHS = {preset.name: preset for preset in (DEFAULT, *PRESETS)}
"""Presets by name. The name of the default is empty."""


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
        module,
        network,
        card,
        narrow,
        own_objective=own_objective,
        strength="",
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
