"""The card of the U-Net trained with JDRL: network and schedules are the U-Net's own."""

from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card
from defocus.baselines.unet.baseline import LICENCE, build
from defocus.baselines.unet.baseline import recipe as unet_recipe

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES", "recipe"]

WARMUP_EPOCHS = 15


def recipe() -> "Recipe":
    """The U-Net's settings with JDRL's loss and warm-up, so that the two compare."""
    return unet_recipe().model_copy(update={"objective": "jdrl", "warmup_epochs": WARMUP_EPOCHS})


BASELINES = (
    Baseline(
        card=Card(
            name="jdrl-unet",
            display_name="U-Net + JDRL",
            kind="objective",
            input="single",
            status="paper",
            source="Li et al., JDRL, AAAI 2023; github.com/liyucs/JDRL at c9c420e",
            follows="flow-deformed loss both ways, isotropic reblurring; the released code's "
            "warm-up; the paper's mask on the flow's magnitude (the code's is on a colour picture "
            "of the flow), all ones below a mean of 0.1 px (ours); a correct warp grid (the "
            "code's is half a pixel off at the borders); DIS flow until PWC-Net has weights",
            licence=LICENCE,
            published_as="jdrl-unet",
        ),
        build=build,
        recipe=recipe,
    ),
)
