"""JDRL's U-Net trained with the contextual bilateral loss: a rival that its supplement tried.

The card of the U-Net trained with the contextual bilateral loss: the U-Net's own schedules."""

from defocus.baselines.card import settings
from defocus.baselines.systems.unet import UNET

BASELINES = (
    UNET.variant(
        "unet-cobi",
        "U-Net + contextual bilateral loss-rebuilt",
        recipe=settings(
            objective_settings={"terms": [{"loss": "contextual_bilateral"}]}
        ),
        kind="objective",
        status="reconstruction",
        source="Li et al., JDRL, AAAI 2023, supplement; Zhang et al., Zoom to Learn, Learn to "
        "Zoom, CVPR 2019",
        follows="known: the equations of the loss; chosen, as neither paper prints them: its "
        "weights and the thinning of its features",
        variant_of=None,
        published_as="unet-cobi",
        weights_trained_on=(),
    ),
)
