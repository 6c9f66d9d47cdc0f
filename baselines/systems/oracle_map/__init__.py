"""Deconvolution with the true defocus map: an upper bound for map-based restoration."""

from defocus.baselines.card import Baseline, Card

BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:OracleMap",
        Card(
            name="oracle-map",
            display_name="True map + deconvolution",
            kind="classical",
            status="reference",
            source="ours: the bound of map-based restoration; Richardson-Lucy with a kernel per "
            "pixel",
            follows="is given the true map, so it does not compete: on rendered data it inverts "
            "the disc model that rendered them; 20 accelerated Richardson-Lucy steps with total "
            "variation in linear light, 16 levels of blur, blurry at saturated pixels",
            licence="ours, MIT",
            needs=("defocus_map",),
        ),
    ),
)
