"""Restormer in reblurring-guided JDRL."""

from dataclasses import replace

from defocus.baselines.card import Baseline
from defocus.baselines.systems.rjdrl_unet import CARD, PLAIN
from defocus.baselines.wrapping import controls

GUIDED = Baseline.of_folder(
    __name__,
    "network:rjdrl_restormer",
    replace(
        CARD,
        name="rjdrl-restormer",
        display_name="Restormer + reblurring-guided JDRL",
        follows="the network and the training of that commit, whose successor is not public; "
        "masks, warp and flow as jdrl-unet",
        licence="official code and weights: none stated, Restormer's part non-commercial; "
        "reimplemented here, MIT",
    ),
    narrow={
        "dim": 8,
        "blocks": (1, 1, 1, 1),
        "refinement": 1,
        "heads": (1, 1, 2, 2),
        "features": 16,
    },
    zeroed=("deblur.output",),
)

BASELINES = (GUIDED, *controls(GUIDED.changed(recipe=PLAIN)))
