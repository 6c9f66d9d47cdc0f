"""Bokehlicious in its deblurring mode: attention whose range is set by the aperture.

Bokehlicious's cards: its two sizes."""

from defocus.baselines.card import Baseline, Card

SMALL = Baseline.of_folder(
    __name__,
    "network:Bokehlicious",
    Card(
        "bokehlicious",
        "Bokehlicious",
        source="Seizinger et al., Bokehlicious: Photorealistic Bokeh Rendering with Controllable "
        "Apertures, ICCV 2025; github.com/TimSeizinger/Bokehlicious at b5510df",
        follows="the released small network in the loader's deblurring mode, every picture taken "
        "as one at f/2; the training is ours, since theirs is not released",
        licence="official code: no licence stated; no weights for deblurring; reimplemented here, "
        "MIT",
        published_as="bokehlicious",
    ),
    {
        "width": 8,
        "channels": 24,
        "groups": 1,
        "depth": 2,
        "mean": (0, 0, 0),
    },
    ("out_stage",),
)

BASELINES = (
    SMALL,
    SMALL.variant(
        "bokehlicious-l",
        "Bokehlicious (large)",
        network={
            "width": 32,
            "channels": 192,
            "heads": 6,
            "groups": 6,
            "depth": 6,
        },
        follows="as bokehlicious, the released settings of the large network",
    ),
)
