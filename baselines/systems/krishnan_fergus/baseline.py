"""The card of the hyper-Laplacian deconvolution."""

from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

__all__ = ["BASELINES"]


def _build() -> "nn.Module":
    from defocus.baselines.systems.krishnan_fergus.network import make

    return make()


BASELINES = (
    Baseline(
        card=Card(
            name="krishnan-fergus",
            display_name="Krishnan-Fergus",
            kind="classical",
            input="single",
            status="paper",
            source="Krishnan, Fergus, Fast Image Deconvolution using Hyper-Laplacian Priors, NIPS "
            "2009",
            follows="power 2/3, weight 500, six steps in linear light, one disc for the whole "
            "picture, its size fitted to the picture's radial spectrum (ours); mirrored "
            "edges, blurry at saturated pixels",
            licence="ours, MIT",
        ),
        build=_build,
    ),
)
