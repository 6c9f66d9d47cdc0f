"""Swin-Diff, rebuilt of HI-Diff's parts: the transformer, and the diffusion of its prior.

Source: Liang et al., Complex and Intelligent Systems 11 (2025), the abstract."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from defocus.extras.reconstructions.baselines.swin_diff.diffusion import (
    Denoiser,
    diffused_prior,
    first_noise,
)
from defocus.extras.reconstructions.baselines.swin_diff.encoder import (
    PRIOR,
    LatentEncoder,
)
from defocus.extras.reconstructions.baselines.swin_diff.transformer.network import (
    Transformer,
)

SEED = 0


class SwinDiff(nn.Module):
    """From a blurry to the restored picture.

    The diffusion starts from noise of a fixed seed, so the same picture gives the same result."""

    # ``dim``: channels of the transformer's finest level. ``blocks``: blocks per level, finest
    # first. ``prior``: channels of a prior's token. ``encoder``: channels of the encoder of the
    # blurry picture. ``denoiser``: channels inside the denoiser of the prior.

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
            windowed=True,
            dim=dim,
            blocks=blocks,
            refinement=refinement,
            heads=heads,
            prior=prior,
        )
        self.encoder = LatentEncoder(width=encoder, prior=prior)
        self.denoiser = Denoiser(denoiser, prior=prior)

    def forward(self, blurry: Tensor) -> Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], not clamped."""
        noise = first_noise(blurry, torch.Generator().manual_seed(SEED), self.channels)
        restored: Tensor = self.transformer(blurry, self.prior(blurry, noise))
        return restored

    def prior(self, blurry: Tensor, start: Tensor) -> Tensor:
        """The prior that the diffusion makes of noise, with the blurry picture as its condition."""
        return diffused_prior(self.denoiser, self.encoder(blurry), start)
