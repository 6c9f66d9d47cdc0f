"""CMDDNet, rebuilt: convolutions for detail and state spaces for long range."""

from defocus.baselines.card import Baseline, Card

__all__ = ["BASELINES"]


BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:CMDDNet",
        Card(
            name="cmddnet",
            display_name="CMDDNet-rebuilt",
            kind="network",
            input="single",
            status="reconstruction",
            source="Dual-Branch CNN-Mamba Method for Image Defocus Deblurring, Applied Sciences 15 "
            "(2025) 3173, doi 10.3390/app15063173; no public code",
            follows="known, from the abstract: a branch of convolutions for detail beside a Mamba "
            "branch for what is far apart, no kernels, 9.74 M parameters; chosen, as the text is "
            "not at hand: a U of four levels, gated convolutions, scans in four directions at a "
            "quarter of the size, counts of blocks that meet the printed size (9,741,731), all of "
            "the training",
            licence="no official code; paper CC BY; ours, MIT",
            published_as="cmddnet",
        ),
        narrow={
            "width": 8,
            "encoder": (1, 1),
            "middle": 2,
        },
        zeroed=("ending",),
    ),
)
