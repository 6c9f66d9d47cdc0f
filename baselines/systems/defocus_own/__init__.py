"""Networks designed for this project and trained on its own renderings.

The cards of the networks designed here: a small and a medium one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from defocus.baselines.card import Baseline, Card, Narrow

SMALL = {"widths": (16, 32, 64, 112), "encoder": (1, 1, 1, 2), "decoder": (1, 1, 1)}
MEDIUM: Mapping[str, Any] = {
    "widths": (32, 64, 128, 256),
    "encoder": (1, 2, 3, 4),
    "decoder": (1, 2, 3),
}
NARROW = {"widths": (16, 32, 64), "encoder": (1, 1, 2), "decoder": (1, 1)}
ENDING = ("ending",)

CARD = Card(
    name="defocus-m",
    display_name="Defocus-M",
    status="own",
    source="designed here; no paper",
    follows="nothing: a residual U-Net of plain convolutions from half the picture's size down",
    licence="code and weights: MIT; trained on renderings of our own",
    revision=2,
    at_scales=True,
)
MEDIUM_NETWORK = Baseline.of_folder(
    __name__,
    "network:DefocusUNet",
    CARD,
    **MEDIUM,
    narrow=NARROW,
    zeroed=ENDING,
)

BASELINES = (
    MEDIUM_NETWORK,
    replace(
        MEDIUM_NETWORK.variant(
            "defocus-s",
            "Defocus-S",
            network=SMALL,
            follows="as defocus-m, with fewer channels and blocks",
            revision=1,
            variant_of=None,
        ),
        narrow=Narrow("defocus-s", {**NARROW, "widths": (12, 24, 48)}, ENDING),
    ),
)
