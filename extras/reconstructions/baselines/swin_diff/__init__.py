"""Swin-Diff, rebuilt: a transformer conditioned on a prior from a diffusion."""

from defocus.baselines.card import Baseline, Card

__all__ = ["BASELINES"]


BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:SwinDiff",
        Card(
            name="swin-diff",
            display_name="Swin-Diff-rebuilt",
            kind="generative",
            input="single",
            status="reconstruction",
            source="Liang, Chai, Zhao, Kan, Complex and Intelligent Systems 11 (2025) 170, doi "
            "10.1007/s40747-025-01789-w; no public code; parts of HI-Diff, NeurIPS 2023, "
            "github.com/zhengchen1999/HI-Diff at b3bfd16",
            follows="known, from the abstract: two training stages, a diffusion that makes a prior "
            "in a compact latent space, the prior in all levels of a transformer, attention over "
            "channels and space at linear cost; chosen, as the text is not at hand: HI-Diff's "
            "encoder, diffusion (8 steps, fixed seed) and U, windows of 8 px in every second "
            "block, crops of 256 px",
            licence="no official code; paper CC BY; HI-Diff: Apache-2.0; reimplemented here, MIT",
            published_as="swin-diff",
        ),
        narrow={
            "dim": 8,
            "blocks": (1, 1, 1, 1),
            "refinement": 1,
            "heads": (1, 1, 2, 2),
            "prior": 32,
            "encoder": 8,
            "denoiser": 16,
        },
        zeroed=("transformer.output",),
    ),
)
