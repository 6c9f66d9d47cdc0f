"""The card of the classical deconvolution baseline."""

from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

__all__ = ["BASELINES"]


def _build() -> "nn.Module":
    from defocus.baselines.systems.wiener.network import make

    return make()


BASELINES = (
    Baseline(
        card=Card(
            name="wiener",
            display_name="Wiener",
            kind="classical",
            input="single",
            status="paper",
            source="Wiener, Extrapolation, Interpolation and Smoothing of Stationary Time Series, "
            "1949; no official code",
            follows="one disc for the whole picture, in linear light, its size fitted to the "
            "picture's radial spectrum (ours); no spatial variation, so several depths are a "
            "compromise towards the sharper; blurry at saturated pixels",
            licence="ours, MIT",
        ),
        build=_build,
    ),
)
