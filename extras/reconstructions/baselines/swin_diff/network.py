"""Swin-Diff, rebuilt: the transformer, and the diffusion of its prior at test time.

Source: Liang et al., Complex and Intelligent Systems 11 (2025), the abstract; the parts are
HI-Diff's (NeurIPS 2023).
"""

from collections.abc import Sequence

import torch
from torch import nn

from defocus.extras.reconstructions.baselines.swin_diff.diffusion import (
    Denoiser,
    diffused_prior,
    first_noise,
)
from defocus.extras.reconstructions.baselines.swin_diff.encoder import PRIOR, LatentEncoder
from defocus.extras.reconstructions.baselines.swin_diff.transformer.network import Transformer

SEED = 0


class SwinDiff(nn.Module):
    """From a blurry to the restored picture.

    The diffusion starts from noise of a fixed seed, so the same picture gives the same result.

    Args:
        dim: Channels of the transformer's finest level.
        blocks: Number of blocks per level, finest first.
        refinement: Blocks after the decoder.
        heads: Number of heads per level.
        prior: Channels of a prior's token.
        encoder: Channels of the encoder of the blurry picture.
        denoiser: Channels inside the denoiser of the prior.
    """

    def __init__(
        self,
        *,
        dim: int = 48,
        blocks: Sequence[int] = (4, 6, 6, 8),
        refinement: int = 4,
        heads: Sequence[int] = (1, 2, 4, 8),
        prior: int = PRIOR,
        encoder: int = 64,
        denoiser: int = 512,
    ) -> None:
        super().__init__()
        self.channels = prior
        self.transformer = Transformer(
            windowed=True, dim=dim, blocks=blocks, refinement=refinement, heads=heads, prior=prior
        )
        self.encoder = LatentEncoder(width=encoder, prior=prior)
        self.denoiser = Denoiser(denoiser, prior=prior)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture.

        Args:
            blurry: ``(N, 3, H, W)`` float32 RGB in [0, 1]. Padded by reflection on the right and
                below to multiples of 8, and cropped again.

        Returns:
            As ``blurry``, not clamped.
        """
        noise = first_noise(blurry, torch.Generator().manual_seed(SEED), self.channels)
        restored: torch.Tensor = self.transformer(blurry, self.prior(blurry, noise))
        return restored

    def prior(self, blurry: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
        """What the diffusion makes of noise, with the blurry picture as its condition."""
        return diffused_prior(self.denoiser, self.encoder(blurry), start)
