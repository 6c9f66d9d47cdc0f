"""GGKMNet, rebuilt: GKMNet's Gaussians in groups, and blur undone by a fixed point."""

from defocus.baselines.card import Baseline, Card

__all__ = ["BASELINES"]


BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:GGKMNet",
        Card(
            name="ggkmnet",
            display_name="GGKMNet-rebuilt",
            kind="network",
            input="single",
            status="reconstruction",
            source="Quan, Wu, Xu, Ji, Gaussian Kernel Mixture Learning, TPAMI 2024, doi "
            "10.1109/TPAMI.2024.3457856; no public code",
            follows="known, from the abstract: GKMNet's mixture of Gaussians in groups that "
            "decouple its coefficients, an unrolled fixed point, a light network that goes from "
            "coarse to fine; chosen, as the text is not at hand: three groups of seven by width, "
            "gates at full and coefficients at half size, two steps per scale, all of the training",
            licence="no code at hand; ours, MIT",
        ),
        narrow={"width": 8, "repeats_input": True},
    ),
)
