"""From pictures to a prior of 16 tokens, with the names of zhengchen1999/HI-Diff at b3bfd16.

Source: Chen et al., HI-Diff (NeurIPS 2023), figure 2."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from defocus.baselines.layers.padding import pad_to_multiple
from defocus.extras.reconstructions.baselines.swin_diff.mixer import Mixer

PRIOR = 256
"""Channels of a token of the full-size prior."""
SHRINKING = 4
SIDE = 4
"""Number of tokens along each side; a token is the mean of one of 4 x 4 parts of the picture."""
MIXING = 4


class LatentEncoder(nn.Module):
    """Residual convolutions at a quarter of the size, means of parts, a mixer."""

    # ``pictures``: 2 for sharp and blurry, 1 for blurry only. ``blocks``: residual ones. ``prior``:
    # channels of a prior's token.

    def __init__(
        self,
        pictures: int = 1,
        width: int = 64,
        blocks: int = 6,
        prior: int = PRIOR,
    ) -> None:
        super().__init__()
        inputs = 3 * pictures * SHRINKING**2
        self.conv1 = nn.Sequential(nn.Conv2d(inputs, width, 3, padding=1), nn.GELU())
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1),
                nn.GELU(),
                nn.Conv2d(width, width, 3, padding=1),
            )
            for _ in range(blocks)
        )
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.mlp = Mixer(width, MIXING)
        self.end = nn.Sequential(nn.Linear(width, prior), nn.GELU())

    def forward(self, *pictures: Tensor) -> Tensor:
        """The prior, ``(N, 16, prior)``, of RGB in [0, 1]: sharp, then blurry, or blurry alone."""
        padded = pad_to_multiple(torch.cat(pictures, dim=1), SHRINKING)
        features = self.conv1(functional.pixel_unshuffle(padded, SHRINKING))
        for block in self.blocks:
            features = features + block(features)
        means = functional.adaptive_avg_pool2d(self.conv2(features), SIDE)
        prior: Tensor = self.end(self.mlp(means.flatten(2).transpose(1, 2)))
        return prior
