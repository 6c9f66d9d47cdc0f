"""JDRL's U-Net trained with the contextual bilateral loss: a rival that its supplement tried.

The card of the U-Net trained with the contextual bilateral loss: the U-Net's own schedules."""

from typing import TYPE_CHECKING

from defocus.baselines.systems.unet import UNET

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES"]


def _contextual(plain: "Recipe") -> "Recipe":
    """The U-Net's settings with the contextual bilateral loss, so that the two compare."""
    terms = [{"loss": "contextual_bilateral"}]
    return plain.model_copy(update={"objective_settings": {"terms": terms}})


BASELINES = (
    UNET.variant(
        "unet-cobi",
        "U-Net + contextual bilateral loss-rebuilt",
        recipe=_contextual,
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
