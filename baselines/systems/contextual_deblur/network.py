"""ContextualDeblur, also called ViTDeblur, with the state-dict names of the released code.

Source: Liang et al., ViTDeblur: A Hierarchical Model for Defocus Deblurring, IEEE TCI 2024; the
released ``UnifyDeblur`` of ``models/ContextualDeblur.py``.
"""

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.padding import pad
from defocus.baselines.systems.contextual_deblur.tiles import STEP, TILE, cut, places, stitch
from defocus.baselines.systems.contextual_deblur.vit import (
    BLOCKS,
    CONTEXTUAL_BLOCKS,
    PATCH,
    STRIDE,
    ContextualEncoder,
    Decoder,
    PrimaryEncoder,
    initialise,
)

__all__ = ["ContextualDeblur"]

FEATURES = 24
LAST = 13
"""Side of the last convolution, px."""
SMALLEST = 3
"""Strides; with fewer, the last convolution's reflection would exceed its input."""


class ContextualDeblur(nn.Module):
    """Overlapping tiles through a transformer; the rest at full resolution."""

    # ``patch`` is the side of what a token sees, ``stride`` from one token to the next (even, at
    # least half a patch); ``tile`` is a multiple of the stride, ``step`` from one tile to the next,
    # all px. ``adds_input``: the network gives the change to the picture, as narrow copies do; not
    # in the paper.

    def __init__(
        self,
        encoder: tuple[int, int] = (768, 12),
        contextual_heads: int = 16,
        decoder: tuple[int, int] = (1024, 16),
        *,
        blocks: int = BLOCKS,
        contextual_blocks: int = CONTEXTUAL_BLOCKS,
        features: int = FEATURES,
        patch: int = PATCH,
        stride: int = STRIDE,
        tile: int = TILE,
        step: int = STEP,
        adds_input: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.tile, self.step = stride, tile, step
        self.adds_input = adds_input
        self.primary_encoder = PrimaryEncoder(*encoder, blocks, patch, stride)
        self.contextual_encoder = ContextualEncoder(encoder[0], contextual_heads, contextual_blocks)
        self.decoder = Decoder(encoder[0], *decoder, blocks, features, stride)
        self.outputprojr_step = nn.Conv2d(features, 3, LAST)
        self.inputecoding_step = nn.Conv2d(6, features, stride + 1)
        initialise(self)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """Restore ``(N, 3, H, W)`` RGB in [0, 1], H, W >= 16; not clamped. BGR inside."""
        # A side below a tile's is reflected at its end to a multiple of the stride (at least three
        # of them) and makes the tile smaller.
        height, width = blurry.shape[-2:]
        picture = self._padded(blurry).flip(1)
        tiled = stitch(picture, self._tile, self.stride, self.tile, self.step)
        features = self.inputecoding_step(torch.cat([picture, picture], dim=1)) + tiled
        around = self.stride // 2 + LAST // 2
        features = functional.pad(features, (around, around, around, around), mode="reflect")
        restored: torch.Tensor = self.outputprojr_step(features)
        restored = picture + restored if self.adds_input else restored
        return restored.flip(1)[..., :height, :width]

    def describe(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The contextual encoder's ``(N, tiles, 128)``, and logits that a tile is sharp."""
        padded = self._padded(picture).flip(1)
        at = places(padded.shape[-2], padded.shape[-1], self.tile, self.step)
        tokens = self.primary_encoder(cut(padded, at, self.tile))[-1]
        embeddings, logits = self.contextual_encoder.describe(tokens)
        by_tile = (len(at), picture.shape[0])
        return (
            torch.unflatten(embeddings, 0, by_tile).transpose(0, 1),
            torch.unflatten(logits, 0, by_tile).transpose(0, 1),
        )

    def _tile(self, tiles: torch.Tensor) -> torch.Tensor:
        """The decoder's features of tiles, half a stride less on each side."""
        features = self.primary_encoder(tiles)
        context = self.contextual_encoder(features[-1])
        rows = tiles.shape[-2] // self.stride - 1
        decoded: torch.Tensor = self.decoder(context, features, rows)
        return decoded

    def _padded(self, picture: torch.Tensor) -> torch.Tensor:
        """Sides below a tile's become the next multiple of the stride."""
        height, width = (
            side if side >= self.tile else max(SMALLEST, -(-side // self.stride)) * self.stride
            for side in picture.shape[-2:]
        )
        right, below = width - picture.shape[-1], height - picture.shape[-2]
        return pad(picture, (0, right, 0, below))
