"""JDRL's U-Net trained on registered pairs, which is our own way to use misaligned ones.

The card of the U-Net trained on registered pairs: network and schedules are the U-Net's own."""

from functools import partial

from defocus.baselines.systems.unet import UNET
from defocus.baselines.wrapping import retrained

BASELINES = (
    UNET.variant(
        "registered-unet",
        "U-Net on registered pairs",
        recipe=partial(retrained, objective="registered"),
        kind="objective",
        status="own",
        source="designed here; no paper",
        follows="nothing: pairs are registered once, with their light, before a plain loss",
        licence="MIT",
        weights_trained_on=(),
    ),
)
