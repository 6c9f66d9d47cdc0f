"""ContextualDeblur, also called ViTDeblur, with the state-dict names of the released code.

Source: Liang et al., ViTDeblur: A Hierarchical Model for Defocus Deblurring, IEEE TCI 2024; the
released ``UnifyDeblur`` of ``models/ContextualDeblur.py``.
"""

import torch
from torch import nn
from torch.nn import functional

from defocus.baselines.layers.padding import pad
from defocus.baselines.systems.contextual_deblur.tiles import TILE, cut, places, stitch
from defocus.baselines.systems.contextual_deblur.vit import (
    STRIDE,
    ContextualEncoder,
    Decoder,
    PrimaryEncoder,
    initialise,
)

__all__ = ["ContextualDeblur"]

SMALLEST = 30
"""Px; below, the last convolution's reflection would exceed its input."""
FEATURES = 24


class ContextualDeblur(nn.Module):
    """Tiles of 320 px, every 94 px, through a transformer; the rest at full resolution.

    Args:
        encoder: Channels and heads of the primary encoder.
        contextual_heads: Number of heads of the contextual encoder.
        decoder: Channels and heads of the decoder.
        adds_input: Whether the network gives the change to the picture, as narrow copies do; not in
            the paper.
    """

    def __init__(
        self,
        encoder: tuple[int, int] = (768, 12),
        contextual_heads: int = 16,
        decoder: tuple[int, int] = (1024, 16),
        *,
        adds_input: bool = False,
    ) -> None:
        super().__init__()
        self.adds_input = adds_input
        self.primary_encoder = PrimaryEncoder(*encoder)
        self.contextual_encoder = ContextualEncoder(encoder[0], contextual_heads)
        self.decoder = Decoder(encoder[0], *decoder, FEATURES)
        self.outputprojr_step = nn.Conv2d(FEATURES, 3, 13)
        self.inputecoding_step = nn.Conv2d(6, FEATURES, 11)
        initialise(self)

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        """The restored picture.

        Args:
            blurry: ``(N, 3, H, W)`` float32 RGB in [0, 1], H, W >= 16. A side below 320 px is
                reflected at its end to a multiple of 10 (at least 30) and makes the tile smaller.
                Turned to BGR inside, as the released weights expect.

        Returns:
            ``(N, 3, H, W)``, not clamped.
        """
        height, width = blurry.shape[-2:]
        picture = _padded(blurry).flip(1)
        tiled = stitch(picture, self._tile, STRIDE)
        features = self.inputecoding_step(torch.cat([picture, picture], dim=1)) + tiled
        features = functional.pad(features, (11, 11, 11, 11), mode="reflect")
        restored: torch.Tensor = self.outputprojr_step(features)
        restored = picture + restored if self.adds_input else restored
        return restored.flip(1)[..., :height, :width]

    def describe(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the contextual encoder says of each tile of a picture, for training.

        Args:
            picture: See :meth:`forward`.

        Returns:
            Embeddings ``(N, tiles, 128)`` and logits ``(N, tiles)`` that a tile is sharp.
        """
        padded = _padded(picture).flip(1)
        at = places(*padded.shape[-2:])
        tokens = self.primary_encoder(cut(padded, at))[-1]
        embeddings, logits = self.contextual_encoder.describe(tokens)
        by_tile = (len(at), picture.shape[0])
        return (
            torch.unflatten(embeddings, 0, by_tile).transpose(0, 1),
            torch.unflatten(logits, 0, by_tile).transpose(0, 1),
        )

    def _tile(self, tiles: torch.Tensor) -> torch.Tensor:
        """The decoder's features of tiles, 5 px less on each side."""
        features = self.primary_encoder(tiles)
        context = self.contextual_encoder(features[-1])
        rows = tiles.shape[-2] // STRIDE - 1
        decoded: torch.Tensor = self.decoder(context, features, rows)
        return decoded


def _padded(picture: torch.Tensor) -> torch.Tensor:
    """Sides below a tile's become the next multiple of 10."""
    height, width = (
        side if side >= TILE else max(SMALLEST, -(-side // STRIDE) * STRIDE)
        for side in picture.shape[-2:]
    )
    right, below = width - picture.shape[-1], height - picture.shape[-2]
    return pad(picture, (0, right, 0, below))
