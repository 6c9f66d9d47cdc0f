"""Classical deconvolution: one disc per picture, its size read from the picture's spectrum."""

from defocus.baselines.card import Baseline, Card

BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:make",
        Card(
            name="wiener",
            display_name="Wiener",
            kind="classical",
            status="paper",
            source="Wiener, Extrapolation, Interpolation and Smoothing of Stationary Time Series, "
            "1949; no official code",
            follows="one disc for the whole picture, in linear light, its size fitted to the "
            "picture's radial spectrum (ours); no spatial variation, so several depths are a "
            "compromise towards the sharper; blurry at saturated pixels",
            licence="ours, MIT",
        ),
    ),
)
