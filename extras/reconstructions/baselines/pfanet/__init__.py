"""PFANet, rebuilt: convolutions of three sizes that build on each other, and gates for features."""

from defocus.baselines.card import Baseline, Card

__all__ = ["BASELINES"]


BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:PFANet",
        Card(
            name="pfanet",
            display_name="PFANet-rebuilt",
            kind="network",
            input="single",
            status="reconstruction",
            source="PFANet, Frontiers in Artificial Intelligence and Applications (2024), doi "
            "10.3233/faia241382; the announced code (github.com/HMin-Z/PFANet) could not be read",
            follows="known, from the abstract: three parallel paths of convolutions of different "
            "sizes, extracted and fused progressively, and a feature attention that weighs them; "
            "chosen, as the text is not at hand: sizes 3, 5, 7, a U of four levels, gates per "
            "channel and pixel, all of the training",
            licence="no code at hand; ours, MIT",
        ),
        narrow={
            "width": 8,
            "encoder": (1, 1),
            "middle": 2,
        },
        zeroed=("ending",),
    ),
)
