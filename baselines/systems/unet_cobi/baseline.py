"""The card of the U-Net trained with the contextual bilateral loss: the U-Net's own schedules."""

from dataclasses import replace
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline
from defocus.baselines.systems.unet.baseline import CARD, build
from defocus.baselines.systems.unet.baseline import recipe as unet_recipe

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "recipe"]


def recipe() -> "Recipe":
    """The U-Net's settings with the contextual bilateral loss, so that the two compare."""
    return unet_recipe().model_copy(
        update={"objective_settings": {"terms": [{"loss": "contextual_bilateral"}]}}
    )


BASELINES = (
    Baseline(
        card=replace(
            CARD,
            name="unet-cobi",
            display_name="U-Net + contextual bilateral loss-rebuilt",
            kind="objective",
            status="reconstruction",
            source="Li et al., JDRL, AAAI 2023, supplement; Zhang et al., Zoom to Learn, Learn to "
            "Zoom, CVPR 2019",
            follows="known: the equations of the loss; chosen, as neither paper prints them: its "
            "weights and the thinning of its features",
            published_as="unet-cobi",
            weights_trained_on=(),
        ),
        build=build,
        recipe=recipe,
    ),
)
