"""U-Net of reblurring-guided JDRL, guided by a blur estimator."""

from defocus.baselines.card import UNKNOWN, Baseline, Card, settings
from defocus.baselines.wrapping import controls

PLAIN = settings(objective="supervised", warmup_epochs=0)
"""Settings of the control trainings, which use the plain loss."""

CARD = Card(
    name="rjdrl-unet",
    display_name="U-Net + reblurring-guided JDRL",
    kind="objective",
    source="Reblurring-Guided Single Image Defocus Deblurring, IJCV 2025, arXiv 2409.17792; "
    "github.com/ssscrystal/Reblurring-guided-JDRL at ef90c714, deleted since",
    follows="the network and the training of that commit, whose successor is not public; masks, "
    "warp and flow as jdrl-unet; RGB, where the released test feeds BGR",
    licence="official code and weights: none stated, all rights reserved; reimplemented here, MIT",
    weights_trained_on=(UNKNOWN,),
)

GUIDED = Baseline.of_folder(
    __name__,
    "network:rjdrl_unet",
    CARD,
    narrow={
        "width": 16,
        "levels": 3,
        "features": 16,
        "adds_input": True,
    },
    zeroed=("deblur.out.0",),
)

BASELINES = (GUIDED, *controls(GUIDED.changed(recipe=PLAIN)))
