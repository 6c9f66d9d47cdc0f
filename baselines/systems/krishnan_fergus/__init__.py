"""Krishnan and Fergus's hyper-Laplacian deconvolution with one disc per picture."""

from defocus.baselines.card import Baseline, Card

BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:make",
        Card(
            name="krishnan-fergus",
            display_name="Krishnan-Fergus",
            kind="classical",
            status="paper",
            source="Krishnan, Fergus, Fast Image Deconvolution using Hyper-Laplacian Priors, NIPS "
            "2009",
            follows="power 2/3, weight 500, six steps in linear light, one disc for the whole "
            "picture, its size fitted to the picture's radial spectrum (ours); mirrored "
            "edges, blurry at saturated pixels",
            licence="ours, MIT",
        ),
    ),
)
