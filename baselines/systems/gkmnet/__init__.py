"""GKMNet: deblurring as a mixture of Gaussians, unrolled over three scales.

GKMNet's cards: the first repository's network, and the updated one's."""

from typing import TYPE_CHECKING

from defocus.baselines.card import UNKNOWN, Baseline, Card

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

UPDATED_EPOCHS = 3000


def _updated(first: "Recipe") -> "Recipe":
    """The updated network trains for 3000 epochs at one learning rate."""
    from defocus.baselines.recipe import Constant

    return first.model_copy(update={"epochs": UPDATED_EPOCHS, "decay": Constant()})


CARD = Card(
    name="gkmnet",
    display_name="GKMNet",
    source="Quan et al., Gaussian Kernel Mixture Network, NeurIPS 2021; github.com/csZcWu/GKMNet "
    "at 05304e5",
    follows="the released network, whose colours see different thirds of the kernels: its "
    "weights need that; pyramids are antialiased as the released loader's",
    licence="official code and weights: none stated, all rights reserved; reimplemented here, MIT",
    published_as="gkmnet",
    weights_trained_on=(UNKNOWN,),
)
GKMNET = Baseline.of_folder(
    __name__,
    "network:GKMNet",
    CARD,
    narrow={"width": 8, "gaussians": 7, "adds_input": True},
    zeroed=("SumLayer.conv",),
)

BASELINES = (
    GKMNET,
    GKMNET.variant(
        "gkmnet-updating",
        "GKMNet (updated)",
        network={"grouping": "updated"},
        recipe=_updated,
        source="Quan et al., Gaussian Kernel Mixture Network, NeurIPS 2021; "
        "github.com/csZcWu/GKMNet_updating at 3830ec1",
        follows="the authors' second repository: every colour sees every kernel, reflection "
        "at the border; weights of gkmnet have the same shapes but another meaning",
        weights_trained_on=(),
    ),
)
