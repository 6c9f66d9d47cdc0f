"""DAEformer, rebuilt: spatial and channel attention, each gated by the other."""

from defocus.baselines.card import Baseline, Card

__all__ = ["BASELINES"]


BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:DAEformer",
        Card(
            name="daeformer",
            display_name="DAEformer-rebuilt",
            kind="network",
            input="dual",
            status="reconstruction",
            source="He, Tian, Zhang, Zhang, Dual Attention Enhanced Transformer, ICIP 2024, doi "
            "10.1109/ICIP51287.2024.10648112; no public code",
            follows="known, from the abstract: self-attention over space or over channels, each "
            "with an auxiliary attention of the other kind, at different levels; dual-pixel "
            "pictures; chosen, as the text is not at hand: Restormer's U and training, windows "
            "of 8 px at the two fine levels, channels at the two coarse ones, gates as auxiliary "
            "attention",
            licence="no official code; ours, MIT",
        ),
        narrow={
            "dim": 8,
            "blocks": (2, 2, 1, 1),
            "refinement": 1,
            "heads": (1, 1, 2, 2),
            "adds_input": True,
        },
        zeroed=("output",),
    ),
)
