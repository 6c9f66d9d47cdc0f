"""The card of the deconvolution with the true map."""

from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

__all__ = ["BASELINES"]


def _build() -> "nn.Module":
    from defocus.baselines.systems.oracle_map.network import OracleMap

    return OracleMap()


BASELINES = (
    Baseline(
        card=Card(
            name="oracle-map",
            display_name="True map + deconvolution",
            kind="classical",
            input="single",
            status="reference",
            source="ours: the bound of map-based restoration; Richardson-Lucy with a kernel per "
            "pixel",
            follows="is given the true map, so it is no rival: on rendered data it inverts the "
            "very disc model that rendered them; 20 accelerated Richardson-Lucy steps with total "
            "variation in linear light, 16 levels of blur, blurry at saturated pixels",
            licence="ours, MIT",
            needs=("defocus_map",),
        ),
        build=_build,
    ),
)
